package site_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A chromium is a browser without a window, spoken to in its own protocol over two
// pipes.
type chromium struct {
	t       *testing.T
	to      io.Writer
	session string // of its one tab

	mu      sync.Mutex
	next    int
	answers map[int]chan message
	loaded  chan struct{}
	said    []string // on the console
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// startChromium starts one with a tab. The test is skipped unless KOSCHEI_BROWSER is
// set, as "make browser" does.
func startChromium(t *testing.T) *chromium {
	t.Helper()
	if os.Getenv("KOSCHEI_BROWSER") == "" {
		t.Skip("KOSCHEI_BROWSER is not set; make browser sets it")
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, into, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "chromium") //nolint:usetesting // it goes when the last of the browser's processes is gone
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--remote-debugging-pipe", "--user-data-dir="+dir, "about:blank")
	cmd.ExtraFiles = []*os.File{theirs, into}
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &chromium{t: t, to: ours, answers: map[int]chan message{}, loaded: make(chan struct{}, 1)}
	_, _ = theirs.Close(), into.Close()
	heard := make(chan struct{})
	go func() { defer close(heard); c.hear(from) }()
	t.Cleanup(func() {
		_ = cmd.Wait() // the test's context has ended it
		_, _ = ours.Close(), from.Close()
		<-heard
		for range 100 { // its helpers end a moment later
			if os.RemoveAll(dir) == nil {
				return
			}
			<-time.After(50 * time.Millisecond)
		}
		t.Errorf("the browser leaves %s behind", dir)
	})
	var target struct{ TargetID string }
	c.ask("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	c.ask("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		c.ask(domain+".enable", nil, nil)
	}
	return c
}

// hear hands on what the browser says.
func (c *chromium) hear(from io.Reader) {
	for in := bufio.NewReaderSize(from, 1<<20); ; {
		text, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m); err != nil {
			continue
		}
		c.mu.Lock()
		switch m.Method {
		case "":
			if answer := c.answers[m.ID]; answer != nil {
				answer <- m
				delete(c.answers, m.ID)
			}
		case "Page.loadEventFired":
			select {
			case c.loaded <- struct{}{}:
			default:
			}
		case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded":
			c.said = append(c.said, string(m.Params))
		}
		c.mu.Unlock()
	}
}

func (c *chromium) call(method string, params any) (json.RawMessage, error) {
	answer := make(chan message, 1)
	c.mu.Lock()
	c.next++
	id := c.next
	c.answers[id] = answer
	c.mu.Unlock()
	request := map[string]any{"id": id, "method": method, "params": params}
	if params == nil {
		request["params"] = struct{}{}
	}
	if c.session != "" {
		request["sessionId"] = c.session
	}
	text, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	if _, err := c.to.Write(append(text, 0)); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // it ends after the test's context, too
	defer cancel()
	select {
	case m := <-answer:
		if m.Error != nil {
			return nil, fmt.Errorf("%s: %s", method, m.Error.Message)
		}
		return m.Result, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: no answer", method)
	}
}

// ask is call for a test that cannot go on without an answer.
func (c *chromium) ask(method string, params, result any) {
	c.t.Helper()
	answer, err := c.call(method, params)
	if err == nil && result != nil {
		err = json.Unmarshal(answer, result)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// open shows a page and waits until it is there. It returns what the browser had to
// say about it.
func (c *chromium) open(address string) []string {
	c.t.Helper()
	c.mu.Lock()
	c.said = nil
	c.mu.Unlock()
	select {
	case <-c.loaded:
	default:
	}
	c.ask("Page.navigate", map[string]any{"url": address}, nil)
	select {
	case <-c.loaded:
	case <-time.After(time.Minute):
		c.t.Fatalf("%s does not load", address)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said
}

// screen makes the window so wide, in a scheme of colours, with script or without.
func (c *chromium) screen(width, height int, scheme string, script bool) {
	c.t.Helper()
	c.ask("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 720}, nil)
	c.ask("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	c.ask("Emulation.setScriptExecutionDisabled", map[string]any{"value": !script}, nil)
}

// eval evaluates an expression in the page.
func (c *chromium) eval(expression string, result any) {
	c.t.Helper()
	var answer struct {
		Result struct{ Value json.RawMessage }
	}
	c.ask("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &answer)
	if err := json.Unmarshal(answer.Result.Value, result); err != nil {
		c.t.Fatalf("%s: %v in %s", expression, err, answer.Result.Value)
	}
}

// contentWidth is how wide the page is, beyond its window if it scrolls sideways.
func (c *chromium) contentWidth() int {
	c.t.Helper()
	var metrics struct {
		CSSContentSize struct{ Width float64 }
	}
	c.ask("Page.getLayoutMetrics", nil, &metrics)
	return int(metrics.CSSContentSize.Width)
}

// picture keeps a picture of the page below KOSCHEI_PICTURES, if that is set.
func (c *chromium) picture(name string) {
	c.t.Helper()
	folder := os.Getenv("KOSCHEI_PICTURES")
	if folder == "" {
		return
	}
	var shot struct{ Data string }
	c.ask("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": false}, &shot)
	content, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), content, 0o644) //nolint:gosec // pictures are for everybody
	}
	if err != nil {
		c.t.Fatal(err)
	}
}
