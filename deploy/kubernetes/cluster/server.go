package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// startEtcd returns when it can be used. It never waits for the disk: what it holds
// ends with the process.
func startEtcd(ctx context.Context, dir string) (*embed.Etcd, error) {
	c := embed.NewConfig()
	c.Dir, c.LogLevel, c.UnsafeNoFsync = dir, "error", true
	for _, urls := range []*[]url.URL{&c.ListenClientUrls, &c.ListenPeerUrls} {
		address, err := freeAddress("127.0.0.1")
		if err != nil {
			return nil, err
		}
		*urls = []url.URL{{Scheme: "http", Host: address}}
	}
	c.AdvertiseClientUrls, c.AdvertisePeerUrls = c.ListenClientUrls, c.ListenPeerUrls
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	e, err := embed.StartEtcd(c)
	if err != nil {
		return nil, err
	}
	select {
	case <-e.Server.ReadyNotify():
		return e, nil
	case err := <-e.Err():
		return nil, err
	case <-time.After(patience):
		return nil, errors.New("not ready in time")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// freeAddress is one of a host where nobody listens at the moment.
func freeAddress(host string) (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// An api is the API server, and how to ask it.
type api struct {
	config    *rest.Config
	client    *kubernetes.Clientset
	informers informers.SharedInformerFactory
}

// startAPI returns when the API server is ready. Who has the token of kubeconfig may do
// everything.
func startAPI(ctx context.Context, o options, etcd string, advertise netip.Addr) (*api, error) {
	in := func(name string) string { return filepath.Join(o.dir, name) }
	host, port, err := net.SplitHostPort(o.address)
	if err != nil {
		return nil, err
	}
	token := rand.Text()
	if err := os.WriteFile(in("tokens.csv"), []byte(token+",admin,1,system:masters\n"), 0o600); err != nil {
		return nil, err
	}
	if err := writeKey(in("accounts.key")); err != nil {
		return nil, err
	}
	cmd := app.NewAPIServerCommand()
	cmd.SetArgs([]string{
		"--etcd-servers=" + etcd, "--bind-address=" + host, "--secure-port=" + port, "--advertise-address=" + advertise.String(),
		"--cert-dir=" + in("certs"), "--token-auth-file=" + in("tokens.csv"), "--authorization-mode=RBAC", "--profiling=false",
		"--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none",
		"--service-account-issuer=https://cluster.test", "--service-account-key-file=" + in("accounts.key"),
		"--service-account-signing-key-file=" + in("accounts.key"),
	})
	ended := make(chan error, 1)
	go func() { ended <- cmd.ExecuteContext(ctx) }()
	a := &api{config: &rest.Config{
		Host: "https://" + o.address, BearerToken: token, QPS: 500, Burst: 1000,
		TLSClientConfig: rest.TLSClientConfig{CAFile: in("certs/apiserver.crt")},
	}}
	if err := a.awaitReady(ctx, ended); err != nil {
		return nil, err
	}
	a.informers = informers.NewSharedInformerFactory(a.client, 0)
	return a, os.WriteFile(in("kubeconfig"), fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: admin, user: {token: %q}}]
contexts: [{name: test, context: {cluster: test, user: admin}}]
current-context: test
`, a.config.Host, a.config.CAFile, token), 0o600)
}

// awaitReady asks until the API server is ready. Its certificate comes with it.
func (a *api) awaitReady(ctx context.Context, ended <-chan error) error {
	return wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		select {
		case err := <-ended:
			return false, errors.Join(errors.New("it has ended"), err)
		default:
		}
		if _, err := os.Stat(a.config.CAFile); err != nil {
			return false, nil
		}
		if a.client == nil {
			client, err := kubernetes.NewForConfig(a.config)
			if err != nil {
				return false, nil // the certificate is being written
			}
			a.client = client
		}
		status := 0
		a.client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).StatusCode(&status)
		return status == http.StatusOK, nil
	})
}

// awaitNamespaces returns when a controller has given the first namespace its account,
// without which no pod can be made.
func (a *api) awaitNamespaces(ctx context.Context) error {
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		_, err := a.client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err == nil, nil
	})
}

func writeKey(file string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return os.WriteFile(file, text, 0o600)
}
