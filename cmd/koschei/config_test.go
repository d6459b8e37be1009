package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestConfigRoundTrip holds what "koschei config" prints to what the program
// reads.
func TestConfigRoundTrip(t *testing.T) {
	want := defaultConfig()
	var text bytes.Buffer
	if err := printConfig(&text, want); err != nil {
		t.Fatal(err)
	}
	var got config
	if err := decodeStrict(text.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after printing and reading (-want +got):\n%s", diff)
	}
}

func TestLoadConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "koschei.yaml")
	write(t, file, "koji:\n  max_builds: 7\n  login: ssl\n")
	environ := []string{
		"KOSCHEI_KOJI_MAX_BUILDS=8",
		"KOSCHEI_KOJI_BUILD_ARCHES=[s390x, aarch64]",
		"KOSCHEI_DATABASE_URL=postgres://koschei@db/koschei",
		"KOSCHEI_POLLING_INTERVAL=90s",
		"KOSCHEI_FRONTEND_PORT=tcp://10.0.0.1:80",
		"PATH=/bin",
	}
	got, err := loadConfig([]string{file}, environ)
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	want.Koji.MaxBuilds = 8
	want.Koji.Login = "ssl"
	want.Koji.BuildArches = []string{"s390x", "aarch64"}
	want.Database.URL = "postgres://koschei@db/koschei"
	want.Polling.Interval = 90 * time.Second
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestLoadConfigErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, environ, want string }{
		{"unknown key", "koji:\n  sever: x\n", "", "line 2: the key sever is not known"},
		{"wrong type", "koji:\n  max_builds: many\n", "", "line 2"},
		{"no YAML", "koji: [\n", "", "line"},
		{"environment", "", "KOSCHEI_KOJI_MAX_BUILDS=many", `KOSCHEI_KOJI_MAX_BUILDS: "many" is no int`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "koschei.yaml")
			write(t, file, tt.text)
			_, err := loadConfig([]string{file}, []string{tt.environ})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want one with %q", err, tt.want)
			}
		})
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTooShort refuses limits within which nothing can be done.
func TestTooShort(t *testing.T) {
	t.Parallel()
	c := defaultConfig()
	c.Koji.Server = "http://hub.example.com/kojihub"
	c.Koji.CallLimit = time.Millisecond
	if _, err := newHub(c.Koji, nil); err == nil || !strings.Contains(err.Error(), "call_limit is 1ms") {
		t.Errorf("call_limit: got %v", err)
	}
	c.Koji.CallLimit, c.Database.Lease = time.Second, 0
	if _, err := newProcess(c, nil, nil); err == nil || !strings.Contains(err.Error(), "database.lease is 0s") {
		t.Errorf("lease: got %v", err)
	}
}

// Every number of the configuration has a range, and nothing outside of it, or
// that is no number, is taken.
func TestConfigRanges(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"priorities: {t0: 1h, t1: 1h}", "priorities.t0 is 1h0m0s: it must be less than t1, 1h0m0s"},
		{"priorities: {t0: 0s}", "priorities.t0 is 0s: it must be from 1m to 87600h"},
		{"priorities: {t0: -1h}", "priorities.t0 is -1h0m0s"},
		{"priorities: {build_threshold: .nan}", "priorities.build_threshold is NaN: it must be from 1 to 1000000000"},
		{"priorities: {package_update: .inf}", "priorities.package_update is +Inf"},
		{"frontend: {builds_per_page: -5}", "frontend.builds_per_page is -5: it must be from 1 to 10000"},
		{"frontend: {packages_per_page: -1}", "frontend.packages_per_page is -1"},
		{"koji: {max_builds: -5}", "koji.max_builds is -5"},
		{"koji: {load_threshold: .nan}", "koji.load_threshold is NaN"},
		{"scheduler: {interval: -5s}", "scheduler.interval is -5s: it must be from 1ms to 8760h"},
		{"notifier: {bus: {heartbeat: -1s}}", "notifier.bus.heartbeat is -1s: it must be from 0s to 8760h"},
		{"notifier: {webhooks: [{name: a}, {name: b, heartbeat: -1s}]}", "notifier.webhooks, number 2: heartbeat is -1s: it must be from 0s to 8760h"},
		{"frontend: {connections: 0}", "frontend.connections is 0: it must be from 1 to 1000"},
		{"frontend: {client_rate: -1}", "frontend.client_rate is -1"},
		{"frontend: {trusted_proxies: [10.0.0.0/8, proxy]}", `frontend.trusted_proxies: "proxy" is neither an address nor a network`},
		{"database: {connections: 1}", "database.connections is 1: it must be from 2 to 1000"},
		{"clock: {speed: -1}", "clock.speed is -1"},
		{"clock: {speed: .inf}", "clock.speed is +Inf"},
		{"log: {level: loud}", `log.level is "loud"`},
		{"log: {format: xml}", `log.format is "xml"`},
	} {
		file := filepath.Join(t.TempDir(), "koschei.yaml")
		write(t, file, tt.text)
		_, err := loadConfig([]string{file}, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error is %v, want one with %q", tt.text, err, tt.want)
		}
		if _, err := loadConfig(nil, []string{"KOSCHEI_FRONTEND_BUILDS_PER_PAGE=.inf"}); err == nil {
			t.Error("the environment may say anything")
		}
	}
	if _, err := loadConfig([]string{"/dev/zero"}, nil); err == nil || !strings.Contains(err.Error(), "longer than the 1048576 bytes allowed") {
		t.Errorf("a file without end: %v", err)
	}
}
