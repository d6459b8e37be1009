package v2

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/web"
)

// read reads what is asked into a struct: a field with the tag path gets a wildcard of
// the address, one with the tag query an argument, and one named Body the body. An
// argument has the value of the tag default if it is not given, a number is from 0, or
// that of the tag min, to that of the tag max, and a text one of the tag enum. What is
// asked besides is refused.
func read(r *web.Request, in any) error {
	v := reflect.ValueOf(in).Elem()
	query, known := r.URL.Query(), map[string]bool{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Name == "Body" {
			if err := readBody(r, v.Field(i)); err != nil {
				return err
			}
			continue
		}
		what, values := "", []string(nil)
		if name, ok := field.Tag.Lookup("path"); ok {
			what, values = fmt.Sprintf("%s in the address", name), []string{r.PathValue(name)}
		} else {
			name := field.Tag.Get("query")
			known[name] = true
			what, values = "argument "+name, query[name]
			if byDefault, ok := field.Tag.Lookup("default"); ok && len(values) == 0 {
				values = []string{byDefault}
			}
		}
		if len(values) == 0 {
			continue
		}
		if err := set(v.Field(i), field.Tag, values); err != nil {
			return fmt.Errorf("%s: %w: %w", what, err, koschei.ErrInvalid)
		}
	}
	for name := range query {
		if !known[name] {
			return fmt.Errorf("there is no argument %q here: %w", name, koschei.ErrInvalid)
		}
	}
	return nil
}

// set gives a field the value that text stands for.
func set(field reflect.Value, tag reflect.StructTag, values []string) error {
	text := values[0]
	if len(values) > 1 && field.Kind() != reflect.Slice {
		return errors.New("it is there twice")
	}
	switch to := field.Addr().Interface().(type) {
	case *time.Time:
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return fmt.Errorf("%q is not a time such as 2026-12-24T18:00:00Z", text)
		}
		*to = at
		return nil
	case *[]string:
		*to = values
		return nil
	}
	switch field.Kind() {
	case reflect.String:
		if enum := tag.Get("enum"); enum != "" && !slices.Contains(strings.Split(enum, ","), text) {
			return fmt.Errorf("%q is none of %s", text, strings.ReplaceAll(enum, ",", ", "))
		}
		field.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		field.SetBool(text == "true")
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		least, most := bounds(tag)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is not a whole number from %d to %d", text, least, most)
		}
		field.SetInt(n)
	default:
		panic(fmt.Sprintf("cannot happen: an argument is read into a %s", field.Type()))
	}
	return nil
}

// bounds are those of a number.
func bounds(tag reflect.StructTag) (least, most int64) {
	most = 1<<63 - 1
	if text, ok := tag.Lookup("max"); ok {
		most, _ = strconv.ParseInt(text, 10, 64)
	}
	least, _ = strconv.ParseInt(tag.Get("min"), 10, 64)
	return least, most
}

// readBody reads a body of JSON. Every field of it must be known, and those with the
// tag required must be there.
func readBody(r *web.Request, body reflect.Value) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return fmt.Errorf("the body must be JSON, with the header Content-Type: application/json: %w", koschei.ErrInvalid)
	}
	text, err := io.ReadAll(r.Body)
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return err
	case err != nil:
		return fmt.Errorf("the body did not come whole: %w", koschei.ErrInvalid)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(body.Addr().Interface()); err != nil {
		return bodyError(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the body goes on after its end: %w", koschei.ErrInvalid)
	}
	for i := range body.NumField() {
		field := body.Type().Field(i)
		if field.Tag.Get("required") == "true" && body.Field(i).IsNil() {
			return fmt.Errorf("the body does not say which %s: %w", fieldName(field), koschei.ErrInvalid)
		}
	}
	return storable(body, "the body")
}

// bodyError says what is wrong with a body.
func bodyError(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Errorf("%s in the body cannot be a JSON %s: %w", kind.Field, kind.Value, koschei.ErrInvalid)
	case errors.As(err, &kind):
		return fmt.Errorf("the body is a JSON %s and not an object: %w", kind.Value, koschei.ErrInvalid)
	case errors.As(err, &syntax):
		return fmt.Errorf("the body is no JSON from byte %d on: %w", syntax.Offset, koschei.ErrInvalid)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("there is no body: %w", koschei.ErrInvalid)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the body ends too early: %w", koschei.ErrInvalid)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("the body has a field %s, which is not known here: %w", name, koschei.ErrInvalid)
	}
	return fmt.Errorf("the body cannot be read: %w", koschei.ErrInvalid)
}

// storable says which text cannot be stored.
func storable(v reflect.Value, where string) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return storable(v.Elem(), where)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				if err := storable(v.Field(i), fieldName(v.Type().Field(i))); err != nil {
					return err
				}
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := storable(v.Index(i), where); err != nil {
				return err
			}
		}
	case reflect.String:
		if strings.ContainsRune(v.String(), 0) {
			return fmt.Errorf("%s has the character 0 in it, which cannot be stored: %w", where, koschei.ErrInvalid)
		}
	}
	return nil
}

// fieldName is what JSON calls a field.
func fieldName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}
