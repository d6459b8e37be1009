package koji_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/koji"
)

// hubSaying answers every call with one value.
func hubSaying(t *testing.T, answer string) *koji.Client {
	t.Helper()
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, "<?xml version='1.0'?><methodResponse>"+answer+"</methodResponse>")
	}))
	t.Cleanup(hub.Close)
	client, err := koji.New(koji.Config{Server: hub.URL})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestVersion(t *testing.T) {
	t.Parallel()
	said := func(text string) string {
		return "<params><param><value><string>" + text + "</string></value></param></params>"
	}
	const unknown = "<fault><value><struct><member><name>faultCode</name><value><int>1000</int></value></member>" +
		"<member><name>faultString</name><value><string>Invalid method: getKojiVersion</string></value></member></struct></value></fault>"
	for _, test := range []struct {
		answer, want string
		demand       bool
		limits       string // among them
	}{
		{said("1.35.3"), "Koji 1.35.3", true, "on demand"},
		{said("1.36.0"), "Koji 1.36.0", true, "newer than what Koschei is tested with, 1.35"},
		{said("1.34.1"), "Koji 1.34.1", false, "regen-repo"},
		{said("1.30.0.dev1"), "Koji 1.30.0.dev1", false, "addresses of calls"},
		{unknown, "Koji before 1.23", false, "addresses of calls"},
	} {
		v, err := hubSaying(t, test.answer).Version(t.Context())
		if err != nil || v.String() != test.want || v.MakesReposOnDemand() != test.demand || !strings.Contains(strings.Join(v.Limits(), "; "), test.limits) {
			t.Errorf("%s: %s (%v), limits %q, want %s with %q", test.answer, v, err, v.Limits(), test.want, test.limits)
		}
	}
	if v, err := hubSaying(t, said("two")).Version(t.Context()); err == nil {
		t.Errorf("a version that is none is %s", v)
	}
}

// A hub that refuses the login by certificate may ask for it in another way: the
// message says which key has it do so.
func TestForbiddenNamesRenegotiate(t *testing.T) {
	t.Parallel()
	hub := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer hub.Close()
	roots := x509.NewCertPool()
	roots.AddCert(hub.Certificate())
	for _, set := range []bool{false, true} {
		client, err := koji.New(koji.Config{
			Server: hub.URL, Authorities: roots, Renegotiate: set, Login: koji.Login{Certificate: &tls.Certificate{}},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.LoggedInUser(t.Context())
		if err == nil || strings.Contains(err.Error(), "set koji.renegotiate") == set {
			t.Errorf("with renegotiate %v: %v", set, err)
		}
	}
}
