package xmlrpc

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var fuzzLimits = Limits{Bytes: 1 << 20, Depth: 20, Values: 10000}

// Whatever arrives, decoding neither panics nor yields what cannot be sent on,
// and what is sent on decodes to the same.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"<methodCall><methodName>m</methodName><params><param><value>a&amp;b</value></param></params></methodCall>",
		"<methodResponse><params><param><value><array><data><value><ex:nil/></value><value><i8>9223372036854775807</i8></value></data></array></value></param></params></methodResponse>",
		"<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>1</int></value></member><member><name>faultString</name><value/></member></struct></value></fault></methodResponse>",
		"<?xml version='1.0'?><!-- c --><methodResponse><params><param><value><![CDATA[x]]></value></param></params></methodResponse>",
		"<!DOCTYPE a [<!ENTITY b 'c'>]>",
		"<methodResponse><params><param><value><double>1e-05</double></value></param></params></methodResponse>",
		"<methodResponse><params><param><value><base64>\nAA==\n</base64></value></param></params></methodResponse>",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if call, err := NewDecoder(bytes.NewReader(doc), fuzzLimits).Call(); err == nil {
			roundTripCall(t, call)
		}
		if v, err := NewDecoder(bytes.NewReader(doc), fuzzLimits).Response(); err == nil {
			roundTripValue(t, v)
			_ = Unmarshal(v, new([]outer))
		}
		_ = NewDecoder(bytes.NewReader(doc), fuzzLimits).ResponseElements(func(any) error { return nil })
	})
}

func roundTripCall(t *testing.T, call Call) {
	xml, err := AppendCall(nil, call)
	if err != nil {
		t.Fatalf("%#v: %v", call, err)
	}
	again, err := NewDecoder(bytes.NewReader(xml), Limits{}).Call()
	if err != nil {
		t.Fatalf("%s: %v", xml, err)
	}
	if diff := cmp.Diff(call, again, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-first +again):\n%s", diff)
	}
}

func roundTripValue(t interface {
	Fatalf(string, ...any)
	Errorf(string, ...any)
}, v any,
) {
	xml, err := AppendResponse(nil, v)
	if err != nil {
		t.Fatalf("%#v: %v", v, err)
	}
	again, err := NewDecoder(bytes.NewReader(xml), Limits{}).Response()
	if err != nil {
		t.Fatalf("%s: %v", xml, err)
	}
	if diff := cmp.Diff(v, again, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-first +again):\n%s", diff)
	}
	xmlAgain, err := AppendResponse(nil, again)
	if err != nil || !bytes.Equal(xml, xmlAgain) {
		t.Errorf("encoded twice: error %v\nfirst %s\nagain %s", err, xml, xmlAgain)
	}
}

// values draws any value that can be sent.
func values(depth int) *rapid.Generator[any] {
	kinds := []*rapid.Generator[any]{
		rapid.Just(any(nil)),
		rapid.Bool().AsAny(),
		rapid.Int64().AsAny(),
		rapid.Float64().AsAny(),
		rapid.String().AsAny(),
		rapid.SliceOf(rapid.Byte()).AsAny(),
	}
	if depth > 0 {
		kinds = append(kinds,
			rapid.SliceOfN(values(depth-1), 0, 5).AsAny(),
			rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Member {
				return Member{rapid.String().Draw(t, "name"), values(depth-1).Draw(t, "value")}
			}), 0, 5).AsAny(),
		)
	}
	return rapid.Custom(func(t *rapid.T) any {
		v := rapid.OneOf(kinds...).Draw(t, "value")
		if members, ok := v.([]Member); ok {
			return Struct(members)
		}
		return v
	})
}

func TestAnyValueRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		roundTripValue(t, values(3).Draw(t, "value"))
	})
}
