package kojihub

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/koschei-ci/koschei/internal/kojisim"
	"github.com/koschei-ci/koschei/internal/kojisim/kojifiles"
)

// serveFiles answers below /kojifiles.
func (h *Hub) serveFiles(rw http.ResponseWriter, req *http.Request) {
	h.advance()
	path := strings.TrimPrefix(req.URL.Path, filesPath+"/")
	parts := strings.Split(path, "/")
	switch {
	case len(parts) >= 4 && parts[0] == "repos":
		h.serveRepo(rw, req, parts[1], parts[2], parts[3:])
	case len(parts) == 5 && parts[0] == "work" && parts[1] == "tasks":
		h.serveOutput(rw, req, parts[3], parts[4])
	default:
		notFound(rw, req)
	}
}

// serveRepo answers below repos/<tag>/<id>.
func (h *Hub) serveRepo(rw http.ResponseWriter, req *http.Request, tagName, id string, rest []string) {
	r, arches := h.findRepo(tagName, id)
	if r == nil {
		notFound(rw, req)
		return
	}
	if len(rest) == 1 && rest[0] == "repo.json" {
		serveBytes(rw, req, "application/json", h.repoJSON(r))
		return
	}
	known := false
	for _, a := range arches {
		known = known || a == rest[0]
	}
	if len(rest) != 3 || rest[1] != "repodata" || !known {
		notFound(rw, req)
		return
	}
	files := h.repos.Metadata(h.world, r, rest[0])
	if text, ok := files.XML(rest[2]); ok {
		serveBytes(rw, req, "text/xml", text)
		return
	}
	parts, size, ok := files.Compressed(rest[2])
	if !ok {
		notFound(rw, req)
		return
	}
	rw.Header().Set("Content-Type", "application/zstd")
	rw.Header().Set("Content-Length", strconv.Itoa(size))
	for _, part := range parts {
		if _, err := rw.Write(part); err != nil {
			return // the client left
		}
	}
}

// findRepo finds a repo that has files and its architectures.
func (h *Hub) findRepo(tagName, id string) (*kojisim.Repo, []string) {
	w := h.world.Lock()
	defer h.world.Unlock()
	t := w.TagByName(tagName)
	if t == nil {
		return nil, nil
	}
	var r *kojisim.Repo
	if id == "latest" {
		r = w.NewestRepo(t)
	} else if n, err := strconv.Atoi(id); err == nil {
		r = w.RepoByID(n)
	}
	if r == nil || r.Tag != t || r.Dist || !r.Usable() {
		return nil, nil
	}
	return r, t.OwnArches()
}

func (h *Hub) repoJSON(r *kojisim.Repo) []byte {
	h.world.Lock()
	defer h.world.Unlock()
	out, err := json.MarshalIndent(map[string]any{
		"id": r.ID, "tag": r.Tag.Name, "tag_id": r.Tag.ID, "task_id": r.TaskID, "event_id": r.Event,
	}, "", "  ")
	if err != nil {
		panic("kojisim: repo.json: " + err.Error())
	}
	return out
}

// serveOutput answers for one file of a task.
func (h *Hub) serveOutput(rw http.ResponseWriter, req *http.Request, id, name string) {
	n, err := strconv.Atoi(id)
	if err != nil {
		notFound(rw, req)
		return
	}
	w := h.world.Lock()
	var content []byte
	found := false
	if t := w.TaskByID(n); t != nil {
		content, found = kojifiles.OutputFile(w, t, name)
	}
	h.world.Unlock()
	if !found {
		notFound(rw, req)
		return
	}
	serveBytes(rw, req, "text/plain", content)
}
