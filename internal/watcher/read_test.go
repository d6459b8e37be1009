package watcher_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/watcher"
)

const prefix = "org.fedoraproject.test"

func reader() *watcher.Service {
	return &watcher.Service{Config: watcher.Config{TopicPrefix: prefix, Instance: "primary"}}
}

// TestRecorded reads every message that was recorded of a real hub.
func TestRecorded(t *testing.T) {
	t.Parallel()
	const dir = "../../../shared/reference/koji-recordings/"
	want := map[string]string{
		"build.state.change-BUILDING-to-COMPLETE": "build.state.change build 14 package foo",
		"build.state.change-COMPLETE-to-DELETED":  "build.state.change build 12 package missingdep",
		"build.state.change-none-to-BUILDING":     "build.state.change build 14 package foo",
		"build.state.change-none-to-COMPLETE":     "build.state.change build 1 package bash",
		"package.list.change":                     "package.list.change tag f40 package bash",
		"repo.done":                               "repo.done tag f40-build",
		"repo.init":                               "its topic",
		"tag":                                     "tag tag f40 package bash",
		"untag":                                   "untag tag f40 package bar",
	}
	files, err := filepath.Glob(dir + "amqp-fedora-*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 16 {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%d recorded messages, want 16", len(files))
		}
		t.Skip("no recorded messages")
	}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "amqp-fedora-"), ".json")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var recorded struct {
			Key  string `json:"routing_key"`
			Body string `json:"body_raw"`
		}
		if err := json.Unmarshal(text, &recorded); err != nil {
			t.Fatal(err)
		}
		got, err := reader().About(&bus.Message{Topic: recorded.Key, Body: []byte(recorded.Body)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.HasPrefix(name, "task.") {
			if !strings.HasPrefix(got, "task.state.change task ") {
				t.Errorf("%s: %s", name, got)
			}
		} else if got != want[name] {
			t.Errorf("%s: %s, want %s", name, got, want[name])
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, topic, body, want string
	}{
		{"ours", "tag", `{"instance":"primary","tag":"f44","name":"foo","new":"field"}`, "tag tag f44 package foo"},
		{"another prefix", "org.centos.prod.buildsys.tag", `{"instance":"primary","tag":"f44","name":"foo"}`, "its topic"},
		{"another service", prefix + ".bodhi.update.comment", `{}`, "its topic"},
		{"another instance", "tag", `{"instance":"s390","tag":"f44","name":"foo"}`, "its instance"},
		{"no instance", "tag", `{"tag":"f44","name":"foo"}`, "its instance"},
		{"an attribute", "task.state.change", `{"instance":"primary","attribute":"weight","id":4}`, "not a state has changed"},
		{"no JSON", "tag", `<xml>`, "error: reading its body: invalid character '<' looking for beginning of value"},
		{"half", "tag", `{"instance":"prim`, "error: reading its body: unexpected end of JSON input"},
		{"nothing", "tag", ``, "error: reading its body: unexpected end of JSON input"},
		{"a list", "tag", `[]`, "error: reading its body: json: cannot unmarshal array into Go value of type watcher.body"},
		{"null", "tag", `null`, "its instance"},
		{"no tag", "tag", `{"instance":"primary","name":"foo"}`, "error: it names no tag"},
		{"no package", "untag", `{"instance":"primary","tag":"f44","package":"foo"}`, "error: it names no package"},
		{"no package in a list", "package.list.change", `{"instance":"primary","tag":"f44","name":"foo"}`, "error: it names no package"},
		{"no repo's tag", "repo.done", `{"instance":"primary","repo_id":1}`, "error: it names no tag"},
		{"no task", "task.state.change", `{"instance":"primary","attribute":"state"}`, "error: it names no task"},
		{"no build", "build.state.change", `{"instance":"primary","attribute":"state","name":"foo"}`, "error: it names no build"},
		{
			"a task that is a word", "task.state.change", `{"instance":"primary","attribute":"state","id":"12"}`,
			"error: reading its body: json: cannot unmarshal string into Go struct field body.id of type int64",
		},
		{"too large", "tag", `"` + strings.Repeat("x", 5<<20) + `"`, "error: its body has 5242882 bytes, more than 4194304"},
	}
	for _, test := range tests {
		topic := test.topic
		if !strings.HasPrefix(topic, "org.") {
			topic = prefix + ".buildsys." + topic
		}
		got, err := reader().About(&bus.Message{Topic: topic, Body: []byte(test.body)})
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
