package scenario_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStoryErrors reads stories that are none.
func TestStoryErrors(t *testing.T) {
	t.Parallel()
	const head = "A story.\n-- story --\n"
	for _, tc := range []struct{ text, want string }{
		{"-- story --\nservices\n", "s.txtar:1: a story begins with a sentence"},
		{"A story.\n-- world --\n", "s.txtar: there is no story in it"},
		{"A story.\n\n-- tale --\n", `s.txtar:3: there is no part "tale"`},
		{head + "\tindented\n", "s.txtar:3: it is indented"},
		{head + "services\n x\n", "s.txtar:4: what belongs to a statement is indented by a tab"},
	} {
		file := filepath.Join(t.TempDir(), "s.txtar")
		if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readStory(file)
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%q: error %v, want %s", tc.text, err, tc.want)
		}
	}
}

// TestStatementErrors makes statements that say nothing.
func TestStatementErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ text, want string }{
		{"prophet foretells foo", "unknown statement"},
		{"after", "after needs 1 words more"},
		{"operator raises foo", "operator raises needs 2 words more"},
		{"packager sleeps", "unknown statement"},
	} {
		if _, _, err := verbOf(strings.Fields(tc.text)); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%q: error %v, want %s", tc.text, err, tc.want)
		}
	}
}

// TestRewrite writes other answers into a story, of fewer and of more lines.
func TestRewrite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s.txtar")
	before := "A story.\n-- story --\nservices\nexpect states f44:\n\tone\n\ttwo\n# a comment\nexpect state foo: x\nexpect why foo: x\nservices\n"
	if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := readStory(file)
	if err != nil {
		t.Fatal(err)
	}
	err = s.rewrite(file, []answer{{&s.steps[1], nil}, {&s.steps[2], []string{"ok"}}, {&s.steps[3], []string{"a", "b"}}})
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(file)
	want := "A story.\n-- story --\nservices\nexpect states f44: nothing\n# a comment\nexpect state foo: ok\nexpect why foo:\n\ta\n\tb\nservices\n"
	if err != nil || string(after) != want {
		t.Errorf("got %q, %v\nwant %q", after, err, want)
	}
}
