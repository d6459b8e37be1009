package deploy

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"
)

// clusterHost is this machine's address in the network of pods.
const clusterHost = "198.18.0.1"

// A cluster is a Kubernetes of one node that runs pods for real; see
// kubernetes/cluster. bin has the programs cluster, helm and kubectl.
type cluster struct {
	t                *testing.T
	bin, dir, images string
	url, token       string
	http             *http.Client
}

func startCluster(t *testing.T, bin string) *cluster {
	c := &cluster{t: t, bin: bin, dir: t.TempDir(), images: t.TempDir()}
	address := freeAddress(t)
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(bin, "cluster"), "-dir", c.dir, "-images", c.images, "-listen", address)
	cmd.Stdout, cmd.Stderr = log, log
	// A terminal that interrupts the test interrupts the cluster after it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	background(t, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			c.printLogs()
		}
	})
	await(t, "the cluster is ready", func() bool {
		if err := syscall.Kill(cmd.Process.Pid, 0); err != nil {
			t.Fatalf("the cluster ended:\n%s", read(t, log.Name()))
		}
		return strings.Contains("\n"+read(t, log.Name()), "\nready\n")
	})
	c.connect()
	return c
}

// connect reads how to ask the API server.
func (c *cluster) connect() {
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server string
				CA     string `yaml:"certificate-authority"`
			}
		}
		Users []struct{ User struct{ Token string } }
	}
	if err := yaml.Unmarshal([]byte(read(c.t, c.kubeconfig())), &config); err != nil {
		c.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(read(c.t, config.Clusters[0].Cluster.CA))) {
		c.t.Fatal("the cluster has no certificate")
	}
	c.url, c.token = config.Clusters[0].Cluster.Server, config.Users[0].User.Token
	c.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
}

func (c *cluster) kubeconfig() string { return filepath.Join(c.dir, "kubeconfig") }

// printLogs prints the end of what the cluster and its pods have said.
func (c *cluster) printLogs() {
	logs, _ := filepath.Glob(filepath.Join(c.dir, "pods/*.log"))
	for _, file := range append(logs, filepath.Join(c.dir, "log")) {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		c.t.Logf("%s ends:\n%s", filepath.Base(file), text[max(0, len(text)-3000):])
	}
}

// ask asks the API server and decodes its answer, if that is wanted.
func (c *cluster) ask(method, path string, body, answer any) (status int, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err = io.ReadAll(res.Body)
	if err == nil && answer != nil && res.StatusCode < 300 {
		err = json.Unmarshal(text, answer)
	}
	return res.StatusCode, err
}

// kubectl and helm run those programs in the cluster, and return what they say.
func (c *cluster) kubectl(args ...string) string {
	c.t.Helper()
	return runIn(c.t, "..", filepath.Join(c.bin, "kubectl"), append([]string{"--kubeconfig", c.kubeconfig()}, args...)...)
}

func (c *cluster) helm(args ...string) string {
	c.t.Helper()
	return runIn(c.t, "..", filepath.Join(c.bin, "helm"), append([]string{"--kubeconfig", c.kubeconfig()}, args...)...)
}

// admin runs koschei-admin as the handbook says.
func (c *cluster) admin(namespace string, args ...string) string {
	c.t.Helper()
	return c.kubectl(append([]string{"--namespace", namespace, "exec", "deploy/admin", "--", "koschei-admin"}, args...)...)
}

// get returns a field of an object, as kubectl writes it.
func (c *cluster) get(namespace, object, path string) string {
	c.t.Helper()
	return c.kubectl("--namespace", namespace, "get", object, "--output", "jsonpath={"+path+"}")
}

// namespace makes one that takes only pods that may do nothing.
func (c *cluster) namespace(name string) {
	c.kubectl("create", "namespace", name)
	c.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
}

// image makes an image of this source with more migrations and returns its digest.
func (c *cluster) image(version string, migrations ...string) (digest string) {
	c.t.Helper()
	digest = fmt.Sprintf("%x", sha256.Sum256([]byte(version)))
	makeImageRoot(c.t, filepath.Join(c.images, digest), version, migrations...)
	return "sha256:" + digest
}

// makeImageRoot makes the root of an image of this source with more migrations.
func makeImageRoot(t *testing.T, root, version string, migrations ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "image/root", root)
	cmd.Env = append(os.Environ(), "VERSION="+version, "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" "+overlay(t, migrations)))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("image/root: %v\n%s", err, out)
	}
}

// overlay is a flag of go that puts files of testdata/migrations beside the migrations.
func overlay(t *testing.T, migrations []string) string {
	t.Helper()
	if len(migrations) == 0 {
		return ""
	}
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	for _, name := range migrations {
		replace[filepath.Join(filepath.Dir(here), "internal/postgres/migrations", name)] = filepath.Join(here, "testdata/migrations", name)
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return "-overlay=" + file
}

// play runs a playbook as the handbook says, with the cluster of this test, and returns
// what it says and how much it has changed.
func (c *cluster) play(settings map[string]any, playbook string, args ...string) (said string, changed string, err error) {
	c.t.Helper()
	text, err := json.Marshal(settings)
	if err != nil {
		c.t.Fatal(err)
	}
	file := filepath.Join(c.dir, "settings.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.CommandContext(c.t.Context(), "ansible-playbook", append([]string{playbook, "-e", "env=staging", "-e", "@" + file}, args...)...)
	cmd.Dir = "ansible"
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.kubeconfig(), "KOSCHEI_PRIVATE="+filepath.Join(c.dir, "private"), "ANSIBLE_NOCOLOR=1")
	out, err := cmd.CombinedOutput()
	if m := regexp.MustCompile(` changed=(\d+) `).FindSubmatch(out); m != nil {
		changed = string(m[1])
	}
	return string(out), changed, err
}
