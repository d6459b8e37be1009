package chaos

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A slot is the place of one process: when that ends, another one takes it.
type slot struct {
	stage   *stage
	service string
	name    string
	hub     string   // its own way to the hub
	extra   []string // of the environment

	mu      sync.Mutex
	process *os.Process // nil while there is none
	killed  bool        // the present one was, by us
	frozen  bool
	address string          // of its metrics, "" while not known
	fails   map[string]bool // loops whose last pass failed, as the log tells
	leaving bool            // no other one shall come
	ended   chan error
}

func (s *stage) newSlot(service string) *slot {
	l := &slot{stage: s, service: service, name: fmt.Sprintf("%s-%d", service, len(s.slots)), ended: make(chan error, 1)}
	front := httptest.NewServer(s.meddler.handler(l))
	s.t.Cleanup(front.Close)
	l.hub = front.URL
	return l
}

// start keeps a process in the slot until stop.
func (l *slot) start() {
	go func() {
		runtime.LockOSThread() // the process ends with the thread that started it
		defer runtime.UnlockOSThread()
		for {
			began := time.Now()
			err := l.once()
			l.mu.Lock()
			killed, leaving := l.killed, l.leaving
			l.mu.Unlock()
			if leaving {
				l.ended <- err
				return
			}
			l.stage.counts.add("starts of "+l.service, 1)
			if !killed {
				l.stage.counts.add("ended by themselves", 1)
				if time.Since(began) < time.Second {
					pause(l.stage.t.Context(), 200*time.Millisecond) // the database is away
				}
			}
		}
	}()
}

// once starts a process and waits for its end.
func (l *slot) once() error {
	log, err := os.OpenFile(filepath.Join(l.stage.dir, l.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	args := []string{l.service, "--listen", "127.0.0.1:0"}
	cmd := exec.CommandContext(context.WithoutCancel(l.stage.t.Context()), l.stage.program, args...)
	cmd.Env = append(l.stage.environ(l.hub), l.extra...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	l.mu.Lock()
	if l.leaving {
		l.mu.Unlock()
		return nil
	}
	err = cmd.Start()
	l.process, l.killed, l.frozen, l.address, l.fails = cmd.Process, false, false, "", map[string]bool{}
	l.mu.Unlock()
	if err != nil {
		return err
	}
	l.listen(io.TeeReader(stderr, log))
	err = cmd.Wait()
	l.mu.Lock()
	l.process = nil
	l.mu.Unlock()
	return err
}

// listen reads what the process logs.
func (l *slot) listen(r io.Reader) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") {
			l.stage.t.Errorf("%s: %s", l.name, line)
		}
		message := field(line, "msg")
		if message != "" {
			l.stage.heard.add(message, 1)
		}
		l.mu.Lock()
		switch message {
		case "serving":
			l.address = field(line, "address")
		case "pass failed", "pass succeeded again":
			l.fails[field(line, "service")] = message == "pass failed"
		}
		l.mu.Unlock()
	}
}

// field returns the value of a key in a line that slog wrote.
func field(line, key string) string {
	_, rest, found := strings.Cut(line, " "+key+"=")
	if !found {
		return ""
	}
	if quoted, err := strconv.QuotedPrefix(rest); err == nil {
		value, _ := strconv.Unquote(quoted)
		return value
	}
	value, _, _ := strings.Cut(rest, " ")
	return value
}

// kill ends the process without a warning, and reports whether there was one.
func (l *slot) kill() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.process == nil || l.killed || l.process.Signal(syscall.SIGKILL) != nil {
		return false
	}
	l.killed = true
	l.stage.counts.add("kills", 1)
	l.stage.counts.add("kills of "+l.service, 1)
	return true
}

// freeze stops the process for a while, unless it is killed meanwhile.
func (l *slot) freeze(ctx context.Context, d time.Duration) bool {
	l.mu.Lock()
	p := l.process
	if p == nil || l.killed || l.frozen || p.Signal(syscall.SIGSTOP) != nil {
		l.mu.Unlock()
		return false
	}
	l.frozen = true
	l.mu.Unlock()
	pause(ctx, d)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.process == p {
		_ = p.Signal(syscall.SIGCONT) // it may have been killed
		l.frozen = false
	}
	return true
}

// stop asks the process to end and waits for it.
func (l *slot) stop() error {
	l.mu.Lock()
	l.leaving = true
	if l.process != nil {
		_ = l.process.Signal(syscall.SIGTERM) // it may be ending
	}
	l.mu.Unlock()
	timer := time.NewTimer(20 * time.Second)
	defer timer.Stop()
	select {
	case err := <-l.ended:
		return err
	case <-timer.C:
		l.kill()
		return errors.Join(errors.New("it did not end in 20 seconds"), <-l.ended)
	}
}

// replace ends the process and has one with another environment start.
func (l *slot) replace(extra ...string) error {
	err := l.stop()
	l.mu.Lock()
	l.leaving, l.extra = false, extra
	l.mu.Unlock()
	l.start()
	return err
}

// memory is the most that the process has had resident, in KiB; 0 if not known.
func (l *slot) memory() int { return l.status("VmHWM:") }

// status is a number that the system tells of the process; 0 if not known.
func (l *slot) status(key string) int {
	l.mu.Lock()
	p := l.process
	l.mu.Unlock()
	if p == nil {
		return 0
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(status))
	if i := slices.Index(fields, key); i >= 0 {
		n, _ := strconv.Atoi(fields[i+1])
		return n
	}
	return 0
}

// where is the address that the process serves at; "" if it does not yet.
func (l *slot) where() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.address
}

// metrics are the values that the process tells, by name with labels; none if
// it does not answer.
func (l *slot) metrics() map[string]float64 {
	values := map[string]float64{}
	address := l.where()
	if address == "" {
		return values
	}
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get("http://" + address + "/metrics")
	if err != nil {
		return values
	}
	defer func() { _ = resp.Body.Close() }()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if i := strings.LastIndexByte(lines.Text(), ' '); i > 0 && lines.Text()[0] != '#' {
			values[lines.Text()[:i]], _ = strconv.ParseFloat(lines.Text()[i+1:], 64)
		}
	}
	return values
}

// metric is one of them, 0 if it is not there.
func (l *slot) metric(name string) float64 { return l.metrics()[name] }
