package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/koschei-ci/koschei/internal/notifier"
)

// checkData looks whether this user can write where the metadata of repos are kept.
func (r *checkReport) checkData(c config) error {
	dir := repoCache(c.DataDir)
	if err := tryToWrite(dir); err != nil {
		r.problem("data_dir: %v", err)
		return nil
	}
	r.fine("data_dir: ok")
	return nil
}

// tryToWrite makes a file in a directory and removes it again. Services make the
// directory, so it is left.
func tryToWrite(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".check-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// checkSinks looks at the settings of sinks, and says hello to the mail server, which
// nobody hears of. "deliveries test" tries the others.
func (r *checkReport) checkSinks(ctx context.Context, c config) error {
	sinks, err := c.sinks(slog.New(slog.DiscardHandler))
	if err != nil {
		return badInput(fmt.Errorf("configuration: %w", err))
	}
	for _, sink := range sinks {
		mail, isMail := sink.(*notifier.Mail)
		if !isMail {
			r.fine("sink %s: configured", sink.Name())
			continue
		}
		if err := mail.Ping(ctx); err != nil {
			r.failure(missing(fmt.Errorf("mail server %s: %w", c.Notifier.Mail.Server, err)))
			continue
		}
		r.fine("mail server: ok")
	}
	return nil
}
