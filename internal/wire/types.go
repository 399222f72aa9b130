package wire

import (
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/potok-go/potok/internal/registry"
)

// A shape is what is known of a type.
type shape struct {
	err error // it cannot be sent, and why

	looked   bool // a value has to be looked at before it is encoded: it may be a cycle, or has times
	custom   bool // there is a type in it that sees to its own bytes
	measured bool // how deep a value is, its bytes must tell
	fields   []sent
}

var shapes sync.Map // reflect.Type → *shape

// Custom says whether a type sees to its own bytes, or one in it does: then decoding runs code of the user's.
func Custom(t reflect.Type) bool { return shapeOf(t).custom }

func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	w := walker{state: make(map[reflect.Type]walkState)}
	s := &shape{err: w.walk(t, nameOf(t))}
	deep := w.recursive || len(w.state) > maxDepth // no type lies in itself, so there are as many as levels
	s.looked = deep || w.times
	s.custom = w.custom
	s.measured = deep || w.foreign
	if t.Kind() == reflect.Struct {
		s.fields = sentFields(t)
	}
	actual, _ := shapes.LoadOrStore(t, s)
	return actual.(*shape)
}

// nameOf is what the path to a field of t begins with: the name of the type, of the elements where it has none.
func nameOf(t reflect.Type) string {
	for t.Name() == "" {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
		default:
			return "it"
		}
	}
	return t.Name()
}

// CheckType returns an error that names the field if values of type t would not come back as they were: if there is a
// channel, a function or an interface in it, say, or a field that is not exported. A type with a marshaler and an
// unmarshaler of its own, for CBOR, binary or text, is taken at its word. The answer is kept: about 15 ns from the second
// time on (BenchmarkCheckType).
func CheckType(t reflect.Type) error {
	if err := shapeOf(t).err; err != nil {
		return fmt.Errorf("potok: a %s cannot be sent: %w", t, err)
	}
	return nil
}

// CheckTask is CheckType for the argument and the result of a task: a result that cannot be sent is so told before the
// task has run.
func CheckTask(task *registry.Task) error {
	if err := shapeOf(task.In).err; err != nil {
		return fmt.Errorf("potok: the argument of task %q cannot be sent: %w", task.Name, err)
	}
	if err := shapeOf(task.Out).err; err != nil {
		return fmt.Errorf("potok: the result of task %q cannot be sent: %w", task.Name, err)
	}
	return nil
}

type walkState int

const (
	walking walkState = iota + 1
	walked
)

// A walker goes through a type once.
type walker struct {
	state     map[reflect.Type]walkState
	recursive bool // a value may be nested in one of its own type
	times     bool // there is a time.Time
	custom    bool // there is a type with methods for its bytes
	foreign   bool // there is a type with a MarshalCBOR, that is of any depth
}

// walk looks at t, which is found at path.
func (w *walker) walk(t reflect.Type, path string) error {
	switch w.state[t] {
	case walking:
		w.recursive = true
		return nil
	case walked:
		return nil
	}
	f, err := formOf(t)
	switch {
	case err != nil:
		return fmt.Errorf("%s (%s) %w", path, t, err)
	case f != nil:
		w.times = w.times || t == timeType
		w.custom = w.custom || f != builtin
		w.foreign = w.foreign || f == forms[0]
		return nil
	}
	w.state[t] = walking
	defer func() { w.state[t] = walked }()
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Interface, reflect.UnsafePointer, reflect.Uintptr, reflect.Complex64, reflect.Complex128:
		return fmt.Errorf("%s is a %s, which cannot become bytes: leave it out, or tag it `cbor:\"-\"`", path, kindOf(t))
	case reflect.Pointer:
		if err := pointsToNil(t.Elem()); err != nil {
			return fmt.Errorf("%s is a %s: %w", path, t, err)
		}
		return w.walk(t.Elem(), path)
	case reflect.Slice, reflect.Array:
		return w.walk(t.Elem(), path+"[]")
	case reflect.Map:
		if err := checkKey(t.Key()); err != nil {
			return fmt.Errorf("%s has keys of type %s: %w", path, t.Key(), err)
		}
		if err := w.walk(t.Key(), path+"[key]"); err != nil {
			return err
		}
		return w.walk(t.Elem(), path+"[]")
	case reflect.Struct:
		return w.walkFields(t, path, make(map[string]string))
	default:
		return nil
	}
}

// walkFields looks at the fields of struct t. names are the fields that were met, by what they are called on the wire.
func (w *walker) walkFields(t reflect.Type, path string, names map[string]string) error {
	for _, f := range sentFields(t) {
		at := path + "." + f.Name
		switch {
		case f.flat && f.Type.Kind() == reflect.Pointer:
			return fmt.Errorf("%s is an embedded pointer, whose nil would be lost: tag it `cbor:\"%s\"`, or embed the struct", at, f.Name)
		case f.flat:
			if err := w.walkFields(f.Type, at, names); err != nil {
				return err
			}
			continue
		case !f.IsExported():
			return fmt.Errorf("%s is not exported and would be lost: export it, tag it `cbor:\"-\"` if it may be, or give %s MarshalBinary and UnmarshalBinary", at, t)
		}
		if other, taken := names[f.name]; taken {
			return fmt.Errorf("%s and %s have the same name in the bytes, and one would be lost: give one of them a tag `cbor:\"name\"`", other, at)
		}
		names[f.name] = at
		if err := w.walk(f.Type, at); err != nil {
			return err
		}
	}
	return nil
}

// pointsToNil returns an error if what is pointed to may be nil itself: in the bytes the two are one.
func pointsToNil(t reflect.Type) error {
	if f, _ := formOf(t); f != nil {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return fmt.Errorf("a pointer to nil would arrive as nil: use a %s", t)
	default:
		return nil
	}
}

// checkKey returns an error if a key of a map may arrive as another key.
func checkKey(t reflect.Type) error {
	if t == timeType {
		return errors.New("a time.Time is equal to itself only where its zone is, which does not cross: use UnixNano, or a text")
	}
	if f, _ := formOf(t); f != nil {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return errors.New("a pointer arrives as another one: use what it points to")
	case reflect.Array:
		return checkKey(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if err := checkKey(t.Field(i).Type); err != nil {
				return err
			}
		}
	}
	return nil
}

// kindOf is t with its kind, for those who do not know the type.
func kindOf(t reflect.Type) string {
	if k := t.Kind().String(); t.Name() != "" && t.Name() != k {
		return fmt.Sprintf("%s (%s)", k, t)
	}
	return t.String()
}
