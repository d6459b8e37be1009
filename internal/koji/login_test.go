package koji

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A testCA signs certificates for this test.
type testCA struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newTestCA(t *testing.T) *testCA {
	ca := &testCA{t: t}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	pair := ca.sign(template)
	ca.cert, ca.key = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	return ca
}

func (ca *testCA) sign(template *x509.Certificate) tls.Certificate {
	ca.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		ca.t.Fatal(err)
	}
	parent, signer := ca.cert, ca.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		ca.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		ca.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (ca *testCA) issue(name string) *tls.Certificate {
	cert := ca.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name, Organization: []string{"Koji Test"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	})
	return &cert
}

func (ca *testCA) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// tlsHub serves a hub that knows its users by their certificates.
func tlsHub(t *testing.T, ca *testCA, hub *testHub) string {
	hub.user = func(r *http.Request) string {
		if !strings.HasSuffix(r.URL.Path, "/ssllogin") || len(r.TLS.PeerCertificates) == 0 {
			return ""
		}
		return r.TLS.PeerCertificates[0].Subject.CommonName
	}
	server := httptest.NewUnstartedServer(hub)
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{*ca.issue("hub")},
		ClientAuth:   tls.VerifyClientCertIfGiven,
		ClientCAs:    ca.pool(),
	}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL + "/kojihub"
}

func TestCertificateLogin(t *testing.T) {
	t.Parallel()
	ca := newTestCA(t)
	address := tlsHub(t, ca, newTestHub())
	once := Retry{Attempts: 1}
	tests := []struct {
		name   string
		config Config
		class  Class
	}{
		{"certificate", Config{Login: Login{Certificate: ca.issue("koschei")}, Authorities: ca.pool()}, ""},
		{"TLS 1.2", Config{Login: Login{Certificate: ca.issue("koschei")}, Authorities: ca.pool(), Renegotiate: true}, ""},
		{"no certificate", Config{Login: Login{Negotiator: noTokens{}}, Authorities: ca.pool()}, Auth},
		{"another authority's", Config{Login: Login{Certificate: newTestCA(t).issue("koschei")}, Authorities: ca.pool(), Renegotiate: true}, Auth},
		{"hub of another authority", Config{Login: Login{Certificate: ca.issue("koschei")}, Authorities: newTestCA(t).pool()}, Permanent},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.config.Server, test.config.Retry = address, once
			c, err := New(test.config)
			if err != nil {
				t.Fatal(err)
			}
			defer c.http.CloseIdleConnections()
			user, err := c.LoggedInUser(t.Context())
			if got := ClassOf(err); got != test.class {
				t.Fatalf("got class %q, want %q: %v", got, test.class, err)
			}
			if err == nil && user.Name != "koschei" {
				t.Errorf("logged in as %s", user.Name)
			}
			if errors.Is(err, ErrOutcomeUnknown) {
				t.Errorf("a login has no unknown outcome: %v", err)
			}
		})
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	ca := newTestCA(t)
	tests := []struct {
		config Config
		want   string
	}{
		{Config{}, `"" is not the address of a Koji hub`},
		{Config{Server: "koji.example.org/kojihub"}, `"koji.example.org/kojihub" is not the address of a Koji hub`},
		{
			Config{Server: "https://koji.example.org/kojihub", Login: Login{User: "a", Negotiator: noTokens{}}},
			"more than one way to log in to the hub is configured",
		},
		{
			Config{Server: "http://koji.example.org/kojihub", Login: Login{Certificate: ca.issue("koschei")}},
			"a login by certificate needs https, not http://koji.example.org/kojihub",
		},
	}
	for _, test := range tests {
		if _, err := New(test.config); err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}
