// Package brokertest runs a real RabbitMQ for a test, on loopback ports of its own,
// with its own data, node name, cookie, port mapper and certificates, all in a
// directory of the test. A test can kill it, start it again, and make it close the
// connections of its clients. It ends with the test binary, however that ends.
//
// Starting one takes some five seconds, so a test binary should start only one.
package brokertest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// User may log in with the certificate of Client, or with Password.
const (
	User     = "koschei"
	Password = "secret"
)

// A Broker is a RabbitMQ server.
type Broker struct {
	*Authority // that signs the broker's certificate and those it knows

	t       testing.TB
	bin     string // directory of RabbitMQ's programs
	dir     string
	ports   [4]int // TLS, plain, between nodes, port mapper
	process *process
}

// startTime bounds a start, and a command.
const startTime = 2 * time.Minute

// Start returns a running broker. Without RabbitMQ on the machine the test is
// skipped, or fails where CI runs it.
func Start(t testing.TB) *Broker {
	t.Helper()
	b := &Broker{t: t, bin: "/usr/lib/rabbitmq/bin", dir: t.TempDir()}
	if _, err := os.Stat(filepath.Join(b.bin, "rabbitmq-server")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no RabbitMQ: ", err)
		}
		t.Skip("no RabbitMQ: ", err)
	}
	b.Authority = NewAuthority(t)
	b.freePorts()
	b.configure()
	mapper := b.run("epmd", "-address", "127.0.0.1", "-port", strconv.Itoa(b.ports[3]))
	t.Cleanup(func() { mapper.kill() })
	b.StartAgain()
	t.Cleanup(func() {
		b.Kill()
		if t.Failed() {
			t.Logf("the broker said last: %s", b.process.said())
		}
	})
	return b
}

// URL is the broker's address with TLS, where clients need a certificate.
func (b *Broker) URL() string { return fmt.Sprintf("amqps://127.0.0.1:%d/", b.ports[0]) }

// PlainURL is its address without TLS, with User and Password.
func (b *Broker) PlainURL() string {
	return fmt.Sprintf("amqp://%s:%s@127.0.0.1:%d/", User, Password, b.ports[1])
}

// Kill ends the broker without warning.
func (b *Broker) Kill() { b.process.kill() }

// StartAgain starts the broker, with the data that it had, and waits until it
// serves.
func (b *Broker) StartAgain() {
	b.t.Helper()
	b.process = b.run(filepath.Join(b.bin, "rabbitmq-server"))
	select {
	case <-b.process.ready:
	case <-b.process.done:
		b.t.Fatalf("RabbitMQ ended: %s", b.process.said())
	case <-time.After(startTime):
		b.t.Fatalf("RabbitMQ does not start: %s", b.process.said())
	}
}

// CloseConnections has the broker close those of all its clients.
func (b *Broker) CloseConnections() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), startTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(b.bin, "rabbitmqctl"), "close_all_connections", "a test wants it")
	cmd.Env = b.environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("rabbitmqctl: %v: %s", err, out)
	}
}

func (b *Broker) environment() []string {
	at := func(name string) string { return filepath.Join(b.dir, name) }
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "LC_ALL=C.UTF-8",
		"ERL_EPMD_ADDRESS=127.0.0.1", "ERL_EPMD_PORT=" + strconv.Itoa(b.ports[3]),
		"RABBITMQ_NODENAME=koschei" + strconv.Itoa(b.ports[2]) + "@localhost",
		"RABBITMQ_DIST_PORT=" + strconv.Itoa(b.ports[2]),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
		"RABBITMQ_CONF_ENV_FILE=/dev/null", "RABBITMQ_CONFIG_FILE=" + at("rabbitmq.conf"),
		"RABBITMQ_ENABLED_PLUGINS_FILE=" + at("plugins"), "RABBITMQ_MNESIA_BASE=" + at("data"),
		"RABBITMQ_LOG_BASE=" + at("log"), "RABBITMQ_LOGS=-",
		// Replaces the shell by the server, which then is the process to kill.
		"RABBITMQ_ALLOW_INPUT=1", "RABBITMQ_SERVER_START_ARGS=-noinput",
	}
}

// configure writes the broker's files.
func (b *Broker) configure() {
	certificate, key := b.ServerFiles(b.dir)
	authority := b.File(b.dir)
	b.write("rabbitmq.conf", fmt.Sprintf(`listeners.tcp.1 = 127.0.0.1:%d
listeners.ssl.1 = 127.0.0.1:%d
ssl_options.cacertfile = %s
ssl_options.certfile = %s
ssl_options.keyfile = %s
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
auth_mechanisms.1 = EXTERNAL
auth_mechanisms.2 = PLAIN
ssl_cert_login_from = common_name
load_definitions = %s
log.console = true
log.console.level = info
log.file = false
`, b.ports[1], b.ports[0], authority, certificate, key, filepath.Join(b.dir, "definitions.json")))
	b.write("plugins", "[rabbitmq_auth_mechanism_ssl].\n")
	salted := sha256.Sum256([]byte("salt" + Password))
	definitions, err := json.Marshal(map[string]any{
		"users": []any{map[string]any{
			"name": User, "tags": "", "hashing_algorithm": "rabbit_password_hashing_sha256",
			"password_hash": base64.StdEncoding.EncodeToString(append([]byte("salt"), salted[:]...)),
		}},
		"vhosts":      []any{map[string]any{"name": "/"}},
		"permissions": []any{map[string]any{"user": User, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.write("definitions.json", string(definitions))
}

func (b *Broker) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// freePorts finds loopback ports that nobody listens on. They are below those
// that systems give to whoever asks for any, so that nobody gets one of them
// while the broker starts.
func (b *Broker) freePorts() {
	b.t.Helper()
	const lowest, highest = 20000, 32000
	var listeners []net.Listener
	for len(listeners) < len(b.ports) {
		if err := b.t.Context().Err(); err != nil {
			b.t.Fatal(err)
		}
		port := lowest + rand.N(highest-lowest)
		l, err := (&net.ListenConfig{}).Listen(b.t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		b.ports[len(listeners)] = port
		listeners = append(listeners, l)
	}
	for _, l := range listeners {
		if err := l.Close(); err != nil {
			b.t.Fatal(err)
		}
	}
}

// A process is a program that runs until it is killed, or we are.
type process struct {
	cmd    *exec.Cmd
	output *os.File
	ready  chan struct{} // closed when it says that it serves
	done   chan struct{} // closed when it has ended
}

func (b *Broker) run(program string, args ...string) *process {
	b.t.Helper()
	output, err := os.CreateTemp(b.dir, "output")
	if err != nil {
		b.t.Fatal(err)
	}
	lines, in, err := os.Pipe()
	if err != nil {
		b.t.Fatal(err)
	}
	p := &process{
		cmd: exec.CommandContext(context.WithoutCancel(b.t.Context()), program, args...), output: output,
		ready: make(chan struct{}), done: make(chan struct{}),
	}
	p.cmd.Env = b.environment()
	p.cmd.Dir = b.dir
	p.cmd.Stdout, p.cmd.Stderr = in, in
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		defer close(p.done)
		runtime.LockOSThread() // the kernel kills the process when this thread ends
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // it was killed
		}
	}()
	err = <-started
	if err := errors.Join(err, in.Close()); err != nil {
		b.t.Fatal(err)
	}
	go p.watch(lines)
	return p
}

// watch keeps what the process says.
func (p *process) watch(lines io.ReadCloser) {
	scanner := bufio.NewScanner(lines)
	ready := false
	for scanner.Scan() {
		_, _ = fmt.Fprintln(p.output, scanner.Text()) // it only explains a failure
		if !ready && strings.Contains(scanner.Text(), "Server startup complete") {
			ready = true
			close(p.ready)
		}
	}
	_ = lines.Close()
	_ = p.output.Close()
}

func (p *process) said() string {
	text, err := os.ReadFile(p.output.Name())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may be gone already
	<-p.done
}
