package deploy

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const installPage = "../docs/operations/install.md"

// TestAfternoon does what the handbook says to who installs Koschei, command by command
// as they stand there, on a machine that has nothing but an operating system: from the
// package to builds and a page that is read through a proxy with TLS. The hub speaks TLS
// with a certificate of its own authority. "make systemd" runs it.
func TestAfternoon(t *testing.T) {
	kept := os.Getenv("KOSCHEI_SYSTEMD")
	if kept == "" {
		t.Skip("set KOSCHEI_SYSTEMD=DIRECTORY, or run make systemd")
	}
	a := afternoon{bootMachine(t, kept, "--private-network")}
	a.startHub()
	for _, command := range handbookCommands(t) {
		t.Log(command)
		a.do(command)
	}
	a.run("sh", "-c", "runuser -u koschei -- koschei-admin --config /etc/koschei check-config")
	a.await("a page is read through the proxy", "curl --silent --fail --cacert /root/koschei.crt https://koschei.example.org/package/foo?collection=f27", "foo")
	a.await("a build is submitted", "runuser -u koschei -- koschei-admin --config /etc/koschei status", "running|complete|failed")
	if out := a.shell("curl --silent --output /dev/null --write-out '%{http_code}' --cacert /root/koschei.crt https://koschei.example.org/metrics"); out != "404" {
		t.Errorf("the proxy serves the metrics: %s", out)
	}
}

// hubAddress is where the hub of the page is; the proxy has the port of TLS.
const hubAddress = "https://koji.example.org:8443"

// An afternoon is that of an operator, on a machine.
type afternoon struct{ *machine }

// handbookCommands are those of the page, and the file of the proxy before it is
// started.
func handbookCommands(t *testing.T) (commands []string) {
	t.Helper()
	for line := range strings.Lines(read(t, installPage)) {
		command, indented := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		if indented && regexp.MustCompile(`^[a-z]`).MatchString(command) {
			commands = append(commands, command)
		}
	}
	if len(commands) < 20 {
		t.Fatalf("the page has only %d commands: has the way we write them changed?", len(commands))
	}
	return commands
}

// do types a command. What belongs to another distribution is done as this one does it.
func (a afternoon) do(command string) {
	a.t.Helper()
	program, _, _ := strings.Cut(command, " ")
	switch {
	case strings.HasPrefix(command, "dnf install koschei"):
		a.installRPM(buildRPM(a.t))
	case strings.HasPrefix(command, "postgresql-setup"):
		a.shell("pg_dropcluster 15 main --stop; pg_createcluster --locale C.UTF-8 15 main")
	case strings.HasPrefix(command, "dnf install httpd"):
		a.shell("a2enmod --quiet ssl proxy_http headers")
	case program == "setsebool": // there is no SELinux
	case strings.HasSuffix(command, "httpd"):
		a.write("etc/apache2/sites-enabled/koschei.conf", a.virtualHost(), 0o644)
		a.shell("systemctl restart apache2")
	case strings.HasPrefix(command, "koschei init"):
		// The simulated hub's time is another one, and its repos are beside it.
		a.write("etc/koschei/90-clock.yaml", read(a.t, filepath.Join(a.root, "root/clock.yaml")), 0o644)
		a.shell(strings.NewReplacer("https://koji.example.org", hubAddress, "https://kojipkgs.example.org", hubAddress+"/kojifiles").Replace(command))
	case strings.HasPrefix(program, "koschei"):
		if strings.Contains(command, "add-pkg") {
			a.await("packages are known", "curl --silent http://127.0.0.1:8080/api/v1/packages?collection=f27", `"foo"`)
		}
		a.shell("runuser -u koschei -- " + command)
	default:
		a.shell(command)
	}
}

// shell runs a line of a shell.
func (a afternoon) shell(line string) string {
	a.t.Helper()
	return a.run("sh", "-c", line)
}

// await runs a line until it says something.
func (a afternoon) await(what, line, pattern string) {
	a.t.Helper()
	last := ""
	a.t.Cleanup(func() {
		if a.t.Failed() {
			a.t.Logf("%s: the last answer was\n%s", what, last)
		}
	})
	await(a.t, what, func() bool {
		last, _ = a.try("sh", "-c", line)
		return regexp.MustCompile(pattern).MatchString(last)
	})
}

// virtualHost is what the page shows for Apache.
func (a afternoon) virtualHost() string {
	block := regexp.MustCompile(`(?s)    <VirtualHost.*?</VirtualHost>\n`).FindString(read(a.t, installPage))
	if block == "" {
		a.t.Fatal("the page shows no proxy")
	}
	certificate, key := certificateFor(a.t, "koschei.example.org")
	a.write("root/koschei.crt", certificate, 0o644)
	for what, text := range map[string]string{"SSLCertificateFile": certificate, "SSLCertificateKeyFile": key} {
		a.write(regexp.MustCompile(what + ` (\S+)`).FindStringSubmatch(block)[1], text, 0o600)
	}
	return block
}

// startHub starts the world's hub in the machine, under the names that the page uses.
func (a afternoon) startHub() {
	a.write("etc/hosts", "127.0.0.1 localhost koschei.example.org\n127.0.0.2 koji.example.org\n", 0o644)
	bin := a.t.TempDir()
	runIn(a.t, "..", "go", "build", "-o", bin, "./cmd/kojisim")
	runIn(a.t, "", "cp", filepath.Join(bin, "kojisim"), filepath.Join(a.root, "root/kojisim"))
	certificate, key := certificateFor(a.t, "koji.example.org")
	a.write("root/hub.pem", certificate+key, 0o600)
	a.write("root/world", read(a.t, "testdata/afternoon.txtar"), 0o644)
	a.run("mkdir", "-p", "/etc/koschei")
	a.write("etc/koschei/hub-ca.pem", certificate, 0o640)
	a.write("etc/koschei/hub-password", "secret\n", 0o640)
	cmd := a.command("/root/kojisim", "-listen", "127.0.0.2:8443", "-tls", "/root/hub.pem", "-world", "/root/world", "-speed", "60")
	out, err := cmd.StdoutPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	background(a.t, cmd)
	lines := bufio.NewScanner(out)
	for range 2 {
		if !lines.Scan() {
			a.t.Fatalf("the hub said too little: %v", lines.Err())
		}
	}
	a.write("root/clock.yaml", lines.Text()+"\n", 0o644)
}

// certificateFor is a certificate that vouches for itself, and its key.
func certificateFor(t *testing.T, name string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, of, of, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, content []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}))
	}
	return text("CERTIFICATE", signed), text("PRIVATE KEY", encoded)
}
