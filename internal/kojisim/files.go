package kojisim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// repoFiles is the metadata of a repo, made when it is first asked for.
type repoFiles struct {
	mu     sync.Mutex
	arches map[string]*archFiles
}

// archFiles is the metadata of a repo for one architecture.
type archFiles struct {
	repomd      []byte
	primary     []*frame
	primaryName string
	size        int
	comps       []byte
	compsName   string
}

// keepRendered is how many repos have their files at hand; those of others are
// made again when somebody asks.
const keepRendered = 8

// openSumLimit is the size of a primary.xml beyond which repomd.xml goes
// without the checksum of the uncompressed file, which is not at hand: only
// frames are kept.
const openSumLimit = 16 << 20

// metadata returns a repo's files for arch.
func (w *World) metadata(r *repo, arch string) *archFiles {
	w.mu.Lock()
	if r.files == nil {
		r.files = &repoFiles{arches: map[string]*archFiles{}}
		w.rendered = append(w.rendered, r)
		if len(w.rendered) > keepRendered {
			w.rendered[0].files = nil
			w.rendered = slices.Delete(w.rendered, 0, 1)
		}
	}
	files := r.files
	blocks := w.blocks(r.tag, r.holds, arch)
	groups := comps(r.tag)
	created := r.created
	w.mu.Unlock()

	files.mu.Lock()
	defer files.mu.Unlock()
	if a := files.arches[arch]; a != nil {
		return a
	}
	a := &archFiles{primary: w.frames.primary(blocks), comps: groups}
	a.describe(created)
	files.arches[arch] = a
	return a
}

// describe writes repomd.xml.
func (a *archFiles) describe(created time.Time) {
	sum, open := sha256.New(), 0
	for _, f := range a.primary {
		_, _ = sum.Write(f.data)
		a.size += len(f.data)
		open += f.open
	}
	primary := hex.EncodeToString(sum.Sum(nil))
	groupSum := sha256.Sum256(a.comps)
	group := hex.EncodeToString(groupSum[:])
	a.primaryName, a.compsName = primary+"-primary.xml.zst", group+"-comps.xml"
	var b bytes.Buffer
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\">\n  <revision>%d</revision>\n", created.Unix())
	fmt.Fprintf(&b, "  <data type=\"primary\">\n    <checksum type=\"sha256\">%s</checksum>\n", primary)
	if open <= openSumLimit {
		fmt.Fprintf(&b, "    <open-checksum type=\"sha256\">%s</open-checksum>\n", a.openSum())
	}
	fmt.Fprintf(&b, "    <location href=\"repodata/%s\"/>\n    <timestamp>%d</timestamp>\n    <size>%d</size>\n    <open-size>%d</open-size>\n  </data>\n",
		a.primaryName, created.Unix(), a.size, open)
	fmt.Fprintf(&b, "  <data type=\"group\">\n    <checksum type=\"sha256\">%s</checksum>\n    <location href=\"repodata/%s\"/>\n    <timestamp>%d</timestamp>\n    <size>%d</size>\n  </data>\n</repomd>\n",
		group, a.compsName, created.Unix(), len(a.comps))
	a.repomd = b.Bytes()
}

func (a *archFiles) openSum() string {
	sum := sha256.New()
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		panic("kojisim: zstd with fixed options: " + err.Error())
	}
	defer dec.Close()
	for _, f := range a.primary {
		open, err := dec.DecodeAll(f.data, nil)
		if err != nil {
			panic("kojisim: a frame of our own is broken: " + err.Error())
		}
		_, _ = sum.Write(open)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

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
	r, arches := h.w.findRepo(tagName, id)
	if r == nil {
		notFound(rw, req)
		return
	}
	if len(rest) == 1 && rest[0] == "repo.json" {
		serveBytes(rw, req, "application/json", h.w.repoJSON(r))
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
	a := h.w.metadata(r, rest[0])
	switch rest[2] {
	case "repomd.xml":
		serveBytes(rw, req, "text/xml", a.repomd)
	case a.compsName, "comps.xml":
		serveBytes(rw, req, "text/xml", a.comps)
	case a.primaryName:
		rw.Header().Set("Content-Type", "application/zstd")
		rw.Header().Set("Content-Length", strconv.Itoa(a.size))
		for _, f := range a.primary {
			if _, err := rw.Write(f.data); err != nil {
				return // the client left
			}
		}
	default:
		notFound(rw, req)
	}
}

// findRepo finds a repo that has files and its architectures.
func (w *World) findRepo(tagName, id string) (*repo, []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.tagByName(tagName)
	if t == nil {
		return nil, nil
	}
	var r *repo
	if id == "latest" {
		r = w.newestRepo(t)
	} else if n, err := strconv.Atoi(id); err == nil {
		r = w.repoByID(n)
	}
	if r == nil || r.tag != t || r.dist || !r.usable() {
		return nil, nil
	}
	return r, t.ownArches()
}

func (w *World) repoJSON(r *repo) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	taskID := 0
	if r.task != nil {
		taskID = r.task.id
	}
	out, err := json.MarshalIndent(map[string]any{
		"id": r.id, "tag": r.tag.name, "tag_id": r.tag.id, "task_id": taskID, "event_id": r.event,
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
	h.w.mu.Lock()
	var content []byte
	found := false
	if t := h.w.taskByID(n); t != nil {
		content, found = h.w.outputFile(t, name)
	}
	h.w.mu.Unlock()
	if !found {
		notFound(rw, req)
		return
	}
	serveBytes(rw, req, "text/plain", content)
}

func serveBytes(rw http.ResponseWriter, req *http.Request, kind string, content []byte) {
	rw.Header().Set("Content-Type", kind)
	http.ServeContent(rw, req, "", time.Time{}, bytes.NewReader(content))
}

// notFound answers as Apache does.
func notFound(rw http.ResponseWriter, req *http.Request) {
	htmlError(rw, http.StatusNotFound, "Not Found", "The requested URL was not found on this server.")
	_ = req.Body.Close()
}

// htmlError answers with one of Apache's error pages.
func htmlError(rw http.ResponseWriter, status int, title, text string) {
	rw.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>"+
		strconv.Itoa(status)+" "+title+"</title>\n</head><body>\n<h1>"+title+"</h1>\n<p>"+text+"</p>\n</body></html>\n")
}
