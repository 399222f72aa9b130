package wire

import (
	"errors"
	"fmt"
	"reflect"
	"time"
)

var errDeep = fmt.Errorf("it is nested deeper than %d, or in itself", maxDepth)

// look returns an error for what is wrong with a value before it is encoded. An encoder that meets a cycle overflows the
// stack, which nothing recovers from; so whatever could be one is gone through first. v lies in so many levels; pointed
// says that a pointer leads to it. What cannot be wrong, which is nearly all, is not looked at.
func look(v reflect.Value, depth int, pointed bool) error {
	t := v.Type()
	if t == timeType {
		return lookAtTime(v, pointed)
	}
	s := shapeOf(t)
	if !s.looked || isNil(v) {
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer: // no level: no pointer leads to a pointer, so that the next is one
		return look(v.Elem(), depth, true)
	case reflect.Slice, reflect.Array:
		return lookAtElements(v, depth+1)
	case reflect.Map:
		if depth++; depth > maxDepth {
			return errDeep
		}
		for it := v.MapRange(); it.Next(); {
			if err := errors.Join(look(it.Key(), depth, false), look(it.Value(), depth, false)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		return lookAtFields(v, s.fields, depth+1)
	}
	return nil
}

// isNil says whether v is null in the bytes, which is no level.
func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return v.IsNil()
	default:
		return false
	}
}

func lookAtElements(v reflect.Value, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	for i := range v.Len() {
		if err := look(v.Index(i), depth, false); err != nil {
			return err
		}
	}
	return nil
}

func lookAtFields(v reflect.Value, fields []sent, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	for _, f := range fields {
		field := v.Field(f.index)
		var err error
		if f.flat { // its fields lie here
			err = lookAtFields(field, shapeOf(f.Type).fields, depth)
		} else {
			err = look(field, depth, false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lookAtTime refuses the times that RFC 3339 cannot tell, and the library would change in silence.
func lookAtTime(v reflect.Value, pointed bool) error {
	var t *time.Time
	if v.CanAddr() {
		t = v.Addr().Interface().(*time.Time)
	} else {
		copied := v.Interface().(time.Time)
		t = &copied
	}
	if t.IsZero() {
		if pointed { // the zero time is null
			return errors.New("a pointer to the zero time would arrive as nil: use nil, or a time.Time")
		}
		return nil
	}
	if _, offset := t.Zone(); offset%60 != 0 {
		return fmt.Errorf("the offset of %v has seconds, which would be lost: use its UTC", *t)
	}
	return nil
}
