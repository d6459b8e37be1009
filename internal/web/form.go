package web

import (
	"fmt"
	"net/url"
	"reflect"
)

// decode fills the fields of form that have the tag form.
func decode(values url.Values, form Form) {
	v := reflect.ValueOf(form).Elem()
	for i := range v.NumField() {
		name, ok := v.Type().Field(i).Tag.Lookup("form")
		if !ok {
			continue
		}
		switch text, field := values.Get(name), v.Field(i); field.Kind() {
		case reflect.String:
			field.SetString(text)
		case reflect.Bool:
			field.SetBool(text == "1")
		default:
			panic(fmt.Sprintf("cannot happen: argument %s is read into a %s", name, field.Type()))
		}
	}
}
