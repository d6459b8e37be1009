package kojihub

import (
	"net/http"
	"testing"
)

func TestNoSuchFile(t *testing.T) {
	t.Parallel()
	s := recordedWorld(t)
	if _, status := s.get("/kojifiles/repos/f40-build/1/x86_64/repodata/repomd.xml"); status != http.StatusOK {
		t.Errorf("status %d for what is there", status)
	}
	for _, path := range []string{"/kojifiles/repos/f40-build/99/x86_64/repodata/repomd.xml", "/kojifiles/repos/f40-build/1/s390x/repodata/repomd.xml", "/kojifiles/work/tasks/9/9/build.log", "/nothing"} {
		if _, status := s.get(path); status != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, status)
		}
	}
}
