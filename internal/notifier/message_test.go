package notifier_test

import (
	"testing"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/notifier"
)

func TestMessageOf(t *testing.T) {
	t.Parallel()
	place := &koschei.EventPlace{DisplayName: "Fedora 44", Groups: []string{"java", "mizdebsk/tools"}}
	tests := []struct {
		event koschei.Event
		topic string // "" for no message
		body  string
	}{
		{
			koschei.Event{Kind: koschei.EventPackageState, Collection: "f44", Package: "foo", Before: "unknown", After: "failing"},
			"package.state.change",
			`{"name":"foo","old":"ignored","new":"failing","repo":"f44","collection":"f44","collection_name":"Fedora 44","groups":["java","mizdebsk/tools"]}`,
		},
		{event: koschei.Event{Kind: koschei.EventPackageState, Collection: "f44", Package: "foo", Before: "untracked", After: "unknown"}},
		{
			koschei.Event{Kind: koschei.EventCollectionState, Collection: "f44", Before: "ok", After: "unresolved", RepoID: 1234},
			"collection.state.change",
			`{"old":"ok","new":"unresolved","collection":"f44","collection_name":"Fedora 44","repo_id":"1234"}`,
		},
		{event: koschei.Event{Kind: koschei.EventBuildEnded, Collection: "f44", Package: "foo", Before: "running", After: "failed"}},
	}
	for _, test := range tests {
		m, err := notifier.MessageOf(&test.event, place)
		switch {
		case err != nil:
			t.Error(err)
		case m == nil && test.topic != "", m != nil && (m.Topic != test.topic || string(m.Body) != test.body):
			t.Errorf("%s %s -> %s: %+v (%s), want %s %s", test.event.Kind, test.event.Before, test.event.After, m, m.Body, test.topic, test.body)
		}
	}
}
