package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	streaming "k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// serve answers what the API server asks a kubelet: the log of a pod, and to run a
// command in one.
func (k *kubelet) serve() (*http.Server, error) {
	certificate, err := selfSigned(k.network.host.AsSlice())
	if err != nil {
		return nil, err
	}
	l, err := tls.Listen("tcp", net.JoinHostPort(k.network.host.String(), "0"), &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", k.serveLog)
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", k.serveExec)
	server := &http.Server{Addr: l.Addr().String(), Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	return server, nil
}

func selfSigned(address net.IP) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	of := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{address}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}, err
}

func (k *kubelet) serveLog(rw http.ResponseWriter, r *http.Request) {
	w, err := k.find(r.PathValue("namespace"), r.PathValue("pod"))
	if err != nil {
		http.Error(rw, err.Error(), http.StatusNotFound)
		return
	}
	log, err := os.Open(w.log())
	if err != nil {
		http.Error(rw, err.Error(), http.StatusNotFound)
		return
	}
	defer func() { _ = log.Close() }()
	_, _ = io.Copy(rw, log)
}

func (k *kubelet) serveExec(rw http.ResponseWriter, r *http.Request) {
	w, err := k.find(r.PathValue("namespace"), r.PathValue("pod"))
	if err != nil {
		http.Error(rw, err.Error(), http.StatusNotFound)
		return
	}
	options, err := streaming.NewOptions(r)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	streaming.ServeExec(rw, r, w, w.pod.Name, string(w.pod.UID), r.PathValue("container"), r.URL.Query()["command"],
		options, time.Hour, time.Minute, streaming.SupportedStreamingProtocols)
}

// ExecInContainer runs a command in the pod's container.
func (w *worker) ExecInContainer(ctx context.Context, _, _, _ string, command []string, in io.Reader, out, stderr io.WriteCloser,
	_ bool, _ <-chan streaming.TerminalSize, _ time.Duration,
) error {
	cmd := exec.CommandContext(ctx, "runc", append([]string{"exec", w.id}, command...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, stderr
	cmd.WaitDelay = time.Second // for who sends nothing and does not hang up
	err := cmd.Run()
	if exited, ok := err.(*exec.ExitError); ok { //nolint:errorlint // exec returns it as it is
		return utilexec.CodeExitError{Err: fmt.Errorf("it ended with %d", exited.ExitCode()), Code: exited.ExitCode()}
	}
	return err
}
