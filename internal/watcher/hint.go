package watcher

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/koschei-ci/koschei/internal/bus"
)

// A kind is a kind of messages: what their topics end in.
type kind string

const (
	taskChanged  kind = "task.state.change"
	buildChanged kind = "build.state.change"
	tagged       kind = "tag"
	untagged     kind = "untag"
	repoDone     kind = "repo.done"
	listChanged  kind = "package.list.change"
)

func kinds() []kind {
	return []kind{taskChanged, buildChanged, tagged, untagged, repoDone, listChanged}
}

// A hint is what a message is about.
type hint struct {
	message *bus.Message
	kind    kind
	task    int64  // of taskChanged
	build   int64  // of buildChanged
	tag     string // of the others
	pkg     string // of all but taskChanged and repoDone
}

// body is what is read of any message.
type body struct {
	Instance  string `json:"instance"`
	Attribute string `json:"attribute"`
	ID        int64  `json:"id"` // of a task
	BuildID   int64  `json:"build_id"`
	Tag       string `json:"tag"`
	Name      string `json:"name"`    // of a build's package
	Package   string `json:"package"` // of a list
}

// longest is the size of a message's body from which on nobody reads it. A
// task with many children has some 100 KiB.
const longest = 4 << 20

// read returns what a message is about; or why that is nothing to us, or an
// error if it is not what it claims to be.
func (s *Service) read(m *bus.Message) (h hint, ignore string, err error) {
	h = hint{message: m}
	for _, k := range kinds() {
		if m.Topic == s.topic(k) {
			h.kind = k
		}
	}
	if h.kind == "" {
		return h, "its topic", nil
	}
	if len(m.Body) > longest {
		return h, "", fmt.Errorf("its body has %d bytes, more than %d", len(m.Body), longest)
	}
	var b body
	if err := json.Unmarshal(m.Body, &b); err != nil {
		return h, "", fmt.Errorf("reading its body: %w", err)
	}
	if b.Instance != s.Instance {
		return h, "its instance", nil
	}
	if (h.kind == taskChanged || h.kind == buildChanged) && b.Attribute != "state" {
		return h, "not a state has changed", nil
	}
	return h, "", h.fill(&b)
}

// fill takes from a body what its kind must have.
func (h *hint) fill(b *body) error {
	h.tag, h.pkg = b.Tag, b.Name
	switch h.kind {
	case taskChanged:
		if h.task = b.ID; h.task <= 0 {
			return errors.New("it names no task")
		}
		return nil
	case buildChanged:
		if h.build = b.BuildID; h.build <= 0 {
			return errors.New("it names no build")
		}
	case listChanged:
		h.pkg = b.Package
	}
	switch {
	case h.tag == "" && h.kind != buildChanged:
		return errors.New("it names no tag")
	case h.pkg == "" && h.kind != repoDone:
		return errors.New("it names no package")
	}
	return nil
}
