package main

import (
	"path/filepath"
	"testing"
)

// The example configurations are ones that the program takes.
func TestExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../deploy/*/koschei.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		if _, err := loadConfig([]string{file}, nil); err != nil {
			t.Error(err)
		}
	}
}
