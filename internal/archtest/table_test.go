package archtest

// module is the path of our module; in the tables its root package is called
// "potok", every other package by its directory.
const (
	module = "github.com/potok-go/potok"
	root   = "potok"
)

// A row says what the files of one package may import besides the standard
// library. What its test files may import on top stands in testExtra.
type row struct {
	pkg      string
	ours     []string // packages of ours
	modules  []string // modules of others, by module path
	testOnly bool     // made for tests: judged as a test file is, and only tests may import it
}

// table is the arrows of the architecture, importer → imported. A change here
// is a change of the architecture: say why in the commit, and keep
// docs/DEPENDENCIES.md in step (rules_test.go compares the two).
var table = []row{
	{pkg: root, ours: []string{"queue", "internal/registry"}},
	{pkg: "queue"},
	{pkg: "lock", modules: []string{"github.com/petermattis/goid"}},

	{
		pkg:     "process",
		ours:    []string{root, "internal/remote", "internal/wire", "internal/registry"},
		modules: []string{"golang.org/x/sys"},
	},
	{
		pkg:     "cluster",
		ours:    []string{root, "internal/wire", "internal/registry", "internal/remote"},
		modules: []string{"github.com/nats-io/nats.go"},
	},
	{
		pkg: "cluster/embedded",
		modules: []string{
			"github.com/nats-io/nats-server/v2",
			"github.com/nats-io/nats.go",
		},
	},
	{pkg: "cluster/faults", testOnly: true}, // tests that kill and cut
	{
		pkg:  "progress",
		ours: []string{root},
		modules: []string{
			"golang.org/x/text",
			"golang.org/x/term",
		},
	},
	{
		pkg:  "titles",
		ours: []string{root, "queue"},
		modules: []string{
			"golang.org/x/net",
			"golang.org/x/text",
			"github.com/andybalholm/brotli",
			"github.com/andybalholm/cascadia",
			"github.com/antchfx/htmlquery",
			"github.com/antchfx/xpath",
			"github.com/klauspost/compress",
			"github.com/temoto/robotstxt",
		},
	},
	{
		pkg:  "titles/internal/corpus", // a command: judges titles against real pages
		ours: []string{"titles"},
	},
	{
		pkg:  "cmd/potok",
		ours: []string{root, "titles", "progress", "process", "cluster", "cluster/embedded"},
		modules: []string{
			"github.com/spf13/cobra",
			"github.com/spf13/pflag",
			"github.com/nats-io/nats.go", // --nats URL: somebody has to connect
			"golang.org/x/term",
		},
	},

	{pkg: "internal/registry"},
	{
		pkg:     "internal/wire",
		ours:    []string{"internal/registry"},
		modules: []string{"github.com/fxamacker/cbor/v2"},
	},
	{pkg: "internal/remote", ours: []string{root, "internal/registry"}},
	{
		pkg:      "internal/exectest",
		ours:     []string{root, "internal/registry", "internal/remote", "internal/wire"},
		testOnly: true,
	},
	{pkg: "internal/archtest", testOnly: true},
}

// planned are the rows whose package does not exist yet. A row that is neither
// here nor in the tree is a misspelling.
var planned = []string{}

// standardOnly are the packages that whoever wants futures pays for: neither
// they nor what they import may take a module of others, save these.
var standardOnly = map[string][]string{
	root:    nil,
	"queue": nil,
	"lock":  {"github.com/petermattis/goid"}, // the runtime has no cheap goroutine id
}

// testModules may be imported by every test, and by nothing else.
var testModules = []string{
	"github.com/google/go-cmp",
	"github.com/nats-io/jwt/v2",
	"github.com/nats-io/nkeys",
	"github.com/rogpeppe/go-internal", // testscript
	"go.uber.org/goleak",
}

// testPackages are packages of ours that every test may import.
var testPackages = []string{"internal/exectest"}

// testExtra is what the tests of one package may import on top of what its
// other files, testModules and testPackages allow: packages of ours by name,
// modules by path.
var testExtra = map[string][]string{
	root:                     {"lock", "titles"}, // the notebook's cells
	"queue":                  {root},             // external tests: a queue between tasks
	"lock":                   {root},
	"process":                {"queue", "lock"},
	"cluster":                {"cluster/embedded", "process", "github.com/nats-io/nats-server/v2"},
	"cluster/faults":         {root, "cluster", "cluster/embedded", "internal/wire", "github.com/nats-io/nats-server/v2", "github.com/nats-io/nats.go"},
	"cmd/potok":              {"queue", "golang.org/x/net", "github.com/nats-io/nats-server/v2"},
	"titles/internal/corpus": {root},
}
