package koji

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// TestMadeRepo has a hub answer in all ways for a newRepo task.
func TestMadeRepo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		result any // or a fault
		repo   int64
		err    error  // that it is
		text   string // of a NoRepoError
	}{
		{"made", []any{int64(17), int64(1234)}, 17, nil, ""},
		{"not yet", faultf(codeGeneric, "Task 5 is not finished"), 0, ErrNotFinished, ""},
		{"unknown", faultf(codeGeneric, "No such task: 5"), 0, koschei.ErrNotFound, ""},
		{"canceled", faultf(codeGeneric, "Task 5 is canceled"), 0, nil, "newRepo task 5: canceled"},
		{"failed", faultf(1005, "no space").Struct(), 0, nil, "newRepo task 5: no space"},
		{"names none", []any{}, 0, nil, "newRepo task 5: it ended with [], which names no repo"},
		{"names something else", "17", 0, nil, "newRepo task 5: it ended with 17, which names no repo"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				body, err := xmlrpc.AppendResponse(nil, test.result)
				if fault, ok := test.result.(*xmlrpc.Fault); ok {
					body, err = xmlrpc.AppendFault(nil, fault)
				}
				if err != nil {
					t.Error(err)
				}
				_, _ = w.Write(body)
			}))
			t.Cleanup(server.Close)
			client, err := New(Config{Server: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			repo, err := client.MadeRepo(t.Context(), 5)
			if repo != test.repo {
				t.Errorf("repo %d, want %d", repo, test.repo)
			}
			switch {
			case test.text != "":
				var noRepo *NoRepoError
				if !errors.As(err, &noRepo) || err.Error() != test.text {
					t.Errorf("error %v, want a NoRepoError: %s", err, test.text)
				}
			case !errors.Is(err, test.err):
				t.Errorf("error %v, want %v", err, test.err)
			}
		})
	}
}
