package wire

import (
	"encoding"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/potok-go/potok/internal/registry"
)

type (
	step struct {
		Name string
		Hook func()
	}
	script struct {
		Steps []step
		Next  *script
	}
	hidden  struct{ secret int } //nolint:unused // that nobody can is the point
	Base    struct{ ID int }
	Other   struct{ ID int }
	plain   struct{ A int }
	named   int
	endless []endless
	loop    *loop

	// halves of marshalers
	onlyOut   struct{ A int }
	onlyIn    string
	onlyBytes [4]byte
	harmless  struct{ A int } // becomes a map, which UnmarshalText is never asked about
)

func (onlyOut) MarshalText() ([]byte, error)    { return nil, nil }
func (*onlyIn) UnmarshalText([]byte) error      { return nil }
func (*onlyBytes) UnmarshalBinary([]byte) error { return nil }
func (*harmless) UnmarshalText([]byte) error    { return nil }
func (*harmless) UnmarshalJSON([]byte) error    { return nil }
func (harmless) MarshalJSON() ([]byte, error)   { return nil, nil }
func (plain) Error() string                     { return "" }
func typeOf[T any]() reflect.Type               { return reflect.TypeFor[T]() }
func task(name string, in, out reflect.Type) string {
	return failed(CheckTask(&registry.Task{Name: name, In: in, Out: out}))
}

func failed(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestTypesThatCannotBeSentAreNamed(t *testing.T) {
	for _, c := range []struct {
		typ  reflect.Type
		want string
	}{
		{typeOf[script](), "script.Steps[].Hook is a func()"},
		{typeOf[*script](), "script.Steps[].Hook is a func()"},
		{typeOf[map[string][]*script](), "script[][].Steps[].Hook is a func()"},
		{typeOf[chan int](), "it is a chan int"},
		{typeOf[any](), "it is a interface {}"},
		{typeOf[error](), "error is a interface (error)"},
		{typeOf[struct{ V any }](), ".V is a interface {}"},
		{typeOf[struct{ E encoding.TextMarshaler }](), ".E is a interface (encoding.TextMarshaler)"},
		{typeOf[complex128](), "complex128"},
		{typeOf[complex64](), "complex64"},
		{typeOf[uintptr](), "uintptr"},
		{typeOf[unsafe.Pointer](), "Pointer is a unsafe.Pointer"},
		{typeOf[hidden](), "hidden.secret is not exported"},
		{typeOf[[]hidden](), "hidden[].secret is not exported"},
		{typeOf[struct{ hidden }](), ".hidden.secret is not exported"},
		{typeOf[struct{ named }](), ".named is not exported"},
		{typeOf[struct{ mu sync.Mutex }](), ".mu is not exported"},
		{typeOf[struct {
			plain `cbor:"p"`
		}](), ".plain is not exported"},
		{typeOf[map[string]chan int](), "it[] is a chan int"},
		{typeOf[map[any]int](), "[key] is a interface {}"},

		// what the codec would change in silence
		{typeOf[**int](), "a pointer to nil would arrive as nil"},
		{typeOf[loop](), "a pointer to nil would arrive as nil"},
		{typeOf[struct{ P *[]int }](), ".P is a *[]int: a pointer to nil"},
		{typeOf[struct{ P *map[int]int }](), ".P is a *map[int]int: a pointer to nil"},
		{typeOf[map[*int]int](), "a pointer arrives as another one"},
		{typeOf[map[[2]struct{ P *int }]int](), "a pointer arrives as another one"},
		{typeOf[map[time.Time]int](), "use UnixNano"},
		{typeOf[map[struct{ At time.Time }]int](), "use UnixNano"},
		{typeOf[struct{ *Base }](), ".Base is an embedded pointer"},
		{typeOf[struct {
			Base
			Other
		}](), "it.Base.ID and it.Other.ID have the same name"},
		{typeOf[struct {
			Base
			ID int
		}](), "have the same name"},
		{typeOf[struct {
			A int
			B int `json:"A"`
		}](), "have the same name"},
		{typeOf[struct {
			A int `cbor:"1,keyasint"`
			B int `cbor:"01,keyasint"`
		}](), "have the same name"},
		{typeOf[struct {
			time.Time
			Name string
		}](), "gets MarshalBinary from the embedded Time"},
		{typeOf[struct {
			*big.Int
			Name string
		}](), "gets MarshalText from the embedded Int"},
		{typeOf[struct { // two of them, so that neither lends its methods
			time.Time
			netip.Addr
		}](), "it.Time.wall is not exported"},
		{typeOf[onlyOut](), "has MarshalText but no UnmarshalText"},
		{typeOf[onlyIn](), "has UnmarshalText but no MarshalText"},
		{typeOf[[]onlyBytes](), "has UnmarshalBinary but no MarshalBinary"},
	} {
		err := CheckType(c.typ)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "potok: a "+c.typ.String()+" cannot be sent: ") {
			t.Errorf("%v: %v; want %q", c.typ, err, c.want)
		}
		if again := CheckType(c.typ); failed(again) != failed(err) {
			t.Errorf("%v: then %v", c.typ, again)
		}
		if _, err := Append(nil, reflect.New(c.typ).Interface()); failed(err) != failed(CheckType(c.typ)) {
			t.Errorf("%v: Append says %v", c.typ, err)
		}
	}
}

func TestTypesThatCanBeSentPass(t *testing.T) {
	for _, typ := range []reflect.Type{
		typeOf[int](), typeOf[named](), typeOf[string](), typeOf[[]byte](), typeOf[[16]byte](), typeOf[struct{}](), typeOf[*int](),
		typeOf[time.Time](), typeOf[*time.Time](), typeOf[time.Duration](), typeOf[big.Int](), typeOf[*big.Int](), typeOf[*big.Rat](), typeOf[url.URL](), typeOf[netip.Addr](),
		typeOf[map[netip.Addr]*url.URL](), typeOf[endless](), typeOf[harmless](), typeOf[plain](),
		typeOf[struct {
			_ int
			A int
		}](),
		typeOf[struct {
			f func() `cbor:"-"`
			G func() `json:"-"`
		}](),
		typeOf[struct{ time.Time }](),
		typeOf[struct {
			Base
			Other `cbor:"other"`
		}](),
		typeOf[struct {
			plain
			B int
		}](),
		typeOf[struct {
			Next *struct{ Kids map[string][]*script } `cbor:"-"`
		}](),
	} {
		if err := CheckType(typ); err != nil {
			t.Errorf("%v: %v", typ, err)
		}
	}
}

func TestATaskIsCheckedForItsArgumentAndItsResult(t *testing.T) {
	if got := task("a", typeOf[int](), typeOf[plain]()); got != "" {
		t.Error(got)
	}
	if got, want := task("a", typeOf[step](), typeOf[int]()), "potok: the argument of task \"a\" cannot be sent: step.Hook is a func()"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q", got)
	}
	if got, want := task("a", typeOf[int](), typeOf[script]()), "potok: the result of task \"a\" cannot be sent: script.Steps[].Hook is a func()"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q", got)
	}
}
