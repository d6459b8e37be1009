package koji

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Both configurations below are after Koji's sample: /ssllogin is where the web
// server finds out who somebody is.
const apacheCommon = `
ServerRoot %[1]s
ServerName localhost
PidFile %[1]s/pid
ErrorLog %[1]s/error.log
User nobody
Group nogroup
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
Listen 127.0.0.1:%[2]d
ProxyPass / %[3]s/
`

const apacheTLS = `
LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
SSLEngine on
SSLCertificateFile hub.pem
SSLCACertificateFile ca.pem
<Location /kojihub/ssllogin>
 SSLVerifyClient require
 RequestHeader set Test-User %{SSL_CLIENT_S_DN_CN}s
</Location>
`

const apacheGSSAPI = `
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule auth_gssapi_module /usr/lib/apache2/modules/mod_auth_gssapi.so
<Location /kojihub/ssllogin>
 AuthType GSSAPI
 AuthName Koji
 GssapiCredStore keytab:%s
 Require valid-user
 RequestHeader set Test-User expr=%%{REMOTE_USER}
</Location>
`

// A hub configured like Koji's sample asks for the certificate only below
// /ssllogin. KOSCHEI_APACHE=1 and Debian's package apache2 turn the test on: Go
// has no server that asks so late.
func TestCertificateAskedForLate(t *testing.T) {
	if os.Getenv("KOSCHEI_APACHE") == "" {
		t.Skip("KOSCHEI_APACHE is not set")
	}
	ca := newTestCA(t)
	address := lateAskingHub(t, ca)
	for _, test := range []struct {
		renegotiate bool
		want        Class
	}{
		{false, Auth}, // HTTP status 403
		{true, ""},
	} {
		c, err := New(Config{
			Server: address, Authorities: ca.pool(), Renegotiate: test.renegotiate,
			Login: Login{Certificate: ca.issue("koschei")}, Retry: Retry{Attempts: 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		user, err := c.LoggedInUser(t.Context())
		if got := ClassOf(err); got != test.want {
			t.Errorf("renegotiate %t: got class %q, want %q: %v", test.renegotiate, got, test.want, err)
		}
		if err == nil && user.Name != "koschei" {
			t.Errorf("logged in as %s", user.Name)
		}
		c.http.CloseIdleConnections()
	}
}

func lateAskingHub(t *testing.T, ca *testCA) string {
	dir := t.TempDir()
	cert := ca.issue("hub")
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	hub := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	hub = append(hub, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	writeFile(t, dir, "hub.pem", hub)
	writeFile(t, dir, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}))
	address := fmt.Sprintf("https://127.0.0.1:%d/kojihub", startApache(t, dir, apacheTLS))
	waitForHub(t, Config{Server: address, Authorities: ca.pool()})
	return address
}

func writeFile(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// startApache serves a hub behind Apache and returns the port.
func startApache(t *testing.T, dir, conf string) int {
	hub := newTestHub()
	hub.user = func(r *http.Request) string { return r.Header.Get("Test-User") }
	behind := httptest.NewServer(hub)
	t.Cleanup(behind.Close)
	port := freePort(t)
	writeFile(t, dir, "apache.conf", []byte(fmt.Sprintf(apacheCommon, dir, port, behind.URL)+conf))

	path, err := exec.LookPath("apache2")
	if err != nil {
		path = "/usr/sbin/apache2"
	}
	apache := exec.Command(path, "-DFOREGROUND", "-f", filepath.Join(dir, "apache.conf"))
	apache.Stderr = os.Stderr
	if err := apache.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = apache.Process.Signal(syscall.SIGTERM)
		_ = apache.Wait()
	})
	return port
}

// waitForHub calls until somebody answers.
func waitForHub(t *testing.T, config Config) {
	config.Retry = Retry{Attempts: 100, Min: time.Millisecond, Max: 100 * time.Millisecond}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.http.CloseIdleConnections()
	var value any
	if err := c.read(t.Context(), &value, "getAPIVersion"); err != nil && ClassOf(err) != Permanent {
		t.Fatal(errors.Join(errors.New("apache does not answer"), err))
	}
}

// The module that real hubs use takes our tokens. Needs KOSCHEI_KERBEROS=1 and
// KOSCHEI_APACHE=1, and Debian's package libapache2-mod-auth-gssapi.
func TestKerberosBehindApache(t *testing.T) {
	if os.Getenv("KOSCHEI_KERBEROS") == "" || os.Getenv("KOSCHEI_APACHE") == "" {
		t.Skip("KOSCHEI_KERBEROS and KOSCHEI_APACHE are not both set")
	}
	kdc := startKDC(t)
	principal, key := "koschei/backend.test@"+testRealm, kdc.file("koschei_backend.test")
	waitForKDC(t, kdc, principal, key)
	readable, err := os.MkdirTemp("", "koschei-apache") //nolint:usetesting // Apache's processes, which are nobody's, cannot enter t.TempDir.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(readable) })
	keys, err := os.ReadFile(kdc.file("HTTP_localhost"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, readable, "keytab", keys)
	for name, mode := range map[string]os.FileMode{"": 0o755, "keytab": 0o644} {
		if err := os.Chmod(filepath.Join(readable, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	port := startApache(t, t.TempDir(), fmt.Sprintf(apacheGSSAPI, filepath.Join(readable, "keytab")))
	config := Config{
		Server: fmt.Sprintf("http://localhost:%d/kojihub", port),
		Login:  Login{Negotiator: &Kerberos{ConfigFile: kdc.file("krb5.conf"), Principal: principal, Keytab: key}},
		Retry:  Retry{Attempts: 1},
	}
	waitForHub(t, Config{Server: config.Server})
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	user, err := c.LoggedInUser(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if user.Name != principal {
		t.Errorf("logged in as %s", user.Name)
	}
}
