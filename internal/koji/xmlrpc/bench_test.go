package xmlrpc

import (
	"bytes"
	"runtime"
	"testing"
)

// listTagged is an answer as the hub gives it for a large tag.
func listTagged(tb testing.TB, builds int) []byte {
	list := make([]any, builds)
	for i := range list {
		list[i] = Struct{
			{"build_id", 100000 + i},
			{"completion_time", "2026-11-23 19:43:43.321259+00:00"},
			{"create_event", 2000000 + i},
			{"creation_event_id", 1000000 + i},
			{"creation_time", "2026-11-23 19:43:43.323690+00:00"},
			{"draft", false},
			{"epoch", nil},
			{"id", 100000 + i},
			{"name", "python-sphinxcontrib-websupport"},
			{"nvr", "python-sphinxcontrib-websupport-1.1-1.fc40"},
			{"owner_id", i % 500},
			{"owner_name", "packager"},
			{"package_id", i},
			{"package_name", "python-sphinxcontrib-websupport"},
			{"promoter_id", nil},
			{"promoter_name", nil},
			{"promotion_time", nil},
			{"release", "1.fc40"},
			{"start_time", "2026-11-23 19:43:43.321259+00:00"},
			{"state", 1},
			{"tag_id", 1},
			{"tag_name", "f40"},
			{"task_id", 300000 + i},
			{"version", "1.1"},
			{"volume_id", 0},
			{"volume_name", "DEFAULT"},
		}
	}
	xml, err := AppendResponse(nil, list)
	if err != nil {
		tb.Fatal(err)
	}
	return xml
}

type taggedBuild struct {
	ID      int    `koji:"build_id"`
	Name    string `koji:"name"`
	Epoch   *int   `koji:"epoch"`
	Version string `koji:"version"`
	Release string `koji:"release"`
	TaskID  *int   `koji:"task_id"`
	Event   int    `koji:"create_event"`
}

func stream(tb testing.TB, xml []byte, limits Limits, each func(*taggedBuild)) {
	mapper := NewMapper()
	err := NewDecoder(bytes.NewReader(xml), limits).ResponseElements(func(v any) error {
		var b taggedBuild
		if err := mapper.Unmarshal(v, &b); err != nil {
			return err
		}
		each(&b)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkListTagged reads 20 MB, element by element, into Go structs.
func BenchmarkListTagged(b *testing.B) {
	xml := listTagged(b, 11000)
	b.SetBytes(int64(len(xml)))
	b.ReportAllocs()
	for b.Loop() {
		stream(b, xml, Limits{}, func(*taggedBuild) {})
	}
}

// BenchmarkResponse reads the same at once.
func BenchmarkResponse(b *testing.B) {
	xml := listTagged(b, 11000)
	b.SetBytes(int64(len(xml)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewDecoder(bytes.NewReader(xml), Limits{}).Response(); err != nil {
			b.Fatal(err)
		}
	}
}

// What streaming holds at once does not grow with the length of the answer:
// an element is garbage as soon as its function returns.
func TestStreamingMemoryIsBounded(t *testing.T) {
	xml := listTagged(t, 11000)
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	var most uint64
	// Limits.Values holds for one element at a time; all would be 300,000.
	stream(t, xml, Limits{Values: 100}, func(*taggedBuild) {
		if n++; n%2000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&during)
			most = max(most, during.HeapAlloc)
		}
	})
	if n != 11000 {
		t.Errorf("%d elements, want 11000", n)
	}
	grown := int64(most) - int64(before.HeapAlloc)
	t.Logf("%d MB in, at most %d KiB held", len(xml)>>20, grown>>10)
	if grown > 1<<20 {
		t.Errorf("%d KiB held while reading %d MB element by element", grown>>10, len(xml)>>20)
	}
}
