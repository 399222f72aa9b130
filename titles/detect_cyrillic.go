package titles

import (
	"slices"
	"strings"
	"sync"
	"unicode"
)

// cyrillicFrequency scores letters by how usual they are in the languages that have them.
var cyrillicFrequency = sync.OnceValue(func() map[rune]float64 {
	return scores(map[float64]string{
		1.0: "оеаинтсрвл",
		0.9: "кмдпуії",
		0.7: "яыьзгбчјє",
		0.5: "йхжшюцщљњ",
		0.3: "эфћђџўґќѓѕ",
		0.1: "ъё",
	})
})

// cyrillicAlphabets are those of Russian, Ukrainian, Belarusian, Bulgarian, Serbian and Macedonian. A wrong charset makes words
// with letters from several.
var cyrillicAlphabets = sync.OnceValue(func() []map[rune]bool {
	return []map[rune]bool{
		setOf("абвгдеёжзийклмнопрстуфхцчшщъыьэюя"),
		setOf("абвгґдеєжзиіїйклмнопрстуфхцчшщьюя"),
		setOf("абвгдеёжзійклмнопрстуўфхцчшыьэюя"),
		setOf("абвгдежзийклмнопрстуфхцчшщъьюя"),
		setOf("абвгдђежзијклљмнњопрстћуфхцчџш"),
		setOf("абвгдѓежзѕијклљмнњопрстќуфхцчџш"),
	}
})

// cyrillicPairs are the pairs of letters in usual words, with a space for a word's begin and end.
var cyrillicPairs = sync.OnceValue(func() map[[2]rune]bool {
	pairs := make(map[[2]rune]bool)
	prev := ' '
	for _, r := range " " + usualCyrillicWords + " " {
		pairs[[2]rune{prev, r}] = true
		prev = r
	}
	return pairs
})

const usualCyrillicWords = "и в не на я быть он с что а по это она этот к но они мы весь который из у то за свой ещё от такой мочь себя другой наш самый " +
	"ты кто только один уже если время год два дело жизнь день рука очень даже первый вопрос сторона люди страна мир случай конец вид система " +
	"часть город отношение женщина деньги земля машина вода отец проблема час право дверь образ история власть закон решение россия " +
	"российский сегодня новости главная страница сайт добро пожаловать поиск статьи публикации список литература каталог раздел глава " +
	"приложение введение содержание руководство пользователя описание установка настройка файл программа программное обеспечение пакет " +
	"версия помощь вход выход регистрация пароль объявления общие вопросы ответы обсуждение форум сообщение контакты о нас компания услуги " +
	"цены магазин товары купить продажа скачать бесплатно музыка фильмы фотографии видео игры погода москва санкт петербург область район " +
	"университет институт школа образование наука техника культура искусство здоровье медицина спорт футбол политика экономика общество " +
	"происшествия интернет компьютер сервер сеть связь данные защита ошибка доступ запрещён найдена обновление лицензия разработчик " +
	"использование возможности параметры команда строка пример создание изменение удаление просмотр зависимости предыдущая следующая " +
	"расписание поездов электричек авиабилеты гостиницы туризм отдых автомобили недвижимость квартиры работа вакансии яндекс почта " +
	"заголовок читатель обращение электронный чтобы больше лучший всех также между через после перед сейчас здесь можно нужно хорошо " +
	"об объект съезд подъезд мышь ночь речь мощь вещь помощник лодка шёл ещё всё её твоё жизни людей лет стал было были есть будет эти " +
	"і та що це як для від до є її їх його україна українські новини головна сторінка київ їжак ґанок сьогодні який місто " +
	"съдържание начало българия български търсене страница въпроси отговори първа така също къде бъде може " +
	"србија српски почетна вести језик њега људи који није такође ћирилица ђак џеп македонија"

// judgeCyrillic tells the five Cyrillic charsets apart, and from all others: by the best of the alphabets, by pairs of letters, and
// by the case of neighbours, which a wrong charset mixes up.
func judgeCyrillic(text []rune) verdict {
	frequency, alphabets := cyrillicFrequency(), cyrillicAlphabets()
	count, places := 0, 0.0
	letters := make([]float64, len(alphabets)) // the sum by each alphabet
	for i, r := range text {
		if r < 0x80 {
			continue
		}
		count++
		if !unicode.Is(unicode.Cyrillic, r) {
			prev, next := neighbours(text, i)
			places += symbolScore(r, prev, next)
			continue
		}
		places += cyrillicInPlace(text, i)
		lower := unicode.ToLower(r)
		for k, alphabet := range alphabets {
			if alphabet[lower] {
				letters[k] += frequency[lower]
			} else {
				letters[k]--
			}
		}
	}
	return verdict{places + slices.Max(letters), count}
}

// cyrillicInPlace judges where the letter text[i] stands.
func cyrillicInPlace(text []rune, i int) float64 {
	r := text[i]
	prev, next := neighbours(text, i)
	score := 0.0
	switch {
	case isASCIILetter(prev), isASCIILetter(next):
		score-- // one word in two alphabets
	case !unicode.IsLetter(prev) && !unicode.IsLetter(next):
		if !strings.ContainsRune("авикосуяізє", unicode.ToLower(r)) || nearASCIIWord(text, i) {
			score -= 1.2 // no word, or none among these
		}
	case unicode.IsUpper(r) && unicode.IsLower(prev) && unicode.IsLower(next):
		score -= 0.4 // words run together
	case unicode.IsUpper(r) && unicode.IsLower(prev):
		score -= 1.5
	case unicode.IsUpper(r) && (unicode.IsUpper(prev) || unicode.IsUpper(next)):
		score -= 0.2 // whole words in capitals are rarer than in small letters
	}
	if unicode.IsLower(prev) && unicode.IsUpper(r) {
		prev = ' '
	}
	if !cyrillicPairs()[[2]rune{letterOrSpace(prev), unicode.ToLower(r)}] {
		score -= 0.5
	}
	if !unicode.IsLetter(next) && !cyrillicPairs()[[2]rune{unicode.ToLower(r), ' '}] {
		score -= 0.5
	}
	return score
}

func letterOrSpace(r rune) rune {
	if unicode.IsLetter(r) {
		return unicode.ToLower(r)
	}
	return ' '
}

// nearASCIIWord reports whether the word before or behind text[i] ends or begins in ASCII letters.
func nearASCIIWord(text []rune, i int) bool {
	for _, near := range []int{i - 3, i - 2, i + 2, i + 3} {
		if near >= 0 && near < len(text) && isASCIILetter(text[near]) {
			return true
		}
	}
	return false
}

// symbolScore judges a character that is no letter of the script looked for.
func symbolScore(r, prev, next rune) float64 {
	inWord := unicode.IsLetter(prev) && unicode.IsLetter(next)
	switch {
	case r == unicode.ReplacementChar:
		return -4
	case r < 0xA0:
		return -3
	case r == '’' || r == '‘':
		return 0.3 // an apostrophe may stand in a word
	case strings.ContainsRune("\u00A0«»—–“”„…•№", r):
		switch {
		case !inWord:
			return 0.3
		case r == '—' || r == '–' || r == '\u00A0':
			return -0.3
		}
		return -1
	case strings.ContainsRune("©®™°§·×€±¿¡£¥", r):
		if inWord {
			return -1
		}
		return 0
	case unicode.IsLetter(r):
		return -1 // of some other script
	}
	return -1.2 // box drawings, for one
}

// scores turns score → letters into letter → score.
func scores(letters map[float64]string) map[rune]float64 {
	all := make(map[rune]float64)
	for score, ls := range letters {
		for _, r := range ls {
			all[r] = score
		}
	}
	return all
}

// neighbours returns the characters before and after text[i], spaces at the ends.
func neighbours(text []rune, i int) (prev, next rune) {
	prev, next = ' ', ' '
	if i > 0 {
		prev = text[i-1]
	}
	if i+1 < len(text) {
		next = text[i+1]
	}
	return prev, next
}

func isASCIILetter(r rune) bool { return r < 0x80 && isLetter(byte(r)) }
