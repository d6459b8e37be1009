package chaos

import (
	"fmt"
	"sync"
	"testing"
)

// A teller tells what went wrong once more at the very end, after all that the
// broker and others have to say about a test that failed: often the end of what
// was printed is all that is kept.
type teller struct {
	*testing.T

	mu    sync.Mutex
	wrong []string
}

func newTeller(t *testing.T) *teller {
	t.Helper()
	told := &teller{T: t}
	t.Cleanup(func() {
		told.mu.Lock()
		defer told.mu.Unlock()
		for _, text := range told.wrong {
			t.Logf("wrong: %s", text)
		}
	})
	return told
}

func (t *teller) Errorf(format string, args ...any) {
	t.Helper()
	t.note(format, args...)
	t.T.Errorf(format, args...)
}

func (t *teller) Fatalf(format string, args ...any) {
	t.Helper()
	t.note(format, args...)
	t.T.Fatalf(format, args...)
}

func (t *teller) Fatal(args ...any) {
	t.Helper()
	t.note("%s", fmt.Sprint(args...))
	t.T.Fatal(args...)
}

func (t *teller) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wrong = append(t.wrong, fmt.Sprintf(format, args...))
}
