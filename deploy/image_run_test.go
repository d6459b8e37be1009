package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestImage builds the image twice, pushes it to a registry, unpacks what is there,
// and runs all services of it as containers that may do nothing: a strange user, a
// root that cannot be written, no capability, until builds are resolved. "make image"
// runs it.
func TestImage(t *testing.T) {
	if os.Getenv("KOSCHEI_IMAGE") == "" {
		t.Skip("set KOSCHEI_IMAGE=1, or run make image")
	}
	w, dir := newWorld(t), t.TempDir()
	first, second := buildImage(t, dir), buildImage(t, dir)
	if first != second {
		t.Fatalf("the image built twice has the ids %s and %s", first, second)
	}
	root := pushAndUnpack(t, dir)
	c := containers{t: t, dir: dir, root: root, address: map[string]string{}}
	config := filepath.Join(dir, "etc")
	if err := os.Mkdir(config, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"koschei.yaml": strings.Replace(w.config, "hub-password", "/etc/koschei/hub-password", 1), "hub-password": "koschei",
	} {
		if err := os.WriteFile(filepath.Join(config, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c.etc = config
	c.run("migrate")
	c.run("admin", "create-collection", "f44", "--display-name", "Fedora 44", "--target", "f44", "--dest-tag", "f44")
	if out := c.run("admin", "audit"); !strings.Contains(out, fmt.Sprintf("uid %d", strangeUser)) {
		t.Errorf("the audit log does not say who made the collection:\n%s", out)
	}
	c.run("admin", "check-config")
	for _, service := range []string{"frontend", "polling", "repo-resolver", "build-resolver", "scheduler"} {
		c.start(service)
	}
	var names []string
	await(t, "packages are known", func() bool { names = c.packages(); return len(names) > 0 })
	c.run(append([]string{"admin", "add-pkg", "--collection", "f44"}, names...)...)
	await(t, "packages are resolved", func() bool { return strings.Contains(c.get("frontend", "/api/v1/packages"), `"state":"ok"`) })
	await(t, "a build is submitted", func() bool {
		return strings.Contains(c.get("scheduler", "/metrics"), `koschei_submissions_total{collection="f44",outcome="taken"}`)
	})
	await(t, "builds are resolved", func() bool {
		return strings.Contains(c.get("build-resolver", "/metrics"), "koschei_builds_to_resolve 0\n")
	})
	for name, address := range c.address {
		if code := status("http://" + address + "/readyz"); code != 200 {
			t.Errorf("%s: /readyz %d", name, code)
		}
	}
}

func buildImage(t *testing.T, store string) string {
	cmd := exec.CommandContext(t.Context(), "image/build", store)
	cmd.Env = append(os.Environ(), "VERSION=1.2.3-test", "REVISION=0123456789ab", "SOURCE_DATE_EPOCH=1790000000")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("image/build: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// pushAndUnpack sends the image to a registry and returns the root of what can be
// got from there.
func pushAndUnpack(t *testing.T, store string) string {
	address := freeAddress(t)
	conf := filepath.Join(store, "registry.yml")
	text := "version: 0.1\nstorage: {filesystem: {rootdirectory: " + filepath.Join(store, "registry") + "}}\nhttp: {addr: " + address + "}\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	background(t, exec.Command("docker-registry", "serve", conf))
	await(t, "the registry answers", func() bool { return status("http://"+address+"/v2/") == 200 })
	image := "docker://" + address + "/koschei/koschei:fedora-stage"
	runIn(t, "", "buildah", "--storage-driver", "vfs", "--root", store+"/images", "--runroot", store+"/run",
		"push", "--quiet", "--tls-verify=false", "localhost/koschei:1.2.3-test", image)
	var config struct {
		Config struct {
			User   string
			Labels map[string]string
		}
	}
	if err := json.Unmarshal([]byte(runIn(t, "", "skopeo", "inspect", "--config", "--tls-verify=false", image)), &config); err != nil {
		t.Fatal(err)
	}
	if got := config.Config; got.User != "1001:0" || got.Labels["org.opencontainers.image.version"] != "1.2.3-test" ||
		got.Labels["org.opencontainers.image.revision"] != "0123456789ab" {
		t.Errorf("user %s, labels %v", got.User, got.Labels)
	}
	layout := filepath.Join(store, "oci")
	runIn(t, "", "skopeo", "copy", "--quiet", "--src-tls-verify=false", image, "oci:"+layout+":koschei")
	runIn(t, "", "umoci", "unpack", "--image", layout+":koschei", filepath.Join(store, "unpacked"))
	return filepath.Join(store, "unpacked", "rootfs")
}

// containers are started with runc, in the network of the machine.
type containers struct {
	t              *testing.T
	dir, root, etc string
	address        map[string]string // of services that run
}

// bundle describes a container of the program.
func (c *containers) bundle(name string, env, args []string) (dir string) {
	t := c.t
	dir = filepath.Join(c.dir, "bundle-"+name)
	type m = map[string]any
	mounts := []m{
		{"destination": "/proc", "type": "proc", "source": "proc"},
		{"destination": "/etc/koschei", "type": "bind", "source": c.etc, "options": []string{"rbind", "ro"}},
	}
	for _, volume := range []string{"/tmp", "/var/lib/koschei"} {
		source := filepath.Join(dir, "volumes", volume)
		if err := os.MkdirAll(source, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(source, 0o777); err != nil {
			t.Fatal(err)
		}
		mounts = append(mounts, m{"destination": volume, "type": "bind", "source": source, "options": []string{"rbind", "rw"}})
	}
	none := []string{}
	text, err := json.Marshal(m{
		"ociVersion": "1.0.2", "hostname": name, "root": m{"path": c.root, "readonly": true}, "mounts": mounts,
		"process": m{
			"args": append([]string{"/usr/bin/koschei"}, args...), "cwd": "/", "noNewPrivileges": true,
			"env":          append([]string{"PATH=/usr/bin", "HOME=/var/lib/koschei", "KOSCHEI_DATA_DIR=/var/lib/koschei", "KOSCHEI_CONFIG=/etc/koschei"}, env...),
			"user":         m{"uid": strangeUser, "gid": 0},
			"capabilities": m{"bounding": none, "effective": none, "permitted": none, "inheritable": none},
		},
		"linux": m{"namespaces": []m{{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs a container to its end and returns what it says.
func (c *containers) run(args ...string) string {
	c.t.Helper()
	return runIn(c.t, "", "runc", "run", "--bundle", c.bundle("once", nil, args), fmt.Sprintf("koschei-try-%d-once", os.Getpid()))
}

// get reads an address of a service that runs.
func (c *containers) get(service, path string) string {
	return body("http://" + c.address[service] + path)
}

// packages are the names of all packages that are known.
func (c *containers) packages() (names []string) {
	var packages []struct{ Name string }
	if json.Unmarshal([]byte(c.get("frontend", "/api/v1/packages")), &packages) != nil {
		return nil
	}
	for _, p := range packages {
		names = append(names, p.Name)
	}
	return names
}

// start starts a service; it is told to end when the test does.
func (c *containers) start(service string) {
	t := c.t
	address := freeAddress(t)
	c.address[service] = address
	id := fmt.Sprintf("koschei-try-%d-%s", os.Getpid(), service)
	log, err := os.Create(filepath.Join(c.dir, service+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("runc", "run", "--bundle", c.bundle(service, nil, []string{service, "--listen", address}), id)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("runc", "kill", id, "TERM").Run()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s ended: %v", service, err)
		}
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s said:\n%s", service, text)
		}
	})
	await(t, service+" is ready", func() bool { return status("http://"+address+"/readyz") == 200 })
}
