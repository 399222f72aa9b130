package wire

import (
	"reflect"
	"strings"
)

// A sent is a field of a struct that is meant to cross. The library goes by tags named cbor or, where there is none, json.
type sent struct {
	reflect.StructField
	index int
	name  string // on the wire
	flat  bool   // an embedded struct or a pointer to one, whose fields stand among those of the outer
}

// sentFields are the fields of struct t, but for those that are tagged "-" and the blank ones, which hold nothing.
func sentFields(t reflect.Type) []sent {
	var fields []sent
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("cbor")
		if tag == "" {
			tag = f.Tag.Get("json")
		}
		if f.Name == "_" || tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		s := sent{StructField: f, index: i, name: name}
		if name == "" {
			s.name = f.Name
			s.flat = f.Anonymous && indirect(f.Type).Kind() == reflect.Struct
		}
		if strings.Contains(","+options+",", ",keyasint,") {
			s.name = "#" + strings.TrimLeft(s.name, "+0") // a number, which equals no name
		}
		fields = append(fields, s)
	}
	return fields
}

func indirect(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
