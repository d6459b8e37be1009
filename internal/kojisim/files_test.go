package kojisim

import (
	"net/http"
	"strconv"
	"testing"
)

func TestRepoFilesAreMadeAgain(t *testing.T) {
	t.Parallel()
	s := recordedWorld(t)
	w := s.hub.w
	first, _ := s.get("/kojifiles/repos/f40-build/1/x86_64/repodata/repomd.xml")
	for i := 2; i < keepRendered+4; i++ {
		w.mu.Lock()
		w.readyRepo(w.initRepo(w.tagByName("f40-build"), nil, 0))
		w.mu.Unlock()
		if _, status := s.get("/kojifiles/repos/f40-build/" + strconv.Itoa(i) + "/x86_64/repodata/repomd.xml"); status != http.StatusOK {
			t.Fatalf("repo %d: status %d", i, status)
		}
	}
	w.mu.Lock()
	kept := len(w.rendered)
	gone := w.repoByID(1).files == nil
	w.mu.Unlock()
	if kept != keepRendered || !gone {
		t.Errorf("%d repos are kept, the first gone: %t; want %d, true", kept, gone, keepRendered)
	}
	if again, _ := s.get("/kojifiles/repos/f40-build/1/x86_64/repodata/repomd.xml"); again != first {
		t.Errorf("made again it differs:\n%s\n%s", again, first)
	}
	for _, path := range []string{"/kojifiles/repos/f40-build/99/x86_64/repodata/repomd.xml", "/kojifiles/repos/f40-build/1/s390x/repodata/repomd.xml", "/kojifiles/work/tasks/9/9/build.log", "/nothing"} {
		if _, status := s.get(path); status != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, status)
		}
	}
}
