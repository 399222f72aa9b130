package titles

import (
	"math"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/encoding/charmap"
)

// A language is told from others by how its letters beyond ASCII are distributed. Each is listed as often as it occurs in about a
// hundred of them.
type language map[rune]float64

// languageOf takes letters with counts, in descending order of use.
func languageOf(letters string, counts ...float64) language {
	l, sum := make(language), 0.0
	for _, n := range counts {
		sum += n
	}
	i := 0
	for _, r := range letters {
		l[r] = counts[i] / sum
		i++
	}
	return l
}

var western = sync.OnceValue(func() []language {
	return []language{
		languageOf("éèàêçôûùîâïëœ’", 52, 13, 14, 7, 5, 3, 1, 1, 2, 2, 1, 0.5, 0.5, 4), // French
		languageOf("üäöß", 36, 32, 18, 14),                                            // German
		languageOf("óíáéñúü¿¡", 34, 23, 18, 12, 9, 4, 0.5, 1, 0.5),                    // Spanish
		languageOf("ãçáéíóõêâúàô", 22, 16, 14, 13, 11, 9, 6, 5, 3, 3, 2, 1),           // Portuguese
		languageOf("àèòùéìç", 25, 27, 10, 14, 12, 11, 0.5),                            // Italian
		languageOf("äöå", 45, 30, 25),                                                 // Swedish
		languageOf("äö", 78, 22),                                                      // Finnish
		languageOf("øåæé", 38, 38, 22, 2),                                             // Danish, Norwegian
		languageOf("áðíóæöþúéýø", 16, 18, 15, 13, 8, 8, 8, 5, 5, 3, 0.2),              // Icelandic
		languageOf("éëïóèüöà", 35, 30, 12, 6, 6, 4, 4, 3),                             // Dutch
		languageOf("àéèíóòçúïü·", 22, 16, 18, 12, 10, 8, 5, 4, 3, 0.5, 1),             // Catalan
	}
})

var central = sync.OnceValue(func() []language {
	return []language{
		languageOf("íáěéýřčžšůúťňďó", 20, 17, 11, 11, 7, 8, 7, 7, 6, 4, 1, 0.4, 0.3, 0.3, 0.2),       // Czech
		languageOf("áíéčýšžúľťôňäďóĺŕ", 20, 12, 10, 12, 11, 9, 10, 8, 4, 3, 2, 1, 1, 1, 1, 0.2, 0.1), // Slovak
		languageOf("łąęóżśćńź", 24, 16, 17, 13, 13, 10, 6, 4, 1),                                     // Polish
		languageOf("áéöőóüíúű", 28, 30, 9, 9, 9, 5, 5, 2.5, 2),                                       // Hungarian
		languageOf("čšžćđ", 30, 30, 20, 14, 6),                                                       // Croatian, Slovene
		languageOf("ăîâşţ", 40, 15, 9, 18, 18),                                                       // Romanian
	}
})

var latinCharsets = []struct {
	charset
	languages func() []language
	bonus     float64 // how much likelier by itself: pages in Central European charsets are rarer, and mostly say so
}{
	{windows1252, western, 0.3},
	{charset{"windows-1250", charmap.Windows1250}, central, 0},
	{charset{"iso-8859-2", charmap.ISO8859_2}, central, -0.05},
}

// latin returns the likeliest charset of the Latin ones, and how much the text is like Latin script.
func latin(text []byte) (charset, float64) {
	best, bestLikelihood, bestMean := windows1252, math.Inf(-1), math.Inf(-1)
	for _, c := range latinCharsets {
		runes := []rune(c.decode(text))
		if l := likelihood(runes, c.languages()) + c.bonus; l > bestLikelihood {
			v := judgeLatin(runes)
			best, bestLikelihood, bestMean = c.charset, l, v.score/float64(max(v.count, 1))
		}
	}
	return best, bestMean
}

// likelihood is the mean logarithm of the probability of the characters beyond ASCII in the likeliest of the languages.
func likelihood(text []rune, languages []language) float64 {
	best := math.Inf(-1)
	for _, l := range languages {
		sum, count := 0.0, 0
		for i, r := range text {
			if r < 0x80 {
				continue
			}
			count++
			prev, next := neighbours(text, i)
			p, known := l[unicode.ToLower(r)]
			switch {
			case known && (unicode.IsUpper(r) && unicode.IsLower(prev) || unicode.IsLower(r) && unicode.IsUpper(next)):
				sum += math.Log(p / 20)
			case known && !unicode.IsLetter(prev) && !unicode.IsLetter(next) && !strings.ContainsRune("àáéíóúêôñå", r):
				sum += math.Log(p / 20) // no word
			case known && !mayFollow(r, next):
				sum += math.Log(p / 20)
			case known:
				sum += math.Log(p)
			case unicode.IsLetter(r):
				sum += math.Log(1e-3)
			default:
				sum += math.Log(0.1) + 3*min(symbolScore(r, prev, next), 0)
			}
		}
		best = max(best, sum/float64(max(count, 1)))
	}
	return best
}

// mayFollow knows what stands behind letters that look like another language's in another charset: ñ like the Polish ń, õ like the
// Hungarian ő, ç with an ã or õ in Portuguese.
func mayFollow(r, next rune) bool {
	next = unicode.ToLower(next)
	switch unicode.ToLower(r) {
	case 'ñ':
		return strings.ContainsRune("aeiouáéíóú", next)
	case 'ń':
		return !strings.ContainsRune("aeiouóáéíúąę", next)
	case 'õ':
		return next == 'e'
	case 'ã':
		return !unicode.IsLetter(next) || strings.ContainsRune("oes", next)
	case 'ă':
		return next != 'o' && next != 'e'
	case 'ç':
		return strings.ContainsRune("aouáãõâéeiôú", next)
	}
	return true
}

// judgeLatin knows Latin script by its letters beyond ASCII standing alone among those of ASCII.
func judgeLatin(text []rune) verdict {
	var v verdict
	for i, r := range text {
		if r < 0x80 {
			continue
		}
		v.count++
		prev, next := neighbours(text, i)
		switch {
		case !unicode.Is(unicode.Latin, r):
			v.score += symbolScore(r, prev, next)
		case prev >= 0x80 && next >= 0x80 && unicode.IsLetter(prev) && unicode.IsLetter(next):
			v.score -= 0.6
		case unicode.IsUpper(r) && unicode.IsLower(prev) && !unicode.IsLower(next):
			v.score--
		case isASCIILetter(prev), isASCIILetter(next):
			v.score += 0.8
		case !unicode.IsLetter(prev) && !unicode.IsLetter(next) && nearASCIIWord(text, i):
			v.score += 0.6
		default:
			v.score += 0.2
		}
	}
	return v
}
