package koji

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/goidentity/v6"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/service"
	"github.com/jcmturner/gokrb5/v8/spnego"
)

// A testKDC is MIT's key distribution center with a realm of its own.
type testKDC struct {
	t   *testing.T
	dir string
	env []string
}

const testRealm = "KOJI.TEST"

// startKDC needs the packages krb5-kdc, krb5-admin-server and krb5-user.
func startKDC(t *testing.T) *testKDC {
	k := &testKDC{t: t, dir: t.TempDir()}
	port := freePort(t)
	k.write("krb5.conf", fmt.Sprintf(`[libdefaults]
 default_realm = %[1]s
 dns_lookup_kdc = false
 dns_lookup_realm = false
 rdns = false
 udp_preference_limit = 1
[realms]
 %[1]s = {
  kdc = 127.0.0.1:%[2]d
 }
[domain_realm]
 localhost = %[1]s
`, testRealm, port))
	k.write("kdc.conf", fmt.Sprintf(`[kdcdefaults]
 kdc_listen = 127.0.0.1:%[2]d
 kdc_tcp_listen = 127.0.0.1:%[2]d
[realms]
 %[1]s = {
  database_name = %[3]s/principal
  key_stash_file = %[3]s/stash
  acl_file = %[3]s/acl
 }
[logging]
 kdc = FILE:%[3]s/kdc.log
`, testRealm, port, k.dir))
	k.env = append(os.Environ(),
		"KRB5_CONFIG="+k.file("krb5.conf"), "KRB5_KDC_PROFILE="+k.file("kdc.conf"),
		"PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	k.run("kdb5_util", "create", "-s", "-r", testRealm, "-P", "master")
	for _, principal := range []string{"HTTP/localhost", "koschei/backend.test"} {
		k.run("kadmin.local", "-q", "addprinc -randkey "+principal)
		k.run("kadmin.local", "-q", "ktadd -k "+k.file(strings.ReplaceAll(principal, "/", "_"))+" "+principal)
	}
	kdc := k.command("krb5kdc", "-n")
	if err := kdc.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = kdc.Process.Kill()
		_ = kdc.Wait()
	})
	return k
}

func (k *testKDC) file(name string) string { return filepath.Join(k.dir, name) }

func (k *testKDC) write(name, text string) {
	if err := os.WriteFile(k.file(name), []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

func (k *testKDC) command(name string, args ...string) *exec.Cmd {
	path, err := exec.LookPath(name)
	if err != nil {
		path = "/usr/sbin/" + name
	}
	cmd := exec.Command(path, args...)
	cmd.Env = k.env
	return cmd
}

func (k *testKDC) run(name string, args ...string) {
	k.t.Helper()
	if out, err := k.command(name, args...).CombinedOutput(); err != nil {
		k.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func freePort(t *testing.T) int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

// kerberosHub serves a hub whose /ssllogin asks for a ticket, as Apache does
// with mod_auth_gssapi.
func kerberosHub(t *testing.T, k *testKDC, hub *testHub) string {
	keys, err := keytab.Load(k.file("HTTP_localhost"))
	if err != nil {
		t.Fatal(err)
	}
	hub.user = func(r *http.Request) string {
		if id := goidentity.FromHTTPRequestContext(r); id != nil {
			return id.UserName()
		}
		return ""
	}
	mux := http.NewServeMux()
	mux.Handle("/kojihub", hub)
	mux.Handle("/kojihub/ssllogin", spnego.SPNEGOKRB5Authenticate(hub, keys, service.DecodePAC(false)))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/kojihub"
}

// Login by keytab and by credential cache at a real KDC. KOSCHEI_KERBEROS=1
// turns the test on.
func TestKerberosLogin(t *testing.T) {
	if os.Getenv("KOSCHEI_KERBEROS") == "" {
		t.Skip("KOSCHEI_KERBEROS is not set")
	}
	kdc := startKDC(t)
	address := kerberosHub(t, kdc, newTestHub())
	principal, key := "koschei/backend.test@"+testRealm, kdc.file("koschei_backend.test")
	waitForKDC(t, kdc, principal, key)
	kdc.write("damaged", "\x05\x04\x00\x0c\x00\x01")

	tests := []struct {
		name string
		krb  Kerberos
		want Class
	}{
		{"keytab", Kerberos{Principal: principal, Keytab: key}, ""},
		{"cache", Kerberos{Cache: "FILE:" + kdc.file("cache")}, ""},
		{"unknown principal", Kerberos{Principal: "nobody@" + testRealm, Keytab: key}, Auth},
		{"no keytab", Kerberos{Principal: principal, Keytab: kdc.file("nosuch")}, Auth},
		{"no cache", Kerberos{Cache: kdc.file("nosuch")}, Auth},
		{"damaged cache", Kerberos{Cache: kdc.file("damaged")}, Auth},
		{"nothing", Kerberos{}, Auth},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.krb.ConfigFile = kdc.file("krb5.conf")
			c, err := New(Config{Server: address, Login: Login{Negotiator: &test.krb}, Retry: Retry{Attempts: 1}})
			if err != nil {
				t.Fatal(err)
			}
			user, err := c.LoggedInUser(t.Context())
			if got := ClassOf(err); got != test.want {
				t.Fatalf("got class %q, want %q: %v", got, test.want, err)
			}
			if err == nil && user.Name != "koschei/backend.test" {
				t.Errorf("logged in as %s", user.Name)
			}
		})
	}
}

// waitForKDC gets a ticket into the cache, which takes until the KDC listens.
func waitForKDC(t *testing.T, k *testKDC, principal, key string) {
	for range 100 {
		err := k.command("kinit", "-k", "-t", key, "-c", k.file("cache"), principal).Run()
		if err == nil {
			return
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatal(err)
		}
	}
	t.Fatal("the KDC does not answer")
}

// A login that cannot even begin says why, and is not taken for an outage.
func TestKerberosWithoutFiles(t *testing.T) {
	t.Parallel()
	k := Kerberos{ConfigFile: filepath.Join(t.TempDir(), "krb5.conf")}
	_, err := k.Token(t.Context(), "localhost")
	if ClassOf(err) != Auth || !strings.Contains(fmt.Sprint(err), k.ConfigFile) {
		t.Errorf("got %v (%s)", err, ClassOf(err))
	}
}

// A KDC that does not answer is an outage: another attempt may succeed.
func TestKerberosWithoutKDC(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := keytab.New()
	if err := keys.AddEntry("koschei", testRealm, "secret", time.Now(), 1, etypeID.AES256_CTS_HMAC_SHA1_96); err != nil {
		t.Fatal(err)
	}
	data, err := keys.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "keytab", data)
	writeFile(t, dir, "krb5.conf", []byte("[libdefaults]\n default_realm = "+testRealm+"\n udp_preference_limit = 1\n"+
		"[realms]\n "+testRealm+" = {\n  kdc = 127.0.0.1:1\n }\n"))
	k := Kerberos{
		ConfigFile: filepath.Join(dir, "krb5.conf"),
		Principal:  "koschei@" + testRealm,
		Keytab:     filepath.Join(dir, "keytab"),
	}
	_, err = k.Token(t.Context(), "localhost")
	if ClassOf(err) != Transient {
		t.Errorf("got %v (%s)", err, ClassOf(err))
	}
}
