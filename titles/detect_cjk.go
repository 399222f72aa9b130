package titles

import (
	"sync"
	"unicode"
)

// The characters that running text is mostly made of, and the words that pages about themselves use.
const (
	usualSimplified = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运" +
		"网站页标题首软件版本开源搜索论坛新闻下载视频图片音乐游戏服务器系统用户帮助链接联系中心资料信息关于我们欢迎登录注册手机技术使用常见问答参考手册维护者指南介绍编写安装配置测试汉字语言简体编码示例"
	usualTraditional = "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界達光放強即像難且權思王象完設式色路記南品住告類求據程北邊死張該交規萬取拉格望覺術領共確傳師觀清今切院讓識候帶導爭運" +
		"網站頁標題首軟體版本開源搜尋論壇新聞下載視訊圖片音樂遊戲服務器系統使用者幫助連結聯絡中心資料信息關於我們歡迎登入註冊手機技術常見問答參考手冊維護者指南介紹編寫安裝設定測試漢字語言繁體編碼示例臺灣香港"
	usualKanji  = "日一国人年大十二本中長出三同時政事自行社見月分議後前民生連五発間対上部東者党地合市業内相方四定今回新場金員九入選立開手米力学問高代明実円関決子動京全目表戦経通外最言氏現理調体化田当八六約主題下首意法不来作性的要用制治度務強気小七成期公野協取都和統以機平総加山思家話世受区領多県続進正安設保改数記院女初北午指権心界支第産結百派点教報済書府活原先共得解名交資予川向際査勝面委告軍文反元重近千考判認画海参売利組知案道信策集在件団別物側任引使求所次水半品昨論計死官増係感特情投示変打男基私各始島直両朝革価式確村提運終挙果西勢減台広容必応演電歳住争談能無再位置企真流格有疑口過局少放税検藤町常校料沢裁状工建語球営空職証土与急止送援供可役構木割聞身費付施切由説転食比難防補車優夫研収断井何南石足違消境神番規術護展態導鮮備宅害配副算視条幹独警宮究育席輸訪楽起万着乗店述残想線率病農州武声質念待試族象銀域助労例衛然早張映限親額監環験追審商葉義伝働形景落欧担好退準賞訴辺造英被株頭技低毎医復仕去姿味負閣韓渡失移差衆個門写評課末守若脳極種美岡影命含福蔵量望松非撃佐核観察整段横融型白深字答夜製票況音申様財港識注呼渉達漢版編索載覧稿索頁" // as newspapers use them
	usualHangul = "이다의는에을가고하한를은지로도사기서자인어리대아스시나일정해과부전그들만수있라주보여제조상장구우것성거당원국공면안경동어없할니오등까민말게위신저선실같비화음생적교관미요방중개내운연소명계마유문영물학때년무모으업트시드및러했던바와세치심체터차재통회발용반금된르산입출결후못데합분새집프속진각본월단작양호설종표목타려강권직간길행모임번네건식울박레크노더남품변질술페즈블히최호카또외처달천여현포래능필접두력류매될됩습살배평급야피즘론인터넷사이트홈페이지제목한국어안녕하세요소식검색게시판뉴스메뉴고객센터도움말문서설치개발자질문답변파일쓰기읽기"
)

// The sets are made when a page first asks for them: most runs never do.
var (
	simplified  = sync.OnceValue(func() map[rune]bool { return setOf(usualSimplified) })
	traditional = sync.OnceValue(func() map[rune]bool { return setOf(usualTraditional) })
	kanji       = sync.OnceValue(func() map[rune]bool { return setOf(usualKanji) })
	hangul      = sync.OnceValue(func() map[rune]bool { return setOf(usualHangul) })
)

func setOf(s string) map[rune]bool {
	set := make(map[rune]bool)
	for _, r := range s {
		set[r] = true
	}
	return set
}

// A script says how much a character of each kind belongs into texts of a language.
type script struct {
	usual                                  map[rune]bool
	otherHan, kana, otherHangul, halfwidth float64
}

func judgeSimplified(text []rune) verdict {
	return script{simplified(), 0.1, -0.5, -1, -1}.judge(text)
}

func judgeTraditional(text []rune) verdict {
	return script{traditional(), 0.1, -0.5, -1, -1}.judge(text)
}

func judgeJapanese(text []rune) verdict {
	return script{kanji(), 0.1, 1, -1, -0.5}.judge(text)
}

func judgeKorean(text []rune) verdict {
	return script{hangul(), -0.5, -0.5, 0.3, -1}.judge(text)
}

// judge counts a character of two bytes twice, so that its verdict compares with those on charsets of one byte.
func (s script) judge(text []rune) verdict {
	var v verdict
	for i, r := range text {
		if r < 0x80 {
			continue
		}
		score, weight := s.score(r), 2
		switch {
		case 0xFF61 <= r && r <= 0xFF9F:
			weight = 1
		case r == unicode.ReplacementChar:
			weight = 1
		case score > 0 && score < 1 && isolated(text, i):
			score -= 0.3 // an accented letter and the ASCII letter behind it can look like one rare character
		}
		v.score += score * float64(weight)
		v.count += weight
	}
	return v
}

func (s script) score(r rune) float64 {
	switch {
	case s.usual[r]:
		return 1
	case 0xFF61 <= r && r <= 0xFF9F:
		return s.halfwidth
	case unicode.Is(unicode.Hiragana, r), unicode.Is(unicode.Katakana, r), r == 'ー':
		return s.kana
	case unicode.Is(unicode.Han, r):
		return s.otherHan
	case unicode.Is(unicode.Hangul, r):
		return s.otherHangul
	case 0x3000 <= r && r < 0x3040, 0xFF00 <= r && r < 0xFF61:
		return 0.6 // punctuation, wide forms
	case 0x2010 <= r && r <= 0x2027, r == '·', r == '×', r == '℃':
		return 0.4
	case r == unicode.ReplacementChar, unicode.Is(unicode.Co, r), r < 0xA0:
		return -4
	}
	return -0.3
}

func isolated(text []rune, i int) bool {
	prev, next := neighbours(text, i)
	return prev < 0x80 && next < 0x80
}
