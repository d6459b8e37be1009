package deploy

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The Compose file runs every service there is, each confined, with files that exist.
func TestCompose(t *testing.T) {
	t.Parallel()
	var file struct {
		Name     string
		Services map[string]struct {
			Command, Volumes, Profiles []string
			ReadOnly                   bool     `yaml:"read_only"`
			CapDrop                    []string `yaml:"cap_drop"`
			User                       string
		}
	}
	text := read(t, "compose/compose.yaml")
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, s := range file.Services {
		if name == "database" || name == "bus" {
			continue
		}
		names = append(names, name)
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || s.User != "1001:0" {
			t.Errorf("%s is not confined: %+v", name, s)
		}
		if last := s.Command[len(s.Command)-1]; last != name && name != "admin" {
			t.Errorf("%s runs %s", name, last)
		}
	}
	slices.Sort(names)
	if got, want := strings.Join(names, " "), "admin build-resolver frontend migrate notifier polling repo-resolver scheduler watcher"; got != want {
		t.Errorf("services %s, want %s", got, want)
	}
	for _, m := range regexp.MustCompile(`- \./([a-z.-]+\.yaml):`).FindAllStringSubmatch(text, -1) {
		read(t, "compose/"+m[1])
	}
}
