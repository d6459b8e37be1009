package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Starting answers on listener, until end is called, that there is nothing to be
// served yet: what a program opens early, so that nobody else has the address,
// leaves nobody waiting. The listener can be served on then. what is a sentence
// that says what takes so long.
func Starting(listener net.Listener, what string) (end func()) {
	server := &http.Server{
		ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, WriteTimeout: readTimeout, MaxHeaderBytes: 64 << 10,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Connection", "close") // the next server has other connections
			if r.URL.Path == "/livez" {
				_, _ = fmt.Fprintln(w, "ok")
				return
			}
			w.Header().Set("Retry-After", fmt.Sprint(int(retryAfter.Seconds())))
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprintln(w, "Koschei is starting: "+what+" Please try again in a moment.")
		}),
	}
	lent := &lent{Listener: listener}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(lent) // ends when end is called, or the listener is closed
	}()
	return func() {
		grace, cancel := context.WithTimeout(context.Background(), stopTimeout) //nolint:forbidigo // it ends whatever else does
		defer cancel()
		if err := server.Shutdown(grace); err != nil {
			_ = server.Close()
		}
		<-served
		lent.giveBack()
	}
}

// A lent listener can be closed and is open still.
type lent struct{ net.Listener }

// A deadliner is a listener that can be kept from waiting.
type deadliner interface{ SetDeadline(t time.Time) error }

// Close implements net.Listener: nobody waits in Accept any more.
func (l *lent) Close() error {
	if d, ok := l.Listener.(deadliner); ok {
		return d.SetDeadline(time.Unix(1, 0))
	}
	return errors.New("this listener cannot be given back")
}

func (l *lent) giveBack() {
	if d, ok := l.Listener.(deadliner); ok {
		_ = d.SetDeadline(time.Time{})
	}
}
