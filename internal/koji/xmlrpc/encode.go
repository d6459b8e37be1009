package xmlrpc

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The layout follows the hub to the byte: a newline after each element, none
// after <nil/>, which Koji's marshaller writes by another path.

const header = "<?xml version='1.0'?>\n"

// AppendCall appends the request for a call.
func AppendCall(b []byte, call Call) ([]byte, error) {
	b = append(b, header+"<methodCall>\n<methodName>"...)
	b = appendText(b, call.Method)
	b = append(b, "</methodName>\n<params>\n"...)
	for i, p := range call.Params {
		var err error
		b = append(b, "<param>\n"...)
		if b, err = AppendValue(b, p); err != nil {
			return nil, fmt.Errorf("%s: parameter %d: %w", call.Method, i, err)
		}
		b = append(b, "</param>\n"...)
	}
	return append(b, "</params>\n</methodCall>\n"...), nil
}

// AppendResponse appends the answer that carries a value.
func AppendResponse(b []byte, value any) ([]byte, error) {
	b = append(b, header+"<methodResponse>\n<params>\n<param>\n"...)
	b, err := AppendValue(b, value)
	if err != nil {
		return nil, fmt.Errorf("response: %w", err)
	}
	return append(b, "</param>\n</params>\n</methodResponse>\n"...), nil
}

// AppendFault appends the answer that carries a fault; a traceback is left
// out, as the hub sends it only inside a multiCall.
func AppendFault(b []byte, fault *Fault) ([]byte, error) {
	b = append(b, header+"<methodResponse>\n<fault>\n"...)
	plain := Fault{Code: fault.Code, String: fault.String}
	b, err := AppendValue(b, plain.Struct())
	if err != nil {
		return nil, fmt.Errorf("fault: %w", err)
	}
	return append(b, "</fault>\n</methodResponse>\n"...), nil
}

// AppendValue appends one <value>.
func AppendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "<value><nil/></value>"...), nil
	case bool:
		if v {
			return append(b, "<value><boolean>1</boolean></value>\n"...), nil
		}
		return append(b, "<value><boolean>0</boolean></value>\n"...), nil
	case int:
		return appendInt(b, int64(v)), nil
	case int64:
		return appendInt(b, v), nil
	case float64:
		return appendDouble(b, v)
	case string:
		return appendString(b, "string", v)
	case DateTime:
		return appendString(b, "dateTime.iso8601", string(v))
	case []byte:
		return appendBase64(b, v), nil
	case Struct:
		return appendStruct(b, v)
	case []any:
		return appendArray(b, v)
	case []string:
		return appendArray(b, v)
	case []int:
		return appendArray(b, v)
	case []int64:
		return appendArray(b, v)
	case []Struct:
		return appendArray(b, v)
	default:
		return nil, fmt.Errorf("no XML-RPC type for %T", v)
	}
}

func appendInt(b []byte, v int64) []byte {
	name := "int"
	if v < math.MinInt32 || v > math.MaxInt32 {
		name = "i8"
	}
	b = append(append(append(b, "<value><"...), name...), '>')
	b = strconv.AppendInt(b, v, 10)
	b = append(append(append(b, "</"...), name...), '>')
	return append(b, "</value>\n"...)
}

func appendDouble(b []byte, v float64) ([]byte, error) {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil, fmt.Errorf("%v cannot be sent", v)
	}
	b = append(b, "<value><double>"...)
	b = append(b, pythonRepr(v)...)
	return append(b, "</double></value>\n"...), nil
}

// pythonRepr writes a finite number as Python's repr does: the shortest
// digits, an exponent below 1e-4 and from 1e16 on, else a fraction.
func pythonRepr(v float64) string {
	s := strconv.FormatFloat(v, 'e', -1, 64)
	exponent, err := strconv.Atoi(s[strings.IndexByte(s, 'e')+1:])
	if err != nil {
		panic("xmlrpc: " + s + " has no exponent")
	}
	if exponent < -4 || exponent >= 16 {
		return s
	}
	s = strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func appendString(b []byte, name, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("%.40q is not UTF-8", s)
	}
	b = append(append(append(b, "<value><"...), name...), '>')
	b = appendText(b, s)
	b = append(append(append(b, "</"...), name...), '>')
	return append(b, "</value>\n"...), nil
}

// appendText escapes what XML cannot hold literally. A carriage return is
// written as a reference, because a reader would turn it into a newline.
func appendText(b []byte, s string) []byte {
	start := 0
	for i := range len(s) {
		var ref string
		switch s[i] {
		case '&':
			ref = "&amp;"
		case '<':
			ref = "&lt;"
		case '>':
			ref = "&gt;"
		case '\r':
			ref = "&#13;"
		default:
			continue
		}
		b = append(append(b, s[start:i]...), ref...)
		start = i + 1
	}
	return append(b, s[start:]...)
}

// base64Line is the number of characters in a full line of <base64>.
const base64Line = 76

func appendBase64(b []byte, data []byte) []byte {
	b = append(b, "<value><base64>\n"...)
	const chunk = base64Line / 4 * 3
	for len(data) > 0 {
		n := min(chunk, len(data))
		b = base64.StdEncoding.AppendEncode(b, data[:n])
		b = append(b, '\n')
		data = data[n:]
	}
	return append(b, "</base64></value>\n"...)
}

func appendStruct(b []byte, s Struct) ([]byte, error) {
	b = append(b, "<value><struct>\n"...)
	for _, m := range s {
		var err error
		b = append(b, "<member>\n<name>"...)
		b = appendText(b, m.Name)
		b = append(b, "</name>\n"...)
		if b, err = AppendValue(b, m.Value); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		b = append(b, "</member>\n"...)
	}
	return append(b, "</struct></value>\n"...), nil
}

func appendArray[E any](b []byte, list []E) ([]byte, error) {
	b = append(b, "<value><array><data>\n"...)
	for i, v := range list {
		var err error
		if b, err = AppendValue(b, v); err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return append(b, "</data></array></value>\n"...), nil
}
