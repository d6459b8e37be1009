package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// oldest is the oldest major version that the program's SQL works on.
const oldest = 15

// An installation is one installed PostgreSQL.
type installation struct {
	bin   string // directory of initdb and postgres
	major int
}

// installations finds what is installed: in PATH, and where Debian's and the
// PostgreSQL project's packages put the programs that PATH does not have.
func installations() []installation {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	return findIn(dirs, "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
}

func findIn(dirs []string, patterns ...string) []installation {
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			panic("cannot happen: " + err.Error())
		}
		dirs = append(dirs, found...)
	}
	var all []installation
	for _, dir := range dirs {
		if inst, ok := inspect(dir); ok && !slices.Contains(all, inst) {
			all = append(all, inst)
		}
	}
	return all
}

// inspect tells what is installed in dir, by the server's own word.
func inspect(dir string) (installation, bool) {
	postgres, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil {
		return installation{}, false
	}
	bin := filepath.Dir(postgres)
	if _, err := exec.LookPath(filepath.Join(bin, "initdb")); err != nil {
		return installation{}, false
	}
	// No context: the program prints one line and ends.
	out, err := exec.Command(postgres, "--version").Output() //nolint:noctx // ends by itself
	if err != nil {
		return installation{}, false
	}
	major := majorVersion(string(out))
	return installation{bin: bin, major: major}, major > 0
}

// majorVersion reads "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)",
// 0 if it is something else.
func majorVersion(line string) int {
	_, rest, _ := strings.Cut(line, "(PostgreSQL) ")
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	major, err := strconv.Atoi(rest[:end])
	if err != nil {
		return 0
	}
	return major
}

func versions(found []installation) string {
	var list []string
	for _, inst := range found {
		list = append(list, fmt.Sprintf("PostgreSQL %d (%s)", inst.major, inst.bin))
	}
	return strings.Join(list, " and ")
}

// notInstalled is the sentence for a machine without PostgreSQL, or without
// the version that existing data needs.
func notInstalled(version string) error {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		release = nil // an unknown distribution
	}
	if version == "" {
		version = strconv.Itoa(oldest) + " or newer"
	}
	return fmt.Errorf("%w: version %s is needed, %s, or set database.url", ErrNotInstalled, version, installCommand(string(release)))
}

// installCommand says how to install PostgreSQL's server on the distribution
// that /etc/os-release describes.
func installCommand(release string) string {
	commands := map[string]string{
		"debian": "apt-get install postgresql",
		"ubuntu": "apt-get install postgresql",
		"fedora": "dnf install postgresql-server",
		"rhel":   "dnf install postgresql-server",
		"centos": "dnf install postgresql-server",
		"suse":   "zypper install postgresql-server",
		"arch":   "pacman -S postgresql",
		"alpine": "apk add postgresql",
	}
	for _, id := range distributions(release) {
		if command, ok := commands[id]; ok {
			return "install it with: " + command
		}
	}
	return "install your distribution's PostgreSQL server package"
}

// distributions returns ID and ID_LIKE, nearest first.
func distributions(release string) []string {
	fields := map[string]string{}
	for line := range strings.Lines(release) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		fields[key] = strings.Trim(value, `"'`)
	}
	return strings.Fields(fields["ID"] + " " + fields["ID_LIKE"])
}
