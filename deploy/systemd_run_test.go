package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSystemd boots a small Debian in a container of systemd, installs the RPM in it
// and runs the units: they come up, are started again when they are killed or freeze,
// and end in time. "make systemd" runs it; KOSCHEI_SYSTEMD is a directory where the
// Debian stays for the next time.
func TestSystemd(t *testing.T) {
	kept := os.Getenv("KOSCHEI_SYSTEMD")
	if kept == "" {
		t.Skip("set KOSCHEI_SYSTEMD=DIRECTORY, or run make systemd")
	}
	w := newWorld(t)
	m := bootMachine(t, kept)
	m.installRPM(buildRPM(t))
	etc := filepath.Join(m.root, "etc/koschei")
	for name, text := range map[string]string{
		"koschei.yaml": w.config, "90-ports.yaml": "frontend: {listen: " + m.address + "}\n",
	} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	m.run("mkdir", "-p", "/etc/systemd/system/koschei@.service.d")
	dropIn := "[Service]\nLoadCredential=hub-password:/root/hub-password\nWatchdogSec=5s\nTimeoutAbortSec=1s\n"
	for file, text := range map[string]string{"etc/systemd/system/koschei@.service.d/secret.conf": dropIn, "root/hub-password": "koschei"} {
		if err := os.WriteFile(filepath.Join(m.root, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m.run("chgrp", "koschei", "/etc/koschei/koschei.yaml", "/etc/koschei/90-ports.yaml")
	m.run("systemctl", "daemon-reload")
	m.run("systemctl", "start", "koschei.target")
	await(t, "a unit waits for the migration", func() bool {
		return strings.Contains(m.run("systemctl", "status", "--no-pager", "koschei@polling"), "waiting for a migration")
	})
	m.run("runuser", "-u", "koschei", "--", "koschei", "--config", "/etc/koschei", "migrate")
	await(t, "pages are served", func() bool { return status("http://"+m.address+"/readyz") == 200 })
	for _, unit := range []string{"frontend", "polling", "repo-resolver", "build-resolver", "scheduler"} {
		await(t, unit+" is up", func() bool { return m.property(unit, "StatusText") == "running" })
	}

	m.run("systemctl", "kill", "--signal=KILL", "koschei@polling")
	await(t, "a unit that was killed is started again", func() bool {
		return m.property("polling", "NRestarts") == "1" && m.property("polling", "StatusText") == "running"
	})
	m.run("systemctl", "kill", "--signal=STOP", "koschei@scheduler")
	await(t, "a unit that is frozen is started again", func() bool {
		return m.property("scheduler", "NRestarts") == "1" && m.property("scheduler", "StatusText") == "running"
	})
	began := time.Now()
	m.run("systemctl", "stop", "koschei.target")
	took := time.Since(began)
	t.Logf("all units stopped in %v", took)
	for _, unit := range []string{"frontend", "polling", "repo-resolver", "build-resolver", "scheduler"} {
		if result := m.property(unit, "Result"); result != "success" {
			t.Errorf("%s ended with %s", unit, result)
		}
	}
	m.run("systemctl", "start", "koschei-cleanup.service")
}

// A machine is a Debian that was booted.
type machine struct {
	t       *testing.T
	root    string
	leader  string // process id of its systemd
	address string // where pages are to be served
}

// bootMachine boots a Debian that has what an installation on one machine needs; more
// are arguments of systemd-nspawn.
func bootMachine(t *testing.T, kept string, more ...string) *machine {
	if err := os.MkdirAll(kept, 0o755); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(kept, "production.tar")
	if _, err := os.Stat(archive); err != nil {
		runIn(t, "", "mmdebstrap", "--quiet", "--format=tar", "--variant=minbase", "--include=systemd,systemd-sysv,dbus,rpm,postgresql,apache2,curl", "bookworm", archive+".new")
		if err := os.Rename(archive+".new", archive); err != nil {
			t.Fatal(err)
		}
	}
	m := &machine{t: t, root: t.TempDir(), address: freeAddress(t)}
	runIn(t, "", "tar", "-C", m.root, "-xpf", archive)
	if err := os.Chmod(m.root, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("systemd-nspawn", append([]string{"--quiet", "--register=no", "--keep-unit", "--directory", m.root, "--boot", "--console=pipe"}, more...)...)
	console, err := os.Create(filepath.Join(t.TempDir(), "console"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = console, console
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			if out, err := m.try("journalctl", "--no-pager", "--lines=100"); err == nil {
				t.Logf("the journal's end:\n%s", out)
			}
		}
		_, _ = m.try("systemctl", "poweroff")
		_ = cmd.Wait()
	})
	await(t, "the machine boots", func() bool {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
		fields := strings.Fields(string(children))
		if err != nil || len(fields) == 0 {
			return false
		}
		m.leader = fields[0]
		out, _ := m.try("systemctl", "is-system-running")
		state := strings.TrimSpace(out)
		return state == "running" || state == "degraded"
	})
	return m
}

// installRPM does what a distribution's package manager does.
func (m *machine) installRPM(file string) {
	m.t.Helper()
	runIn(m.t, "", "cp", file, filepath.Join(m.root, "root/koschei.rpm"))
	m.run("rpm", "--install", "--nodeps", "/root/koschei.rpm")
	m.run("systemd-sysusers")
	m.run("systemd-tmpfiles", "--create", "/usr/lib/tmpfiles.d/koschei.conf")
}

// write writes a file in the machine.
func (m *machine) write(file, text string, mode os.FileMode) {
	m.t.Helper()
	file = filepath.Join(m.root, file)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		m.t.Fatal(err)
	}
}

// command is one of the machine, in its network.
func (m *machine) command(args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"-t", m.leader, "-m", "-u", "-i", "-n", "-p", "-C", "--"}, args...)...)
}

func (m *machine) try(args ...string) (string, error) {
	out, err := m.command(args...).CombinedOutput()
	return string(out), err
}

// run runs a command in the machine; "systemctl status" may say no.
func (m *machine) run(args ...string) string {
	m.t.Helper()
	out, err := m.try(args...)
	if err != nil && args[1] != "status" {
		m.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// property is what systemd knows of a unit of ours.
func (m *machine) property(unit, name string) string {
	return strings.TrimSpace(m.run("systemctl", "show", "--value", "--property="+name, "koschei@"+unit))
}
