package notifier_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/koschei-ci/koschei/internal/bus"
)

// A schema is what of JSON Schema, draft 4, our schemas use.
type schema struct {
	Version     string            `json:"$schema"`
	ID          string            `json:"id"`
	Description string            `json:"description"`
	Type        string            `json:"type"`
	Properties  map[string]schema `json:"properties"`
	Required    []string          `json:"required"`
	Items       *schema           `json:"items"`
	Enum        []string          `json:"enum"`
	Pattern     string            `json:"pattern"`
}

// readSchema reads the schema of that name. A keyword that is not understood here
// ends the test.
func readSchema(t *testing.T, name string) *schema {
	t.Helper()
	f, err := os.Open(filepath.Join("../../docs/schemas", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var s schema
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		t.Fatalf("schema %s: %v", name, err)
	}
	return &s
}

// breaks returns where and how a value breaks the schema.
func (s *schema) breaks(at string, v any) (wrong []string) {
	fits := false
	switch v := v.(type) {
	case map[string]any:
		fits = s.Type == "object"
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				wrong = append(wrong, at+" lacks "+name)
			}
		}
		for name, property := range s.Properties {
			if value, ok := v[name]; ok {
				wrong = append(wrong, property.breaks(at+"."+name, value)...)
			}
		}
		for name := range v {
			if _, ok := s.Properties[name]; !ok {
				wrong = append(wrong, at+"."+name+" is not described")
			}
		}
	case []any:
		fits = s.Type == "array"
		for i, value := range v {
			if s.Items != nil {
				wrong = append(wrong, s.Items.breaks(fmt.Sprintf("%s[%d]", at, i), value)...)
			}
		}
	case string:
		fits = s.Type == "string"
		if s.Enum != nil && !slices.Contains(s.Enum, v) || !regexp.MustCompile(s.Pattern).MatchString(v) {
			wrong = append(wrong, fmt.Sprintf("%s is %q", at, v))
		}
	case bool:
		fits = s.Type == "boolean"
	case float64:
		fits = s.Type == "integer" && v == math.Trunc(v)
	}
	if !fits {
		wrong = append(wrong, fmt.Sprintf("%s is the %T %v, not of type %s", at, v, v, s.Type))
	}
	return wrong
}

// checkMessage holds a message to the schema that it names and to what
// fedora-messaging wants of headers.
func checkMessage(t *testing.T, m *bus.Message) map[string]any {
	t.Helper()
	name, _ := m.Headers["fedora_messaging_schema"].(string)
	var body map[string]any
	if err := json.Unmarshal(m.Body, &body); err != nil {
		t.Fatalf("the body of %s: %v", m.Topic, err)
	}
	for _, wrong := range readSchema(t, name).breaks("it", body) {
		t.Errorf("%s %s: %s", m.Topic, m.Body, wrong)
	}
	others(t, name, m.Body, true)
	if m.Topic != "org.fedoraproject.prod."+name {
		t.Errorf("a message with schema %s has topic %s", name, m.Topic)
	}
	if !regexp.MustCompile(`^org\.fedoraproject\.prod\.(koschei|ci)\..*`).MatchString(m.Topic) {
		t.Errorf("Fedora's broker does not let Koschei publish to %s", m.Topic)
	}
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(m.ID) {
		t.Errorf("the id of %s is %s, no UUID of version 4", m.Topic, m.ID)
	}
	if severity := m.Headers["fedora_messaging_severity"]; severity != int32(10) && severity != int32(20) {
		t.Errorf("the severity of %s is %v", m.Topic, severity)
	}
	if m.Headers["fedora_messaging_schema_package"] != "koschei_messages" || m.Sent.IsZero() {
		t.Errorf("%s: headers %v, sent %v", m.Topic, m.Headers, m.Sent)
	}
	return body
}

// The checker sees what it is there to see.
func TestSchemaChecker(t *testing.T) {
	t.Parallel()
	s := readSchema(t, "koschei.collection.state.change")
	for body, want := range map[string]int{
		`{"old":"ok","new":"unresolved","koji_instance":"primary","collection":"f99","collection_name":"F","repo_id":"7"}`: 0,
		`{"old":"ok","new":"unresolved","koji_instance":"primary","collection":"f99","collection_name":"F","repo_id":7}`:   1,
		`{"old":"ok","new":"failing","koji_instance":"primary","collection":"f99","collection_name":"F","repo_id":""}`:     2,
		`{"old":"ok","new":"unresolved","x":1}`: 5,
		`[]`:                                    1,
	} {
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
		if got := s.breaks("it", v); len(got) != want {
			t.Errorf("%s: %q, want %d", body, got, want)
		}
		others(t, "koschei.collection.state.change", []byte(body), want == 0)
	}
}
