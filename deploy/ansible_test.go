package deploy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnsible looks at the playbooks as ansible does, and at what they would say to
// the cluster: numbers are numbers, and Koschei takes the configuration. "make
// ansible" runs it; it needs no cluster.
func TestAnsible(t *testing.T) {
	if os.Getenv("KOSCHEI_ANSIBLE") == "" {
		t.Skip("set KOSCHEI_ANSIBLE=1, or run make ansible")
	}
	t.Setenv("KUBECONFIG", "/nowhere")
	t.Setenv("KOSCHEI_PRIVATE", "/nowhere")
	playbooks, err := filepath.Glob("ansible/*/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	upgrades, err := filepath.Glob("ansible/manual/upgrade/*.yml")
	if err != nil || len(upgrades) != 2 {
		t.Fatalf("%d playbooks for upgrades, %v", len(upgrades), err)
	}
	for _, file := range append(playbooks, upgrades...) {
		if dir := filepath.Dir(file); dir == "ansible/tasks" || dir == "ansible/vars" {
			continue
		}
		runIn(t, "ansible", "ansible-playbook", "--syntax-check", "-e", "env=staging", strings.TrimPrefix(file, "ansible/"))
	}
	runIn(t, "ansible", "ansible-lint", "--offline", "--nocolor", "-q")
	koschei := filepath.Join(t.TempDir(), "koschei")
	runIn(t, "..", "go", "build", "-o", koschei, "./cmd/koschei")
	for _, env := range []string{"staging", "production"} {
		out := t.TempDir()
		runIn(t, "ansible", "ansible-playbook", "tests/render.yml", "-e", "env="+env, "-e", "out="+out)
		var values struct {
			Suspended bool
			Frontend  struct{ Replicas, MinAvailable int }
			Backends  map[string]struct{ Replicas int }
			Cron      map[string]struct{ Command []string }
		}
		if err := json.Unmarshal([]byte(read(t, filepath.Join(out, "values.json"))), &values); err != nil {
			t.Errorf("%s: %v", env, err)
		}
		if !values.Suspended || values.Frontend.Replicas != values.Frontend.MinAvailable+1 || len(values.Cron["db-cleanup"].Command) < 2 ||
			len(values.Backends) != 6 || values.Backends["watcher"].Replicas != 1 {
			t.Errorf("%s: values %+v", env, values)
		}
		for _, files := range [][]string{{"frontend-config-frontend.yaml"}, {"backend-config-backend.yaml"}, {"admin-config-backend.yaml", "admin-config-admin.yaml"}} {
			args := []string{}
			for _, file := range files {
				args = append(args, "--config", filepath.Join(out, file))
			}
			runIn(t, "", koschei, append(args, "config")...)
		}
	}
}
