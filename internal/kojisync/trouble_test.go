package kojisync

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/koschei-ci/koschei/internal/koji"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
	"github.com/koschei-ci/koschei/internal/repodata"
)

func TestTrouble(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{
			fmt.Errorf("build tag f39: %w", &xmlrpc.Fault{Code: 1000, String: "Invalid tagInfo: 'f39'"}),
			"Koji says: Invalid tagInfo: 'f39'",
		},
		{
			&xmlrpc.Fault{Code: 1, String: "Traceback (most recent call last):\n  File \"/usr/share/hub.py\"\nKeyError: 'it'"},
			"Koji says: KeyError: 'it'",
		},
		{
			fmt.Errorf("reading repo 7: %w", &repodata.InputError{File: "http://internal.example/repos/7/repomd.xml", Reason: "it is no XML"}),
			"the repo cannot be read: repomd.xml: it is no XML",
		},
		{
			&repodata.UnavailableError{URL: "http://internal.example/", Err: errors.New("status 503")},
			"the files of the repo cannot be fetched",
		},
		{&koji.HTTPError{Status: 503, Text: "down"}, "Koji cannot be reached"},
		{&koji.HTTPError{Status: 403}, "Koji does not let us in"},
		{&koji.TransportError{Err: errors.New("dial tcp 10.1.2.3:443: connection refused")}, "Koji cannot be reached"},
		{context.DeadlineExceeded, "Koji cannot be reached"},
		{fmt.Errorf("tag f44-build: %w", ErrNoRepo), "Koji has no usable repo of its build tag"},
		{fmt.Errorf("build target f44: %w", ErrNoTarget), "Koji does not have its build target"},
		{errors.Join(nil, fmt.Errorf("package list of tag f44: %w", errEmpty)), "Koji lists nothing in its destination tag, which is not believed"},
		{errors.New("password of database is hunter2"), "something went wrong that the service's log tells more of"},
	} {
		if got := Trouble(tt.err); got != tt.want {
			t.Errorf("of %q people are told %q, want %q", tt.err, got, tt.want)
		}
	}
}
