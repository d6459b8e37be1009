package main

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const keysPage = "../../docs/operations/keys.md"

// The operators' list of keys is that of the program. UPDATE_GOLDEN=1 writes it anew.
func TestKeysPage(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Every key of the configuration\n\nA test writes this page from the program. [configuration.md](configuration.md) says how files\n" +
		"are put together. Times are like `30s`, `5m`, `48h`.\n")
	keys := defaultConfig()
	keys.DataDir = "`$HOME/.local/state/koschei`"
	describe(t, &b, "", reflect.ValueOf(keys))
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(keysPage, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(keysPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != b.String() {
		t.Errorf("%s is not what the program has; write it anew with UPDATE_GOLDEN=1 go test -run TestKeysPage ./cmd/koschei", keysPage)
	}
}

// describe writes the keys of v in a table, and then the sections in it.
func describe(t *testing.T, b *strings.Builder, prefix string, v reflect.Value) {
	var sections []int
	head := false
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		key := prefix + f.Tag.Get("yaml")
		if f.Tag.Get("doc") == "" && value.Kind() != reflect.Struct {
			t.Errorf("%s has no doc tag", key)
		}
		if value.Kind() == reflect.Struct && f.Type != reflect.TypeFor[time.Time]() {
			sections = append(sections, i)
			continue
		}
		if !head {
			head = true
			b.WriteString("\n| key | value | what |\n|---|---|---|\n")
		}
		what := f.Tag.Get("doc")
		if from, to, ok := strings.Cut(f.Tag.Get("range"), " "); ok {
			what += " From " + from + " to " + to + "."
		}
		_, _ = fmt.Fprintf(b, "| `%s` | %s | %s |\n", key, usual(value), strings.ReplaceAll(what, "|", `\|`))
	}
	for _, i := range sections {
		f := v.Type().Field(i)
		key := prefix + f.Tag.Get("yaml")
		b.WriteString("\n## " + key + "\n")
		if doc := f.Tag.Get("doc"); doc != "" {
			b.WriteString("\n" + doc + "\n")
		}
		describe(t, b, key+".", v.Field(i))
	}
}

// usual is a value as it stands in a configuration.
func usual(v reflect.Value) string {
	if v.IsZero() && v.Kind() == reflect.String || v.Kind() == reflect.Struct {
		return ""
	}
	if v.Kind() == reflect.String && strings.HasPrefix(v.String(), "`") {
		return v.String()
	}
	if v.Kind() == reflect.Slice {
		var words []string
		for i := range v.Len() {
			words = append(words, fmt.Sprint(v.Index(i).Interface()))
		}
		return "`[" + strings.Join(words, ", ") + "]`"
	}
	text, err := yaml.Marshal(v.Interface())
	if err != nil {
		return ""
	}
	return "`" + strings.TrimSpace(string(text)) + "`"
}
