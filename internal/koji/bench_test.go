package koji

import (
	"net/http"
	"runtime"
	"testing"

	"github.com/koschei-ci/koschei/internal/koji/xmlrpc"
)

// largeTag is what a hub answers to listTagged for a tag of a distribution.
func largeTag(tb testing.TB, builds int) []byte {
	list := make([]any, builds)
	for i := range list {
		list[i] = xmlrpc.Struct{
			{Name: "build_id", Value: 100000 + i},
			{Name: "completion_time", Value: "2026-11-23 19:43:43.321259+00:00"},
			{Name: "create_event", Value: 2000000 + i},
			{Name: "creation_event_id", Value: 1000000 + i},
			{Name: "creation_time", Value: "2026-11-23 19:43:43.323690+00:00"},
			{Name: "draft", Value: false},
			{Name: "epoch", Value: nil},
			{Name: "id", Value: 100000 + i},
			{Name: "name", Value: "python-sphinxcontrib-websupport"},
			{Name: "nvr", Value: "python-sphinxcontrib-websupport-1.1-1.fc40"},
			{Name: "owner_id", Value: i % 500},
			{Name: "owner_name", Value: "packager"},
			{Name: "package_id", Value: i},
			{Name: "package_name", Value: "python-sphinxcontrib-websupport"},
			{Name: "promoter_id", Value: nil},
			{Name: "promoter_name", Value: nil},
			{Name: "promotion_time", Value: nil},
			{Name: "release", Value: "1.fc40"},
			{Name: "start_time", Value: "2026-11-23 19:43:43.321259+00:00"},
			{Name: "state", Value: 1},
			{Name: "tag_id", Value: 1},
			{Name: "tag_name", Value: "f40"},
			{Name: "task_id", Value: 300000 + i},
			{Name: "version", Value: "1.1"},
			{Name: "volume_id", Value: 0},
			{Name: "volume_name", Value: "DEFAULT"},
		}
	}
	xml, err := xmlrpc.AppendResponse(nil, list)
	if err != nil {
		tb.Fatal(err)
	}
	return xml
}

// BenchmarkListTagged reads 22 MB over HTTP into typed builds.
func BenchmarkListTagged(b *testing.B) {
	xml := largeTag(b, 11000)
	c := serveBytes(b, xml)
	b.SetBytes(int64(len(xml)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.ListTagged(b.Context(), TagQuery{Tag: "f40"}); err != nil {
			b.Fatal(err)
		}
	}
}

// The answer as a whole is never in memory: what is left are the builds.
func TestListTaggedMemory(t *testing.T) {
	xml := largeTag(t, 3000)
	c := serveBytes(t, xml)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	builds, err := c.ListTagged(t.Context(), TagQuery{Tag: "f40"})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	held := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d MB in, %d KiB for %d builds", len(xml)>>20, held>>10, len(builds))
	if len(builds) != 3000 || held > int64(len(xml))/2 {
		t.Errorf("%d KiB for %d builds", held>>10, len(builds))
	}
	runtime.KeepAlive(builds)
}

func serveBytes(tb testing.TB, body []byte) *Client {
	return serve(tb, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = w.Write(body)
	}), Config{})
}
