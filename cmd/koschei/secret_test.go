package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever form an address has, its password is not shown, and the rest is.
func TestHidePassword(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"":                                "",
		"postgres://db/koschei":           "postgres://db/koschei",
		"postgres://u:s3cr3t@h/db":        "postgres://u:xxxxx@h/db",
		"postgres://u:s3cr3t@h:1,g:2/db":  "postgres://u:xxxxx@h:1,g:2/db",
		"postgres://u:s3c#r3t@h/db":       "postgres://u:xxxxx@h/db",
		"postgres://u:1#s3cr3t@h/db":      "postgres://u:xxxxx@h/db",
		"postgres://u:s3c@r3t@h/db":       "postgres://u:xxxxx@h/db",
		"postgres://u:s3c%zzr3t@h/db":     "postgres://u:xxxxx@h/db",
		"postgres://h/db?password=s3cr3t": "postgres://h/db?password=xxxxx",
		"postgres://u:s3cr3t@h/db?password=s3cr3t&sslmode=require&sslpassword=s3cr3t": "postgres://u:xxxxx@h/db?password=xxxxx&sslmode=require&sslpassword=xxxxx",
		"host=h user=u password=s3cr3t":                                               "host=h user=u password=xxxxx",
		"host=h password = 's3c r3t' user=u":                                          "host=h password = xxxxx user=u",
		`host=h password='s3c\' r3t' sslpassword=s3cr3t`:                              "host=h password=xxxxx sslpassword=xxxxx",
		`host=h password=s3c\ r3t user=u`:                                             "host=h password=xxxxx user=u",
		"host=h password='s3cr3t":                                                     "host=h password=xxxxx",
		"amqps://u:s3cr3t@broker/vhost":                                               "amqps://u:xxxxx@broker/vhost",
		"http://u:s3cr3t@koji.example.com/kojihub":                                    "http://u:xxxxx@koji.example.com/kojihub",
		"https://koji.example.com/repos/{build_tag}/{arch}":                           "https://koji.example.com/repos/{build_tag}/{arch}",
	} {
		got := hidePassword(address)
		if strings.Contains(address, "{") {
			got = strings.NewReplacer("%7B", "{", "%7D", "}").Replace(got)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

// No address of the configuration is printed with its password, and what is
// printed can be read.
func TestConfigHidesPasswords(t *testing.T) {
	t.Parallel()
	c := defaultConfig()
	c.Database.URL = "host=h user=u password=s3cr3t"
	c.Bus.URL = "amqps://u:s3cr3t@broker"
	c.Koji.Server, c.Secondary.Server = "http://u:s3cr3t@hub/kojihub", "http://u:s3cr3t@other/kojihub"
	c.Secondary.RepoURL = "http://u:s3cr3t@other/repos/{build_tag}/{repo_id}/{arch}"
	hidePasswords(&c)
	var text bytes.Buffer
	if err := printConfig(&text, c); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "s3cr3t") {
		t.Errorf("a password is printed:\n%s", text.String())
	}
	var again config
	if err := decodeStrict(text.Bytes(), &again); err != nil || again.Database.URL != "host=h user=u password=xxxxx" {
		t.Errorf("read again: %q (%v)", again.Database.URL, err)
	}
	c.Koji.TopURL = "https://u:s3cr3t@koji.example.com/kojifiles"
	if err := c.check(); err == nil || !strings.Contains(err.Error(), "koji.topurl holds a password") {
		t.Errorf("a password in the links of pages: %v", err)
	}
}

// What is handed to psql on its command line holds no password.
func TestWithoutPassword(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ address, rest, password string }{
		{"postgres://u:s3cr3t@h/db", "postgres://u@h/db", "s3cr3t"},
		{"postgres://u@h/db?password=s3cr3t&sslmode=require", "postgres://u@h/db?sslmode=require", "s3cr3t"},
		{"host=h password='s3c\\' r3t' user=u", "host=h  user=u", "s3c' r3t"},
		{"host=h user=u", "host=h user=u", ""},
	} {
		rest, password, err := withoutPassword(tt.address)
		if err != nil || rest != tt.rest || password != tt.password {
			t.Errorf("%s: %q and %q (%v), want %q and %q", tt.address, rest, password, err, tt.rest, tt.password)
		}
	}
	for _, address := range []string{"postgres://h/db?sslpassword=s3cr3t", "host=h sslpassword=s3cr3t"} {
		if rest, _, err := withoutPassword(address); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %q, %v, want a refusal", address, rest, err)
		}
	}
	if got, want := quote(`/a b/c'd\e`), `'/a b/c\'d\\e'`; got != want || unquote(got) != `/a b/c'd\e` {
		t.Errorf("quoted %s, want %s", got, want)
	}
}

func TestWarnOfReadable(t *testing.T) {
	t.Parallel()
	c := defaultConfig()
	c.Koji.PasswordFile, c.Koji.Keytab = filepath.Join(t.TempDir(), "open"), filepath.Join(t.TempDir(), "closed")
	write(t, c.Koji.PasswordFile, "x")
	write(t, c.Koji.Keytab, "x")
	if err := os.Chmod(c.Koji.PasswordFile, 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	warnOfReadable(context.Background(), c, slog.New(slog.NewTextHandler(&log, nil)))
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, c.Koji.PasswordFile) {
		t.Errorf("logged %q, want one warning of %s", got, c.Koji.PasswordFile)
	}
}
