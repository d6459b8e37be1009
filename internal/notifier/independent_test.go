package notifier_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// others asks a validator that others have written whether a body is as its schema
// has it, where KOSCHEI_JSONSCHEMA is set; see make schemas.
func others(t *testing.T, schema string, body []byte, want bool) {
	t.Helper()
	if os.Getenv("KOSCHEI_JSONSCHEMA") == "" {
		return
	}
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/validate.py", filepath.Join("../../docs/schemas", schema+".json"))
	cmd.Stdin = bytes.NewReader(body)
	out, err := cmd.CombinedOutput()
	if (err == nil) != want {
		t.Errorf("%s by another validator: %v %s\n%s", schema, err, out, body)
	}
}
