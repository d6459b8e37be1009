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

const apacheConf = `
ServerRoot %[1]s
ServerName localhost
PidFile %[1]s/pid
ErrorLog %[1]s/error.log
User nobody
Group nogroup
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
Listen 127.0.0.1:%[2]d
SSLEngine on
SSLCertificateFile %[1]s/hub.pem
SSLCACertificateFile %[1]s/ca.pem
ProxyPass / %[3]s/
<Location /kojihub/ssllogin>
 SSLVerifyClient require
 RequestHeader set Certificate-Name %%{SSL_CLIENT_S_DN_CN}s
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
	address := startApache(t, ca)
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

func startApache(t *testing.T, ca *testCA) string {
	hub := newTestHub()
	hub.user = func(r *http.Request) string { return r.Header.Get("Certificate-Name") }
	behind := httptest.NewServer(hub)
	t.Cleanup(behind.Close)

	dir, port := t.TempDir(), freePort(t)
	cert := ca.issue("hub")
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data ...[]byte) {
		text := []byte{}
		for _, d := range data {
			text = append(text, d...)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("hub.pem",
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}))
	write("apache.conf", fmt.Appendf(nil, apacheConf, dir, port, behind.URL))

	apache := exec.Command("apache2", "-DFOREGROUND", "-f", filepath.Join(dir, "apache.conf"))
	apache.Stderr = os.Stderr
	if err := apache.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = apache.Process.Signal(syscall.SIGTERM)
		_ = apache.Wait()
	})
	address := fmt.Sprintf("https://127.0.0.1:%d/kojihub", port)
	waitForHub(t, address, ca)
	return address
}

// waitForHub calls until somebody answers.
func waitForHub(t *testing.T, address string, ca *testCA) {
	c, err := New(Config{Server: address, Authorities: ca.pool(), Retry: Retry{Attempts: 100, Min: time.Millisecond, Max: 100 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.http.CloseIdleConnections()
	var value any
	if err := c.read(t.Context(), &value, "getAPIVersion"); err != nil && ClassOf(err) != Permanent {
		t.Fatal(errors.Join(errors.New("apache does not answer"), err))
	}
}
