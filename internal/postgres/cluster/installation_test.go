package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInstallCommand(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ release, want string }{
		{"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n", "apt-get install postgresql"},
		{"ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "apt-get install postgresql"},
		{"ID=fedora\n", "dnf install postgresql-server"},
		{"ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "dnf install postgresql-server"},
		{"ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n", "zypper install postgresql-server"},
		{"ID=plan9\n", "install your distribution's PostgreSQL server package"},
		{"", "install your distribution's PostgreSQL server package"},
	} {
		if got := strings.TrimPrefix(installCommand(test.release), "install it with: "); got != test.want {
			t.Errorf("installCommand(%q) = %q, want %q", test.release, got, test.want)
		}
	}
}

func TestMajorVersion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		line string
		want int
	}{
		{"postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n", 15},
		{"postgres (PostgreSQL) 18\n", 18},
		{"postgres (PostgreSQL) 19beta1\n", 19},
		{"PostgreSQL\n", 0},
		{"", 0},
	} {
		if got := majorVersion(test.line); got != test.want {
			t.Errorf("majorVersion(%q) = %d, want %d", test.line, got, test.want)
		}
	}
}

// fakeInstallation makes programs that only tell a version.
func fakeInstallation(t *testing.T, bin, version string) {
	t.Helper()
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n"
	for _, name := range []string{"postgres", "initdb"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFindAndChoose(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, version := range []string{"15", "16", "17"} {
		fakeInstallation(t, filepath.Join(root, version, "bin"), version+".1")
	}
	if err := os.MkdirAll(filepath.Join(root, "99", "bin"), 0o755); err != nil { // only a client's directory
		t.Fatal(err)
	}
	found := findIn(nil, filepath.Join(root, "*", "bin"))
	if len(found) != 3 {
		t.Fatalf("found %v, want three installations", found)
	}
	for _, test := range []struct {
		data  string
		found []installation
		want  int
		err   error
	}{
		{"", found, 17, nil},
		{"16", found, 16, nil},
		{"13", found, 0, ErrVersion},
		{"18", found, 0, ErrVersion},
		{"", nil, 0, ErrNotInstalled},
		{"16", nil, 0, ErrNotInstalled},
		{"", []installation{{major: 13}}, 0, ErrNotInstalled},
	} {
		h := homeAt(t, t.TempDir())
		if test.data != "" {
			if err := os.Mkdir(h.path("data"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(h.path("data/PG_VERSION"), []byte(test.data+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := h.choose(test.found)
		if !errors.Is(err, test.err) || err == nil && got.major != test.want {
			t.Errorf("data %q, %d installed: chose %d, %v; want %d, %v", test.data, len(test.found), got.major, err, test.want, test.err)
		}
	}
}

func TestNotInstalledIsOneSentence(t *testing.T) {
	t.Parallel()
	got := notInstalled("").Error()
	if !strings.Contains(got, "install") || strings.Contains(got, "\n") {
		t.Errorf("got %q", got)
	}
}

func TestReason(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ said, want string }{
		{"The files will be owned by nobody.\ninitdb: error: could not create directory \"x\": No space left on device\ninitdb: removing contents of data directory \"x\"\n", `could not create directory "x": No space left on device`},
		{"creating configuration files ... FATAL:  invalid value\nchild process exited with exit code 1\n", "invalid value"},
		{"postgres: cannot open shared object file\n", "postgres: cannot open shared object file"},
		{"", ""},
	} {
		if got := reason(test.said); got != test.want {
			t.Errorf("reason(%q) = %q, want %q", test.said, got, test.want)
		}
	}
}
