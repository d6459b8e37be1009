package kojisim

import (
	"net/http"
	"strconv"
	"testing"
)

func TestRepoFilesAreMadeAgain(t *testing.T) {
	t.Parallel()
	s := recordedWorld(t)
	first, _ := s.get("/kojifiles/repos/f40-build/1/x86_64/repodata/repomd.xml")
	for i := 2; i < keepRendered+4; i++ {
		w := s.hub.world.Lock()
		w.readyRepo(w.initRepo(w.tagByName("f40-build"), nil, 0))
		s.hub.world.Unlock()
		if _, status := s.get("/kojifiles/repos/f40-build/" + strconv.Itoa(i) + "/x86_64/repodata/repomd.xml"); status != http.StatusOK {
			t.Fatalf("repo %d: status %d", i, status)
		}
	}
	kept := len(s.hub.repos.files)
	gone := s.hub.repos.files[s.hub.world.Lock().repoByID(1)] == nil
	s.hub.world.Unlock()
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
