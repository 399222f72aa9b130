package titles

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// A candidate is a charset that pages leave undeclared, with the judge of whether text decoded by it is language.
type candidate struct {
	charset
	judge  func(text []rune) verdict
	enough float64
}

// verdict is about the non-ASCII characters of a text: the sum of their scores, each from 1 (what a usual text of that language is
// made of) down through 0 (possible) to below (never in a text), and how many there are.
type verdict struct {
	score float64
	count int
}

var candidates = []candidate{
	{charset{"windows-1251", charmap.Windows1251}, judgeCyrillic, enoughCyrillic},
	{charset{"koi8-u", charmap.KOI8U}, judgeCyrillic, enoughCyrillic}, // a superset of koi8-r in letters
	{charset{"ibm866", charmap.CodePage866}, judgeCyrillic, enoughCyrillic},
	{charset{"iso-8859-5", charmap.ISO8859_5}, judgeCyrillic, enoughCyrillic},
	{charset{"x-mac-cyrillic", charmap.MacintoshCyrillic}, judgeCyrillic, enoughCyrillic},
	{charset{"shift_jis", japanese.ShiftJIS}, judgeJapanese, enough},
	{charset{"euc-jp", japanese.EUCJP}, judgeJapanese, enough},
	{charset{"gbk", simplifiedchinese.GB18030}, judgeSimplified, enough},
	{charset{"big5", traditionalchinese.Big5}, judgeTraditional, enough},
	{charset{"euc-kr", korean.EUCKR}, judgeKorean, enough},
}

const (
	// From these mean scores on a text is taken for language; below them windows-1252 is as good a guess as any. Every byte is a
	// letter of some Cyrillic alphabet, so there more is asked: Greek, Hebrew and Arabic come up to 0.6.
	enough         = 0.3
	enoughCyrillic = 0.62
	// nearlyAll is how many good sequences one broken sequence may stand for in a text that is UTF-8 all the same.
	nearlyAll = 20
)

// detect guesses the charset of a sample of a page that does not name it.
func detect(sample []byte) charset {
	if looksISO2022JP(sample) {
		return iso2022Charset
	}
	if isMostlyUTF8(sample) {
		return utf8Charset
	}
	text := withContext(sample)
	best, bestMean := latin(text)
	for _, c := range candidates {
		v := c.judge([]rune(c.decode(text)))
		if v.count == 0 {
			continue
		}
		if mean := v.score / float64(v.count); mean > bestMean && mean >= c.enough {
			best, bestMean = c.charset, mean
		}
	}
	if bestMean < enough {
		return windows1252
	}
	if best.name == "koi8-u" && !hasUkrainianKOI8(text) {
		return charset{"koi8-r", charmap.KOI8R}
	}
	return best
}

// withContext keeps the words with non-ASCII bytes in them, and a space between: the rest says nothing.
func withContext(sample []byte) []byte {
	const around = 3 // bytes of ASCII kept on either side; markup among them ends a word as well as a space does
	kept := make([]byte, 0, len(sample))
	end := 0 // of what was kept last
	for i, c := range sample {
		if c < 0x80 {
			continue
		}
		start := max(end, i-around)
		if start > end && len(kept) > 0 {
			kept = append(kept, ' ')
		}
		next := min(len(sample), i+1+around)
		if next > end {
			kept = append(kept, sample[start:next]...)
			end = next
		}
	}
	return kept
}

// looksISO2022JP reports whether every byte is ASCII and some escape sequence switches to Japanese.
func looksISO2022JP(sample []byte) bool {
	if !bytes.Contains(sample, []byte("\x1b$B")) && !bytes.Contains(sample, []byte("\x1b$@")) {
		return false
	}
	for _, c := range sample {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// isMostlyUTF8 forgives a sequence cut off by the sample's end, and rare damage.
func isMostlyUTF8(sample []byte) bool {
	good, bad := 0, 0
	for len(sample) > 0 {
		if sample[0] < utf8.RuneSelf {
			sample = sample[1:]
			continue
		}
		r, size := utf8.DecodeRune(sample)
		switch {
		case r != utf8.RuneError || size > 1:
			good++
		case utf8.FullRune(sample):
			bad++
		}
		sample = sample[size:]
	}
	return bad == 0 || bad*nearlyAll < good
}

// hasUkrainianKOI8 reports whether one of the letters by which koi8-u differs from koi8-r stands beside another letter.
func hasUkrainianKOI8(text []byte) bool {
	for i, c := range text {
		switch c {
		case 0xA4, 0xA6, 0xA7, 0xAD, 0xB4, 0xB6, 0xB7, 0xBD:
			if i > 0 && text[i-1] >= 0xC0 || i+1 < len(text) && text[i+1] >= 0xC0 {
				return true
			}
		}
	}
	return false
}
