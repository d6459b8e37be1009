package koji_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/koschei-ci/koschei/internal/koji"
)

const oldRepo = `<?xml version='1.0'?>
<methodResponse><params><param><value><struct>
<member><name>id</name><value><int>4711</int></value></member>
<member><name>state</name><value><int>1</int></value></member>
<member><name>task_id</name><value><int>815</int></value></member>
<member><name>create_event</name><value><int>1000</int></value></member>
<member><name>creation_time</name><value><string>2024-05-02 10:11:12.130000+00:00</string></value></member>
<member><name>create_ts</name><value><double>1714644672.13</double></value></member>
<member><name>dist</name><value><boolean>0</boolean></value></member>
REST</struct></value></param></params></methodResponse>`

func TestRepoOfOldHub(t *testing.T) {
	t.Parallel()
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		rest := ""
		if strings.Contains(string(call), "repoInfo") {
			rest = "<member><name>tag_id</name><value><int>11</int></value></member>" +
				"<member><name>tag_name</name><value><string>f40-build</string></value></member>"
		}
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, strings.Replace(oldRepo, "REST", rest, 1))
	}))
	defer hub.Close()
	client, err := koji.New(koji.Config{Server: hub.URL})
	if err != nil {
		t.Fatal(err)
	}
	byTag, err := client.Repo(t.Context(), "f40-build")
	if err != nil {
		t.Fatal(err)
	}
	byID, err := client.RepoInfo(t.Context(), 4711)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*koji.Repo{byTag, byID} {
		if r.Created.IsZero() {
			t.Errorf("repo %d was made at no time, though its event is of %s", r.ID, r.EventAt)
		}
	}
	if byID.Tag != "f40-build" {
		t.Errorf("tag %q", byID.Tag)
	}
}

// Hubs before 1.31 look for the session in the address alone.
func TestSessionOfOldHub(t *testing.T) {
	t.Parallel()
	const opened = "<struct><member><name>session-id</name><value><int>7</int></value></member>" +
		"<member><name>session-key</name><value><string>3-secret</string></value></member></struct>"
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		query, answer := r.URL.Query(), "<nil/>"
		switch {
		case strings.Contains(string(call), ">login<"):
			answer = opened
		case query.Get("session-id") != "7" || query.Get("session-key") != "3-secret":
			t.Errorf("%s comes without a session: %s", call, r.URL)
		}
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, "<?xml version='1.0'?><methodResponse><params><param><value>"+answer+"</value></param></params></methodResponse>")
	}))
	defer hub.Close()
	client, err := koji.New(koji.Config{Server: hub.URL, Login: koji.Login{User: "koschei", Password: "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.CancelTask(t.Context(), 1); err != nil {
		t.Error(err)
	}
	if err := client.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
