package kubernetes

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	chartDir  = "../chart/koschei"
	valuesDir = "../chart/values"
)

// kinds are the objects of each file of values.
var kinds = map[string]map[string]int{
	"kubernetes": {
		"ConfigMap": 1, "CronJob": 1, "Deployment": 8, "HorizontalPodAutoscaler": 1, "Ingress": 1, "Job": 1, "NetworkPolicy": 2,
		"PodDisruptionBudget": 1, "PodMonitor": 1, "PrometheusRule": 1, "Secret": 3, "Service": 1,
	},
	"openshift": {"CronJob": 2, "Deployment": 8, "ImageStream": 1, "Job": 1, "NetworkPolicy": 2, "PodDisruptionBudget": 1, "Route": 1, "Service": 1},
	"suspended": {"CronJob": 1, "Deployment": 8, "Job": 1, "PodDisruptionBudget": 1, "Secret": 3, "Service": 1},
}

// checksum is that of all that the objects of a file of values are made of.
func checksum(t *testing.T, name string) string {
	t.Helper()
	sum := sha256.New()
	add := func(file string) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(sum, "%s %d\n%s", filepath.Base(file), len(text), text)
	}
	err := filepath.WalkDir(chartDir, func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			add(file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	add(filepath.Join(valuesDir, name+".yaml"))
	return fmt.Sprintf("# Of chart and values with the checksum %x, by \"make charts\".\n", sum.Sum(nil))
}

func golden(name string) string { return filepath.Join("testdata", name+".golden.yaml") }

func objects(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(golden(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// helm runs Helm, which $HELM names.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	program, err := exec.LookPath(cmp.Or(os.Getenv("HELM"), "helm"))
	if err != nil {
		t.Skip("helm is not here; name it in $HELM")
	}
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	return string(out), err
}

// An API server that enforces Pod Security would take all objects; they are of this
// chart and no earlier one.
func TestObjects(t *testing.T) {
	t.Parallel()
	for name, want := range kinds {
		text := objects(t, name)
		if !strings.HasPrefix(text, checksum(t, name)) {
			t.Errorf("%s is of another chart or other values: run make charts", golden(name))
		}
		refused, got, err := validate(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, sentence := range refused {
			t.Errorf("%s: %s", name, sentence)
		}
		for kind := range got {
			if got[kind] != want[kind] {
				t.Errorf("%s: %d of kind %s, want %d", name, got[kind], kind, want[kind])
			}
		}
		for kind := range want {
			if got[kind] == 0 {
				t.Errorf("%s: none of kind %s", name, kind)
			}
		}
	}
}

// While suspended nothing is submitted, and everything else goes on.
func TestSuspended(t *testing.T) {
	t.Parallel()
	for object := range strings.SplitSeq(objects(t, "suspended"), "\n---\n") {
		if !strings.Contains(object, "\nkind: Deployment\n") {
			continue
		}
		stopped := strings.Contains(object, "\n  replicas: 0\n")
		for _, name := range []string{"frontend", "polling", "repo-resolver", "build-resolver", "scheduler", "watcher", "admin"} {
			if strings.Contains(object, "\n  name: "+name+"\n") && stopped != (name == "scheduler") {
				t.Errorf("%s: no pods: %v", name, stopped)
			}
		}
	}
}

// The validation says no to what an API server refuses.
func TestValidate(t *testing.T) {
	t.Parallel()
	good := objects(t, "kubernetes")
	for _, tt := range []struct{ old, new, want string }{
		{"resources:", "resorces:", "resorces"},
		{"cpu: 250m", "cpu: lots", "quantit"},
		{"minAvailable: 1", "minAvailable: 1\n  maxUnavailable: 1", "PodDisruptionBudget: spec: Invalid value"},
		{"protocol: TCP", "protocol: TPC", "TPC"},
		{`schedule: "0 3 * * *"`, `schedule: "0 33 * * *"`, "schedule"},
		{"drop: [ALL]", "drop: [KILL]", "not restricted"},
		{"runAsNonRoot: true", "runAsNonRoot: false", "not restricted"},
		{"kind: Deployment", "kind: Deploiment", "Deploiment"},
	} {
		if !strings.Contains(good, tt.old) {
			t.Errorf("the objects have no %q", tt.old)
			continue
		}
		refused, _, err := validate(strings.Replace(good, tt.old, tt.new, 1))
		if err != nil || !strings.Contains(strings.Join(refused, "\n"), tt.want) {
			t.Errorf("%q: refused %v, %v, want %q", tt.new, refused, err, tt.want)
		}
	}
}

// Helm has nothing to say about the chart and makes the objects of testdata.
// UPDATE_GOLDEN=1 writes them anew.
func TestRender(t *testing.T) {
	t.Parallel()
	for name := range kinds {
		values := filepath.Join(valuesDir, name+".yaml")
		if out, err := helm(t, "lint", "--strict", chartDir, "--values", values); err != nil {
			t.Errorf("helm lint: %v\n%s", err, out)
		}
		out, err := helm(t, "template", "koschei", chartDir, "--namespace", "koschei", "--values", values)
		if err != nil {
			t.Fatalf("helm template: %v\n%s", err, out)
		}
		out = checksum(t, name) + out
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(golden(name), []byte(out), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if objects(t, name) != out {
			t.Errorf("helm makes other objects than %s has", golden(name))
		}
	}
}

// What is typed wrongly is refused before anything is asked of a cluster.
func TestValuesAreClosed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ values, want string }{
		{"image: {tag: x}\nfrontent: {}", "frontent"},
		{"image: {tag: x}\nfrontend: {replica: 2}", "replica"},
		{"image: {digest: 'sha256:abc'}", "digest"},
		{"image: {tag: x}\nbackends: {pollin: {}}", "pollin"},
		{"image: {tag: x}\nexpose: nodeport", "expose"},
		{"image: {tag: x}\ncron: {Bad_Name: {schedule: '@daily', command: [x]}}", "Bad_Name"},
		{"image: {tag: x}\nfrontend: {resources: {requests: {cpu: lots}}}", "cpu"},
		{"host: x", "image: set digest, or tag to try things"},
	} {
		file := filepath.Join(t.TempDir(), "values.yaml")
		if err := os.WriteFile(file, []byte(tt.values), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := helm(t, "template", "koschei", chartDir, "--values", file); err == nil || !strings.Contains(out, tt.want) {
			t.Errorf("%q: got %v, want an error with %q:\n%s", tt.values, err, tt.want, out)
		}
	}
}

// A Job cannot be changed, so each image and configuration has its own; pods of a
// changed configuration are replaced, those of other kinds stay.
func TestChangesRoll(t *testing.T) {
	t.Parallel()
	of := func(more ...string) (job, frontend, backend string) {
		args := append([]string{"template", "koschei", chartDir, "--values", filepath.Join(valuesDir, "kubernetes.yaml")}, more...)
		text, err := helm(t, args...)
		if err != nil {
			t.Fatal(text)
		}
		checksums := map[string]string{}
		for object := range strings.SplitSeq(text, "\n---\n") {
			name, sum := "", ""
			for line := range strings.Lines(object) {
				line = strings.TrimSpace(line)
				if rest, ok := strings.CutPrefix(line, "name: "); ok && name == "" {
					name = rest
				}
				if rest, ok := strings.CutPrefix(line, "checksum/config: "); ok {
					sum = rest
				}
			}
			if strings.HasPrefix(name, "job-db-migrate-") {
				job = name
			}
			if sum != "" {
				checksums[name] = sum
			}
		}
		return job, checksums["frontend"], checksums["polling"]
	}
	job, frontend, backend := of()
	if job2, frontend2, backend2 := of("--set", "config.backend.koji.max_builds=31"); job == "" || job2 == job || frontend == "" || frontend2 != frontend || backend == "" || backend2 == backend {
		t.Errorf("backend's configuration changed: job %s %s, frontend %.5s %.5s, backend %.5s %.5s", job, job2, frontend, frontend2, backend, backend2)
	}
	if job3, frontend3, _ := of("--set", "image.digest=sha256:"+strings.Repeat("2", 64)); job3 == job || frontend3 != frontend {
		t.Errorf("image changed: job %s %s, frontend %.5s %.5s", job, job3, frontend, frontend3)
	}
}
