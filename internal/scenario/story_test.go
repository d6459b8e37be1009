package scenario_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// A story is a file of testdata/stories, or of another directory.
type story struct {
	path  string
	file  string // its last part
	title string // its first sentence
	world string
	whole bool // the world has no part of the common one
	steps []step

	lines []string // of the file
}

// A step is a statement of a story.
type step struct {
	line  int // from 1
	end   int // the line after those that belong to it
	words []string
	text  string   // the words as they were written
	block []string // what is indented below, without the tab
}

func readStory(file string) (*story, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s := &story{path: file, file: filepath.Base(file), lines: strings.Split(string(data), "\n")}
	archive := txtar.Parse(data)
	if err := s.readComment(string(archive.Comment)); err != nil {
		return nil, err
	}
	line := 1 + strings.Count(string(archive.Comment), "\n")
	told := false
	for _, part := range archive.Files {
		switch part.Name {
		case "world", "whole world":
			s.world, s.whole = string(part.Data), part.Name == "whole world"
		case "story":
			told = true
			if err := s.readSteps(string(part.Data), line+1); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("%s:%d: there is no part %q, only world or whole world, and story", s.file, line, part.Name)
		}
		line += 1 + strings.Count(string(part.Data), "\n")
	}
	if !told {
		return nil, fmt.Errorf("%s: there is no story in it", s.file)
	}
	return s, nil
}

func (s *story) readComment(comment string) error {
	s.title, _, _ = strings.Cut(strings.Join(strings.Fields(comment), " "), ".")
	if s.title == "" {
		return fmt.Errorf("%s:1: a story begins with a sentence", s.file)
	}
	return nil
}

func (s *story) readSteps(text string, line int) error {
	for i, written := range strings.Split(text, "\n") {
		at := line + i
		body := strings.TrimSpace(written)
		switch {
		case body == "" || strings.HasPrefix(body, "#"):
		case strings.HasPrefix(written, "\t"):
			if len(s.steps) == 0 {
				return fmt.Errorf("%s:%d: it is indented, but there is no statement above it", s.file, at)
			}
			last := &s.steps[len(s.steps)-1]
			last.block, last.end = append(last.block, written[1:]), at+1
		case written[0] == ' ':
			return fmt.Errorf("%s:%d: what belongs to a statement is indented by a tab", s.file, at)
		default:
			s.steps = append(s.steps, step{line: at, end: at + 1, words: strings.Fields(body), text: body})
		}
	}
	return nil
}

// An answer is what came instead of what a story expected.
type answer struct {
	step *step
	got  []string
}

// rewrite writes the file with other answers.
func (s *story) rewrite(file string, answers []answer) error {
	lines := s.lines
	for i := len(answers) - 1; i >= 0; i-- {
		a := answers[i]
		question, _, _ := strings.Cut(a.step.text, ":")
		var written []string
		switch len(a.got) {
		case 0:
			written = []string{question + ": " + nothing}
		case 1:
			written = []string{question + ": " + a.got[0]}
		default:
			written = []string{question + ":"}
			for _, g := range a.got {
				written = append(written, "\t"+g)
			}
		}
		lines = append(append(lines[:a.step.line-1:a.step.line-1], written...), lines[a.step.end-1:]...)
	}
	return os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600)
}
