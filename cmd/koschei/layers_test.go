package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Later files go over earlier ones key by key, lists as a whole; a directory
// stands for its files.
func TestLayers(t *testing.T) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "conf.d")
	if err := os.MkdirAll(filepath.Join(conf, "..data.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(conf, "10-common.yaml"), "koji: {max_builds: 7, login: ssl, build_arches: [a, b]}\ndatabase: {url: postgres://backend@db/koschei}\n")
	write(t, filepath.Join(conf, "20-stage.yaml"), "koji:\n  build_arches: [s390x]\n")
	write(t, filepath.Join(conf, "README"), "no YAML: [")
	admin := filepath.Join(dir, "admin.yaml")
	write(t, admin, "database:\n  url: postgres://owner@db/koschei\n")
	c, err := loadConfig([]string{conf, admin}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Koji.MaxBuilds != 7 || c.Koji.Login != "ssl" || strings.Join(c.Koji.BuildArches, " ") != "s390x" || c.Database.URL != "postgres://owner@db/koschei" {
		t.Errorf("koji %+v, database %+v", c.Koji, c.Database)
	}
}

// An error names the file and the line that are to be mended.
func TestLayersErrors(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one.yaml"), filepath.Join(dir, "two.yaml")
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ one, two, environ, want string }{
		{"koji: {max_builds: -1}", "koji: {max_builds: 2}\nlog: {level: loud}", "", two + `: line 2: log.level is "loud"`},
		{"koji:\n  max_builds: -1", "koji:\n  login: ssl", "", one + ": line 2: koji.max_builds is -1"},
		{"koji:\n  max_builds: -1", "# nothing", "", one + ": line 2: koji.max_builds is -1"},
		{"priorities: {t0: 100h}", "priorities:\n\n  t1: 2h", "", one + ": line 1: priorities.t0 is 100h0m0s: it must be less than t1, 2h0m0s"},
		{"", "notifier:\n  webhooks: [{name: a, heartbeat: -1s}]", "", two + ": line 2: notifier.webhooks, number 1: heartbeat is -1s"},
		{"koji:\n  topurl: https://me:secret@hub/", "", "", one + ": line 2: koji.topurl holds a password"},
		{"koji: {max_builds: 1}", "", "KOSCHEI_KOJI_MAX_BUILDS=-1", "environment variable KOSCHEI_KOJI_MAX_BUILDS: koji.max_builds is -1"},
		{"a: [", "", "", one + ": "},
		{"", "koji:\n  sever: x", "", two + ": line 2: the key sever is not known"},
	} {
		write(t, one, tt.one)
		write(t, two, tt.two)
		if _, err := loadConfig([]string{one, two}, []string{tt.environ}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error is %v, want one with %q", err, tt.want)
		}
	}
	if _, err := loadConfig([]string{empty}, nil); err == nil || !strings.Contains(err.Error(), "has no file NAME.yaml") {
		t.Errorf("an empty directory: %v", err)
	}
}

// What systemd hands over as credentials is found by its name; what has a
// directory, or is not there, stays as it is.
func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "hub.pem"), "x")
	write(t, filepath.Join(dir, "chat"), "x")
	file := filepath.Join(t.TempDir(), "koschei.yaml")
	write(t, file, "koji: {certificate: hub.pem, keytab: /etc/krb5.keytab, ca: other.pem}\nnotifier: {webhooks: [{name: chat, url: https://chat.example.com/, secret_file: chat}]}\n")
	c, err := loadConfig([]string{file}, []string{"CREDENTIALS_DIRECTORY=" + dir})
	if err != nil {
		t.Fatal(err)
	}
	if c.Koji.Certificate != filepath.Join(dir, "hub.pem") || c.Koji.Keytab != "/etc/krb5.keytab" || c.Koji.CA != "other.pem" ||
		c.Notifier.Webhooks[0].SecretFile != filepath.Join(dir, "chat") {
		t.Errorf("koji %+v, webhooks %+v", c.Koji, c.Notifier.Webhooks)
	}
}
