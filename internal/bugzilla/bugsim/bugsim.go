// Package bugsim is a small Bugzilla for tests: what of its REST interface package
// bugzilla uses, with the codes, statuses and limits of a real one. A test decides
// what it knows and how it misbehaves.
package bugsim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Bug is one as the server has it.
type Bug struct {
	ID         int64
	Product    string
	Component  string
	Version    string
	Summary    string
	Status     string
	Resolution string
	Alias      string
	Whiteboard string
	Blocks     []int64
	Comments   []string // the description first
	Fields     map[string]string
}

// A Server is an http.Handler. Its exported fields are set before it is used.
type Server struct {
	Key        string   // that requests must have
	Components []string // of each product; none knows all
	PageLimit  int      // the most bugs that a search returns; 0 is no limit

	// Misbehave may answer a request itself, before or after it was done, and says
	// whether it did. It may be nil. It is called by several at the same time.
	Misbehave func(w http.ResponseWriter, r *http.Request, done bool) bool

	mu   sync.Mutex
	bugs []*Bug
}

// Add makes a bug as if somebody had filed it, and returns its number.
func (s *Server) Add(b Bug) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(&b)
}

func (s *Server) add(b *Bug) int64 {
	b.ID = int64(200_001 + len(s.bugs))
	if b.Status == "" {
		b.Status = "NEW"
	}
	s.bugs = append(s.bugs, b)
	return b.ID
}

// Bugs returns copies of all bugs, the oldest first.
func (s *Server) Bugs() (all []Bug) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.bugs {
		c := *b
		c.Comments = slices.Clone(b.Comments)
		all = append(all, c)
	}
	return all
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Misbehave != nil && s.Misbehave(w, r, false) {
		return
	}
	status, answer := s.answer(r)
	if s.Misbehave != nil && s.Misbehave(w, r, true) {
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // whoever asked may be gone
}

func refuse(status, code int, format string, args ...any) (int, any) {
	return status, map[string]any{"error": true, "code": code, "message": fmt.Sprintf(format, args...)}
}

func (s *Server) answer(r *http.Request) (status int, answer any) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return refuse(400, 32000, "%v", err)
	}
	if r.Header.Get("Authorization") != "Bearer "+s.Key {
		return refuse(400, 306, "The API key you specified is invalid.")
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/rest/")
	if !ok {
		return refuse(404, 32614, "No REST API resource found for '%s %s'.", r.Method, r.URL.Path)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch parts := strings.Split(path, "/"); {
	case path == "version":
		return 200, map[string]any{"version": "5.0.4"}
	case path == "bug" && r.Method == http.MethodGet:
		return s.search(r)
	case path == "bug" && r.Method == http.MethodPost:
		return s.file(body)
	case len(parts) == 2 && r.Method == http.MethodGet:
		b := s.find(parts[1])
		if b == nil {
			return refuse(404, 101, "Bug #%s does not exist.", parts[1])
		}
		return 200, map[string]any{"bugs": []any{shown(b)}}
	case len(parts) == 2 && r.Method == http.MethodPut:
		return s.change(parts[1], body)
	case len(parts) == 3 && parts[2] == "comment" && r.Method == http.MethodGet:
		return s.comments(parts[1])
	}
	return refuse(404, 32614, "No REST API resource found for '%s %s'.", r.Method, r.URL.Path)
}

func (s *Server) find(name string) *Bug {
	i := slices.IndexFunc(s.bugs, func(b *Bug) bool { return strconv.FormatInt(b.ID, 10) == name || b.Alias != "" && b.Alias == name })
	if i < 0 {
		return nil
	}
	return s.bugs[i]
}

func shown(b *Bug) map[string]any {
	return map[string]any{
		"id": b.ID, "summary": b.Summary, "status": b.Status, "resolution": b.Resolution, "whiteboard": b.Whiteboard,
		"blocks": append([]int64{}, b.Blocks...),
	}
}

func (s *Server) search(r *http.Request) (int, any) {
	q := r.URL.Query()
	number := func(key string) int {
		n, _ := strconv.Atoi(q.Get(key)) // without it 0
		return n
	}
	found := []any{}
	for _, b := range s.bugs {
		if b.Product == q.Get("product") && b.Component == q.Get("component") && (q.Get("resolution") != "---" || b.Resolution == "") {
			found = append(found, shown(b))
		}
	}
	found = found[min(number("offset"), len(found)):]
	limit := number("limit")
	if s.PageLimit > 0 {
		limit = min(limit, s.PageLimit)
	}
	return 200, map[string]any{"bugs": found[:min(limit, len(found))]}
}

func (s *Server) file(body []byte) (int, any) {
	var in map[string]any
	if err := json.Unmarshal(body, &in); err != nil {
		return refuse(400, 32610, "%v", err)
	}
	text := func(key string) string {
		t, _ := in[key].(string)
		return t
	}
	b := &Bug{
		Product: text("product"), Component: text("component"), Version: text("version"), Summary: text("summary"), Alias: text("alias"),
		Whiteboard: text("whiteboard"), Comments: []string{text("description")}, Fields: map[string]string{},
	}
	switch {
	case s.Components != nil && !slices.Contains(s.Components, b.Component):
		return refuse(401, 106, "There is no component named '%s' in the '%s' product.", b.Component, b.Product)
	case b.Summary == "" || len(b.Summary) > 255:
		return refuse(400, 107, "You must enter a summary for this bug.")
	case b.Version == "":
		return refuse(400, 104, "You must select a version.")
	case len(b.Alias) > 40 || b.Alias != "" && s.find(b.Alias) != nil:
		return refuse(400, 103, "Bug has already taken the alias %s.", b.Alias)
	case len([]rune(b.Comments[0])) > 65_535:
		return refuse(400, 114, "Comments cannot be longer than 65535 characters.")
	}
	blocked, _ := in["blocks"].([]any)
	for _, name := range blocked {
		t := s.find(fmt.Sprint(name))
		if t == nil {
			return refuse(404, 101, "Bug #%v does not exist.", name)
		}
		b.Blocks = append(b.Blocks, t.ID)
	}
	for _, key := range []string{"op_sys", "rep_platform", "severity"} {
		if text(key) != "" {
			b.Fields[key] = text(key)
		}
	}
	return 201, map[string]any{"id": s.add(b)}
}

func (s *Server) change(name string, body []byte) (int, any) {
	b := s.find(name)
	if b == nil {
		return refuse(404, 101, "Bug #%s does not exist.", name)
	}
	var in struct {
		Status, Resolution string
		Comment            struct{ Body string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return refuse(400, 32610, "%v", err)
	}
	if in.Status != "" {
		b.Status, b.Resolution = in.Status, in.Resolution
	}
	if in.Comment.Body != "" {
		b.Comments = append(b.Comments, in.Comment.Body)
	}
	return 200, map[string]any{"bugs": []any{map[string]any{"id": b.ID, "changes": map[string]any{}}}}
}

func (s *Server) comments(name string) (int, any) {
	b := s.find(name)
	if b == nil {
		return refuse(404, 101, "Bug #%s does not exist.", name)
	}
	var all []any
	for _, text := range b.Comments {
		all = append(all, map[string]any{"text": text})
	}
	return 200, map[string]any{"bugs": map[string]any{strconv.FormatInt(b.ID, 10): map[string]any{"comments": all}}, "comments": map[string]any{}}
}
