package xmlrpc

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestValues(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		value any
		xml   string
	}{
		{"nil", nil, "<value><nil/></value>"},
		{"true", true, "<value><boolean>1</boolean></value>\n"},
		{"false", false, "<value><boolean>0</boolean></value>\n"},
		{"zero", int64(0), "<value><int>0</int></value>\n"},
		{"int max", int64(math.MaxInt32), "<value><int>2147483647</int></value>\n"},
		{"int min", int64(math.MinInt32), "<value><int>-2147483648</int></value>\n"},
		{"i8", int64(math.MaxInt32 + 1), "<value><i8>2147483648</i8></value>\n"},
		{"i8 min", int64(math.MinInt64), "<value><i8>-9223372036854775808</i8></value>\n"},
		{"double", 0.1, "<value><double>0.1</double></value>\n"},
		{"whole double", 8.0, "<value><double>8.0</double></value>\n"},
		{"timestamp", 1795462605.573184, "<value><double>1795462605.573184</double></value>\n"},
		{"large double", 1e100, "<value><double>1e+100</double></value>\n"},
		{"small double", 1e-5, "<value><double>1e-05</double></value>\n"},
		{"1e16", 1e16, "<value><double>1e+16</double></value>\n"},
		{"below 1e16", 9999999999999998.0, "<value><double>9999999999999998.0</double></value>\n"},
		{"0.0001", 0.0001, "<value><double>0.0001</double></value>\n"},
		{"minus zero", math.Copysign(0, -1), "<value><double>-0.0</double></value>\n"},
		{"empty string", "", "<value><string></string></value>\n"},
		{"escapes", `ü <&> "'` + "\n\t\r", "<value><string>ü &lt;&amp;&gt; \"'\n\t&#13;</string></value>\n"},
		{"date", DateTime("20240101T00:00:00"), "<value><dateTime.iso8601>20240101T00:00:00</dateTime.iso8601></value>\n"},
		{"bytes", []byte("\x00\xffbytes"), "<value><base64>\nAP9ieXRlcw==\n</base64></value>\n"},
		{"no bytes", []byte{}, "<value><base64>\n</base64></value>\n"},
		{"long bytes", make([]byte, 58), "<value><base64>\n" + strings.Repeat("A", 76) + "\nAA==\n</base64></value>\n"},
		{"empty array", []any{}, "<value><array><data>\n</data></array></value>\n"},
		{"array", []any{nil, "a"}, "<value><array><data>\n<value><nil/></value><value><string>a</string></value>\n</data></array></value>\n"},
		{"empty struct", Struct{}, "<value><struct>\n</struct></value>\n"},
		{
			"struct keeps its order",
			Struct{{"b", nil}, {"a<", int64(1)}},
			"<value><struct>\n<member>\n<name>b</name>\n<value><nil/></value></member>\n<member>\n<name>a&lt;</name>\n<value><int>1</int></value>\n</member>\n</struct></value>\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			xml, err := AppendValue(nil, test.value)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(xml); got != test.xml {
				t.Errorf("encoded:\n got %q\nwant %q", got, test.xml)
			}
			got, err := decode(string(xml))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.value, got); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
		})
	}
}

// decode reads one value, byte by byte to cross every window boundary.
func decode(value string) (any, error) {
	doc := "<methodResponse><params><param>" + value + "</param></params></methodResponse>"
	return NewDecoder(iotest.OneByteReader(strings.NewReader(doc)), Limits{}).Response()
}

func TestDecodeForeignSpelling(t *testing.T) {
	t.Parallel()
	tests := []struct {
		xml  string
		want any
	}{
		{"<value>bare text</value>", "bare text"},
		{"<value> </value>", " "},
		{"<value/>", ""},
		{"<value></value>", ""},
		{"<value>\n <int> 5 </int>\n</value>", int64(5)},
		{"<value><i4>+5</i4></value>", int64(5)},
		{"<value><string/></value>", ""},
		{"<value><nil></nil></value>", nil},
		{`<value><ex:nil xmlns:ex="http://ws.apache.org/xmlrpc/>/extensions"/></value>`, nil},
		{"<value><dateTime.iso8601/></value>", DateTime("")},
		{"<value><double>-1E5</double></value>", -1e5},
		{"<value><double>3</double></value>", 3.0},
		{"<value><array><data/></array></value>", []any{}},
		{"<value><struct/></value>", Struct{}},
		{"<value><base64>AP 9i\neXRl\r\ncw==</base64></value>", []byte("\x00\xffbytes")},
		{"<value><string>a&#65;&#x42;&quot;&apos;&amp;amp;</string></value>", `aAB"'&amp;`},
		{"<value><string>a<!-- no > end -->b<![CDATA[<&amp;]]>c</string></value>", "ab<&amp;c"},
		{"<value><string>1\r\n2\r3</string></value>", "1\n2\n3"},
		{"<?pi ?><!-- > --><value ><int\t>1</int ></value\n>", int64(1)},
	}
	for _, test := range tests {
		got, err := decode(test.xml)
		if err != nil {
			t.Errorf("%s: %v", test.xml, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.xml, diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ xml, want string }{
		{"<value><int>x</int></value>", `<int>: "x" is not a 64-bit integer: line 1, column 44`},
		{"<value><i8>9223372036854775808</i8></value>", "not a 64-bit integer"},
		{"<value><boolean>true</boolean></value>", `"true" is neither 0 nor 1`},
		{"<value><double>nan</double></value>", "not a finite number"},
		{"<value><double>0x1p-2</double></value>", "not a finite number"},
		{"<value><double>1e999</double></value>", "not a finite number"},
		{"<value><base64>A</base64></value>", "<base64>: illegal base64"},
		{"<value><float>1</float></value>", "unknown type <float>"},
		{"<value>text<int>1</int></value>", "<int> instead of </value>"},
		{"<value><int>1</int>text</value>", "text where an element was expected"},
		{"<value><int>1</i4></value>", "</i4> instead of </int>"},
		{"<value><string>&nbsp;</string></value>", `undefined entity "nbsp"`},
		{"<value><string>&#0;</string></value>", `undefined entity "#0"`},
		{"<value><string>&lt</string></value>", "reference without end"},
		{"<value><string>\xff</string></value>", "invalid UTF-8"},
		{"<value><struct><name>a</name></struct></value>", "<name> instead of <member>"},
		{"<value><array><value/></array></value>", "<value> instead of <data>"},
		{"<value><string>a", "</param> instead of </string>"},
		{"", "</param> instead of <value>"},
	}
	for _, test := range tests {
		v, err := decode(test.xml)
		if err == nil {
			t.Errorf("%s: got %v, want an error", test.xml, v)
			continue
		}
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %q, want %q", test.xml, err, test.want)
		}
	}
}

func TestCall(t *testing.T) {
	t.Parallel()
	call := Call{
		Method: "listTagged",
		Params: []any{"f40", Named(Struct{{"latest", true}})},
	}
	xml, err := AppendCall(nil, call)
	if err != nil {
		t.Fatal(err)
	}
	const want = `<?xml version='1.0'?>
<methodCall>
<methodName>listTagged</methodName>
<params>
<param>
<value><string>f40</string></value>
</param>
<param>
<value><struct>
<member>
<name>latest</name>
<value><boolean>1</boolean></value>
</member>
<member>
<name>__starstar</name>
<value><boolean>1</boolean></value>
</member>
</struct></value>
</param>
</params>
</methodCall>
`
	if diff := cmp.Diff(want, string(xml)); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	got, err := NewDecoder(strings.NewReader(string(xml)), Limits{}).Call()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(call, got); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}

func TestCallWithoutParams(t *testing.T) {
	t.Parallel()
	want := Call{Method: "getAPIVersion", Params: []any{}}
	for _, params := range []string{"", "<params/>", "<params></params>"} {
		xml := "<methodCall><methodName>getAPIVersion</methodName>" + params + "</methodCall>\n"
		got, err := NewDecoder(strings.NewReader(xml), Limits{}).Call()
		if err != nil {
			t.Errorf("%s: %v", xml, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", xml, diff)
		}
	}
}

func TestSplitNamed(t *testing.T) {
	t.Parallel()
	opts := Struct{{"scratch", true}}
	tests := []struct {
		params, positional []any
		named              Struct
	}{
		{[]any{}, []any{}, nil},
		{[]any{"src", opts}, []any{"src", opts}, nil},
		{[]any{"src", Named(opts)}, []any{"src"}, opts},
		{[]any{opts, Named(nil)}, []any{opts}, Struct{}},
		{[]any{Struct{{"__starstar", false}}}, []any{Struct{{"__starstar", false}}}, nil},
	}
	for _, test := range tests {
		positional, named := SplitNamed(test.params)
		if diff := cmp.Diff(test.positional, positional); diff != "" {
			t.Errorf("%v: positional (-want +got):\n%s", test.params, diff)
		}
		if diff := cmp.Diff(test.named, named); diff != "" {
			t.Errorf("%v: named (-want +got):\n%s", test.params, diff)
		}
	}
}

func TestFault(t *testing.T) {
	t.Parallel()
	xml, err := AppendFault(nil, &Fault{Code: 1014, String: "a <b>", Traceback: []string{"line"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewDecoder(strings.NewReader(string(xml)), Limits{}).Response()
	var fault *Fault
	if !errors.As(err, &fault) {
		t.Fatalf("got error %v, want a fault", err)
	}
	if diff := cmp.Diff(&Fault{Code: 1014, String: "a <b>"}, fault); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMulticall(t *testing.T) {
	t.Parallel()
	results := []Result{
		{Value: nil},
		{Value: []any{}},
		{Fault: &Fault{Code: 1000, String: "no", Traceback: []string{"a\n", "b\n"}}},
		{Value: Struct{{"faultCode", int64(1)}, {"faultString", "a value, not a fault"}}},
	}
	told := []any{[]any{nil}, []any{[]any{}}, results[2].Fault.Struct(), []any{results[3].Value}} // as a hub has it
	xml, err := AppendResponse(nil, told)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := NewDecoder(strings.NewReader(string(xml)), Limits{}).Response()
	if err != nil {
		t.Fatal(err)
	}
	got, err := MulticallResults(answer, len(results))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(results, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []any{nil, []any{}, []any{nil, nil, nil, nil}, []any{[]any{}, []any{}, []any{}, []any{}}, []any{Struct{}, Struct{}, Struct{}, Struct{}}} {
		if _, err := MulticallResults(bad, len(results)); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("<value><array><data>", 100)
	many := "<value><array><data>" + strings.Repeat("<value/>", 100) + "</data></array></value>"
	long := "<value>" + strings.Repeat("x", 3*windowSize) + "</value>"
	for _, test := range []struct {
		name, xml string
		limits    Limits
	}{
		{"depth", deep, Limits{}},
		{"values", many, Limits{Values: 50}},
		{"bytes", long, Limits{Bytes: 2 * windowSize}},
	} {
		doc := "<methodCall><methodName>m</methodName><params><param>" + test.xml + "</param></params></methodCall>"
		_, err := NewDecoder(strings.NewReader(doc), test.limits).Call()
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: got %v, want %v", test.name, err, ErrTooLarge)
		}
	}
	doc := "<methodResponse><params><param>" + long + "</param></params></methodResponse>"
	v, err := NewDecoder(strings.NewReader(doc), Limits{}).Response()
	if s, _ := v.(string); err != nil || len(s) != 3*windowSize {
		t.Errorf("long text: %d bytes, error %v", len(s), err)
	}
}

// What the hub answers to such requests names the place and the entity.
func TestRefusedDocuments(t *testing.T) {
	t.Parallel()
	const entity = `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><methodCall><methodName>m</methodName></methodCall>`
	_, err := NewDecoder(strings.NewReader(entity), Limits{}).Call()
	var doctype *DoctypeError
	if !errors.As(err, &doctype) || doctype.Entity != "b" {
		t.Errorf("entity: got error %v", err)
	}
	const short = `<?xml version="1.0"?><methodCall><methodName>x`
	_, err = NewDecoder(strings.NewReader(short), Limits{}).Call()
	if got, want := fmt.Sprint(err), "no element found: line 1, column 46"; got != want {
		t.Errorf("cut request: got %q, want %q", got, want)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut request: %v does not match io.ErrUnexpectedEOF", err)
	}
	const junk = "<methodCall><methodName>m</methodName></methodCall><more/>"
	if _, err = NewDecoder(strings.NewReader(junk), Limits{}).Call(); err == nil || !strings.Contains(err.Error(), "junk") {
		t.Errorf("junk: got error %v", err)
	}
}

func TestReadErrorIsKept(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	r := io.MultiReader(strings.NewReader("<methodResponse><params>"), iotest.ErrReader(broken))
	if _, err := NewDecoder(r, Limits{}).Response(); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

func TestResponseElements(t *testing.T) {
	t.Parallel()
	xml, err := AppendResponse(nil, []any{int64(1), nil, Struct{{"a", "b"}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []any
	err = NewDecoder(strings.NewReader(string(xml)), Limits{}).ResponseElements(func(v any) error {
		got = append(got, v)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{int64(1), nil, Struct{{"a", "b"}}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	stop := errors.New("stop")
	err = NewDecoder(strings.NewReader(string(xml)), Limits{}).ResponseElements(func(any) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("got %v, want the function's error", err)
	}
	for _, other := range []any{nil, "text", Struct{}} {
		xml, err := AppendResponse(nil, other)
		if err != nil {
			t.Fatal(err)
		}
		err = NewDecoder(strings.NewReader(string(xml)), Limits{}).ResponseElements(func(any) error { return nil })
		if err == nil {
			t.Errorf("%v: no error", other)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	for _, v := range []any{math.NaN(), math.Inf(1), "\xff", uint8(1), Struct{{"a", []any{struct{}{}}}}} {
		if xml, err := AppendValue(nil, v); err == nil {
			t.Errorf("%v: encoded as %s", v, xml)
		}
	}
	_, err := AppendCall(nil, Call{Method: "build", Params: []any{"src", Struct{{"a", []any{1, struct{}{}}}}}})
	if got, want := fmt.Sprint(err), "build: parameter 1: a: [1]: no XML-RPC type for struct {}"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
