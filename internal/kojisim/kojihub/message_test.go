package kojihub

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/distro"
	"github.com/koschei-ci/koschei/internal/kojisim/worldtext"
)

// jsonShape is shapeOf for what encoding/json decodes.
func jsonShape(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case map[string]any:
		var out []string
		for name, e := range v {
			out = append(out, name+": "+jsonShape(e))
		}
		sort.Strings(out)
		return "{" + strings.Join(out, ", ") + "}"
	case []any:
		var out []string
		for _, e := range v {
			out = append(out, jsonShape(e))
		}
		sort.Strings(out)
		return "[" + strings.Join(slices.Compact(out), " | ") + "]"
	}
	return fmt.Sprintf("%T", v)
}

// kindOf names a message by its topic and the change that it tells of.
func kindOf(topic string, body map[string]any) string {
	if old, ok := body["old"]; ok {
		return fmt.Sprintf("%s %v %v", topic, old, body["new"])
	}
	return topic
}

// TestMessagesLookRecorded compares messages with those that Fedora's plugin
// built in a real hub: headers and body have the same members and types.
func TestMessagesLookRecorded(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../../shared/reference/koji-recordings/amqp-fedora-*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("no recorded messages")
		}
		t.Skip("no recorded messages")
	}
	got := messagesOfAll(t)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var want struct {
			Body       map[string]any `json:"body"`
			Key        string         `json:"routing_key"`
			Properties struct {
				Headers map[string]any `json:"headers"`
			} `json:"properties"`
		}
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		kind := kindOf(strings.TrimPrefix(want.Key, "org.fedoraproject.test.buildsys."), want.Body)
		m, ok := got[kind]
		if !ok {
			t.Errorf("%s: no such message was sent", kind)
			continue
		}
		var body any
		if err := json.Unmarshal(m.Body, &body); err != nil {
			t.Fatal(err)
		}
		if a, b := jsonShape(body), jsonShape(want.Body); a != b {
			t.Errorf("%s\n got  %s\n want %s", kind, a, b)
		}
		for _, name := range []string{"fedora_messaging_schema", "fedora_messaging_schema_package", "fedora_messaging_severity", "priority"} {
			if a, b := fmt.Sprint(m.Headers[name]), fmt.Sprint(want.Properties.Headers[name]); a != b {
				t.Errorf("%s: header %s: got %s, want %s", kind, name, a, b)
			}
		}
	}
}

// messagesOfAll has everything happen that was recorded and returns the
// messages by kind.
func messagesOfAll(t *testing.T) map[string]Message {
	t.Helper()
	data, err := os.ReadFile("testdata/recorded.txtar")
	if err != nil {
		t.Fatal(err)
	}
	world, err := worldtext.Parse(data, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := newStation(t, world)
	got := map[string]Message{}
	s.hub.Subscribe(func(m Message) {
		var body map[string]any
		if err := json.Unmarshal(m.Body, &body); err != nil {
			t.Error(err)
		}
		if kind := kindOf(m.Topic, body); m.Topic != "task.state.change" || got[kind].ID == "" {
			got[kind] = m
		}
	})
	w := world.Lock()
	w.ReadyRepo(w.InitRepo(w.TagByName("f40-build"), nil, 0))
	w.AddPackage(w.TagByName("f40"), w.NewPackage("latecomer"), w.UserByName("packager"))
	w.ImportBuild(w.PackageByName("archful"), w.BuildByNVR("bash-5.2.26-3.fc40").EVR, kojisim.Content{}, w.Users[0])
	missing := w.BuildByNVR("missingdep-1.0-1.fc40")
	w.UntagBuild(w.TagByName("f40"), missing, w.Users[0])
	w.TagBuild(w.TagByName("f40"), w.BuildByNVR("bash-5.2.26-3.fc40"), w.Users[0])
	world.Unlock()

	s.login("kojiadmin")
	s.must("deleteBuild", missing.NVR())
	s.session = nil
	s.login("koschei")
	scratch := xmlrpc.Struct{{Name: "scratch", Value: true}}
	oneArch := xmlrpc.Struct{{Name: "scratch", Value: true}, {Name: "arch_override", Value: "x86_64"}}
	foo := "../packages/foo/2.0/4.fc40/src/foo-2.0-4.fc40.src.rpm"
	slow := "../packages/slowpkg/1.0/1.fc40/src/slowpkg-1.0-1.fc40.src.rpm"
	fail := "../packages/failpkg/1.0/1.fc40/src/failpkg-1.0-1.fc40.src.rpm"
	s.finish(s.must("build", foo, "f40", append(scratch, xmlrpc.Member{Name: "background", Value: true})))
	s.finish(s.must("build", fail, "f40", oneArch))
	s.finish(s.must("build", "cli-build/x/foo-2.0-5.fc40.src.rpm", "f40"))
	s.must("cancelTask", s.must("build", foo, "f40", scratch)) // while it is free
	running := s.must("build", slow, "f40", oneArch)
	s.clock.Step(30e9)
	s.hub.advance()
	world.Lock()
	freed := w.TaskByID(int(running.(int64)))
	for _, c := range freed.Children {
		if c.Method == "buildArch" {
			w.FreeTask(c)
		}
	}
	w.FreeTask(freed)
	world.Unlock()
	s.clock.Step(15e9)
	s.must("cancelTask", running)
	return got
}

// TestMessagesSent counts what a reader gets and what the world says of it.
func TestMessagesSent(t *testing.T) {
	t.Parallel()
	w := smallWorld(t, distro.Options{Packages: 100, Seed: 9, Updates: 60})
	hub := New(w, kojisim.NewStepClock(w.Now()), slog.New(slog.DiscardHandler))
	got := 0
	hub.Subscribe(func(Message) { got++ })
	hub.SetMessageFaults(MessageFaults{Lose: 0.2, Repeat: 0.2, Reorder: 0.2})
	for range 24 {
		w.Advance(w.Now().Add(time.Hour))
		hub.mail.deliver()
	}
	fates := hub.MessagesSent()
	for _, fate := range []string{"sent", "lost", "repeated", "late"} {
		if fates[fate] == 0 {
			t.Errorf("no message was %s: %v", fate, fates)
		}
	}
	// The last one may still wait for the one that overtakes it.
	if want := fates["sent"] + fates["repeated"]; got != want && got != want-1 {
		t.Errorf("the reader got %d messages, the world says %v", got, fates)
	}
}
