package xmlrpc

import (
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Limits bound what a Decoder accepts. A zero field has the default.
type Limits struct {
	Bytes  int64 // of the whole message; default 512 MiB
	Depth  int   // of values within values; default 64
	Values int   // at once in memory; default 8 million
	Text   int   // bytes of one string, or of one tag; default 64 MiB
}

func (l Limits) withDefaults() Limits {
	if l.Bytes == 0 {
		l.Bytes = 512 << 20
	}
	if l.Depth == 0 {
		l.Depth = 64
	}
	if l.Values == 0 {
		l.Values = 8 << 20
	}
	if l.Text == 0 {
		l.Text = 64 << 20
	}
	return l
}

// A Decoder reads one message. It is used once.
type Decoder struct {
	s      *scanner
	limits Limits
	values int               // read so far, or within the current element
	names  map[string]string // member names, which repeat without end
}

// NewDecoder returns a decoder of the message that r holds.
func NewDecoder(r io.Reader, limits Limits) *Decoder {
	limits = limits.withDefaults()
	return &Decoder{
		s:      newScanner(r, limits.Bytes, limits.Text),
		limits: limits,
		names:  make(map[string]string),
	}
}

// Call reads a request. The parameters may be missing.
func (d *Decoder) Call() (Call, error) {
	if err := d.open("methodCall"); err != nil {
		return Call{}, err
	}
	method, err := d.textElement("methodName")
	if err != nil {
		return Call{}, err
	}
	call := Call{Method: method, Params: []any{}}
	t, err := d.s.next()
	if err != nil {
		return Call{}, err
	}
	if t.is("params") {
		if call.Params, err = d.params(t.empty); err != nil {
			return Call{}, err
		}
		if t, err = d.s.next(); err != nil {
			return Call{}, err
		}
	}
	if !t.ends("methodCall") {
		return Call{}, d.unexpected(t, "</methodCall>")
	}
	return call, d.s.finish()
}

// Response reads an answer. A fault is returned as an error of type *Fault.
func (d *Decoder) Response() (any, error) {
	if err := d.beginResponse(); err != nil {
		return nil, err
	}
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	return v, d.endResponse()
}

// ResponseElements reads an answer that is an array and hands each element to
// the function, one at a time, so that memory does not depend on their number.
// It ends with the first error of the function.
func (d *Decoder) ResponseElements(element func(any) error) error {
	if err := d.beginResponse(); err != nil {
		return err
	}
	t, err := d.s.next()
	if err != nil {
		return err
	}
	if !t.is("value") {
		return d.unexpected(t, "<value>")
	}
	if t, err = d.s.next(); err != nil {
		return err
	}
	if !t.is("array") {
		return d.s.failf("<%s> instead of <array>", t.name)
	}
	err = d.elements(1, t.empty, func(v any) error {
		d.values = 0
		return element(v)
	})
	if err != nil {
		return err
	}
	if err := d.close("value"); err != nil {
		return err
	}
	return d.endResponse()
}

// beginResponse reads up to the <value> of the result, or the whole fault.
func (d *Decoder) beginResponse() error {
	if err := d.open("methodResponse"); err != nil {
		return err
	}
	t, err := d.s.next()
	if err != nil {
		return err
	}
	switch {
	case t.is("params"):
		return d.open("param")
	case t.is("fault"):
		return d.fault()
	default:
		return d.unexpected(t, "<params> or <fault>")
	}
}

func (d *Decoder) endResponse() error {
	for _, name := range []string{"param", "params", "methodResponse"} {
		if err := d.close(name); err != nil {
			return err
		}
	}
	return d.s.finish()
}

func (d *Decoder) fault() error {
	v, err := d.value(0)
	if err != nil {
		return err
	}
	members, _ := v.(Struct)
	fault, ok := FaultOf(members)
	if !ok {
		return d.s.failf("a fault without faultCode and faultString")
	}
	for _, name := range []string{"fault", "methodResponse"} {
		if err := d.close(name); err != nil {
			return err
		}
	}
	if err := d.s.finish(); err != nil {
		return err
	}
	return fault
}

func (d *Decoder) params(empty bool) ([]any, error) {
	params := []any{}
	if empty {
		return params, nil
	}
	for {
		t, err := d.s.next()
		if err != nil {
			return nil, err
		}
		if t.ends("params") {
			return params, nil
		}
		if !t.is("param") {
			return nil, d.unexpected(t, "<param>")
		}
		v, err := d.value(0)
		if err != nil {
			return nil, err
		}
		if err := d.close("param"); err != nil {
			return nil, err
		}
		params = append(params, v)
	}
}

// value reads <value>...</value>.
func (d *Decoder) value(depth int) (any, error) {
	t, err := d.s.next()
	if err != nil {
		return nil, err
	}
	if !t.is("value") {
		return nil, d.unexpected(t, "<value>")
	}
	return d.valueRest(depth, t.empty)
}

// valueRest reads a value whose opening tag was read.
func (d *Decoder) valueRest(depth int, empty bool) (any, error) {
	if d.values++; d.values > d.limits.Values {
		return nil, fmt.Errorf("more than %d values: %w", d.limits.Values, ErrTooLarge)
	}
	if depth >= d.limits.Depth {
		return nil, fmt.Errorf("values nested deeper than %d: %w", d.limits.Depth, ErrTooLarge)
	}
	if empty {
		return "", nil
	}
	text, err := d.s.text()
	if err != nil {
		return nil, err
	}
	bare := string(text)
	t, err := d.s.next()
	if err != nil {
		return nil, err
	}
	if t.ends("value") {
		return bare, nil
	}
	if t.closes || strings.TrimSpace(bare) != "" {
		return nil, d.unexpected(t, "</value>")
	}
	v, err := d.typed(t, depth)
	if err != nil {
		return nil, err
	}
	return v, d.close("value")
}

// typed reads what is inside the element of a type, and its closing tag.
func (d *Decoder) typed(t tag, depth int) (any, error) {
	switch string(t.name) {
	case "nil", "ex:nil":
		if t.empty {
			return nil, nil
		}
		return nil, d.close(string(t.name))
	case "struct":
		return d.structRest(depth, t.empty)
	case "array":
		list := []any{}
		err := d.elements(depth+1, t.empty, func(v any) error {
			list = append(list, v)
			return nil
		})
		return list, err
	case "string":
		return d.scalar("string", t.empty, asString)
	case "dateTime.iso8601":
		return d.scalar("dateTime.iso8601", t.empty, asDateTime)
	case "int":
		return d.scalar("int", t.empty, asInt)
	case "i4":
		return d.scalar("i4", t.empty, asInt)
	case "i8":
		return d.scalar("i8", t.empty, asInt)
	case "boolean":
		return d.scalar("boolean", t.empty, asBool)
	case "double":
		return d.scalar("double", t.empty, asDouble)
	case "base64":
		return d.scalar("base64", t.empty, asBytes)
	default:
		return nil, d.s.failf("unknown type <%.40s>", t.name)
	}
}

// scalar reads the text of a type, converts it, and reads the closing tag.
func (d *Decoder) scalar(name string, empty bool, convert func([]byte) (any, error)) (any, error) {
	var text []byte
	if !empty {
		var err error
		if text, err = d.s.text(); err != nil {
			return nil, err
		}
	}
	v, err := convert(text)
	if err != nil {
		return nil, d.s.failf("<%s>: %v", name, err)
	}
	if empty {
		return v, nil
	}
	return v, d.close(name)
}

func asString(text []byte) (any, error) { return string(text), nil }

func asDateTime(text []byte) (any, error) { return DateTime(text), nil }

func asInt(text []byte) (any, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%.40q is not a 64-bit integer", text)
	}
	return n, nil
}

func asBool(text []byte) (any, error) {
	switch strings.TrimSpace(string(text)) {
	case "0":
		return false, nil
	case "1":
		return true, nil
	default:
		return nil, fmt.Errorf("%.40q is neither 0 nor 1", text)
	}
}

func asDouble(text []byte) (any, error) {
	s := strings.TrimSpace(string(text))
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) || strings.ContainsAny(s, "xX_") {
		return nil, fmt.Errorf("%.40q is not a finite number", text)
	}
	return v, nil
}

func asBytes(text []byte) (any, error) {
	packed := make([]byte, 0, len(text))
	for _, c := range text {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			packed = append(packed, c)
		}
	}
	n, err := base64.StdEncoding.Decode(packed, packed)
	if err != nil {
		return nil, err
	}
	return packed[:n], nil
}

// elements reads the inside of <array> and hands on each value.
func (d *Decoder) elements(depth int, empty bool, each func(any) error) error {
	if empty {
		return nil
	}
	t, err := d.s.next()
	if err != nil {
		return err
	}
	if !t.is("data") {
		return d.unexpected(t, "<data>")
	}
	if t.empty {
		return d.close("array")
	}
	for {
		if t, err = d.s.next(); err != nil {
			return err
		}
		if t.ends("data") {
			return d.close("array")
		}
		if !t.is("value") {
			return d.unexpected(t, "<value>")
		}
		v, err := d.valueRest(depth, t.empty)
		if err != nil {
			return err
		}
		if err := each(v); err != nil {
			return err
		}
	}
}

// structRest reads the inside of <struct>.
func (d *Decoder) structRest(depth int, empty bool) (Struct, error) {
	members := Struct{}
	if empty {
		return members, nil
	}
	for {
		t, err := d.s.next()
		if err != nil {
			return nil, err
		}
		if t.ends("struct") {
			return members, nil
		}
		if !t.is("member") || t.empty {
			return nil, d.unexpected(t, "<member>")
		}
		name, err := d.textElement("name")
		if err != nil {
			return nil, err
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if err := d.close("member"); err != nil {
			return nil, err
		}
		if len(members) == cap(members) {
			members = append(make(Struct, 0, max(8, 4*len(members))), members...)
		}
		members = append(members, Member{name, v})
	}
}

// maxNames bounds the memory for member names.
const maxNames = 1000

// textElement reads <name>text</name>.
func (d *Decoder) textElement(name string) (string, error) {
	t, err := d.s.next()
	if err != nil {
		return "", err
	}
	if !t.is(name) {
		return "", d.unexpected(t, "<"+name+">")
	}
	if t.empty {
		return "", nil
	}
	text, err := d.s.text()
	if err != nil {
		return "", err
	}
	word, known := d.names[string(text)]
	if !known {
		word = string(text)
		if len(d.names) < maxNames {
			d.names[word] = word
		}
	}
	return word, d.close(name)
}

func (d *Decoder) open(name string) error {
	t, err := d.s.next()
	if err != nil {
		return err
	}
	if !t.is(name) || t.empty {
		return d.unexpected(t, "<"+name+">")
	}
	return nil
}

func (d *Decoder) close(name string) error {
	t, err := d.s.next()
	if err != nil {
		return err
	}
	if !t.ends(name) {
		return d.unexpected(t, "</"+name+">")
	}
	return nil
}

func (d *Decoder) unexpected(t tag, want string) error {
	slash := ""
	if t.closes {
		slash = "/"
	}
	return d.s.failf("<%s%.40s> instead of %s", slash, t.name, want)
}

func (t tag) is(name string) bool   { return !t.closes && string(t.name) == name }
func (t tag) ends(name string) bool { return t.closes && string(t.name) == name }
