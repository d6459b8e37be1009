package watcher_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/koschei-ci/koschei/internal/bus"
	"github.com/koschei-ci/koschei/internal/watcher"
)

// Messages of real hubs of many years are understood. Two that their schema allows
// say nothing that could be acted upon.
func TestRealMessages(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/messages/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d messages (%v)", len(files), err)
	}
	unreadable := map[string]bool{"36-tag-made.json": true, "37-build-state-change-made.json": true}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var m struct {
			Topic string          `json:"topic"`
			Body  json.RawMessage `json:"body"`
		}
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		s := &watcher.Service{Config: watcher.Config{TopicPrefix: "org.fedoraproject.prod", Instance: "primary"}}
		got, err := s.About(&bus.Message{Topic: m.Topic, Body: m.Body})
		if (err != nil) != unreadable[filepath.Base(f)] {
			t.Errorf("%s: %q, %v", filepath.Base(f), got, err)
		}
	}
}
