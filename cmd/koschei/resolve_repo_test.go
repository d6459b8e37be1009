package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeRepository makes a repository in dir of packages that are given one a
// line:
//
//	gcc-2-1.x86_64 requires glibc doc>=2 conflicts tcc files /usr/share/gcc
//
// The group "build" is of the package bash. There are file lists if any package
// has files; primary.xml lists none.
func writeRepository(dir, packages string) error {
	var primary, files strings.Builder
	count := 0
	for line := range strings.Lines(packages) {
		if words := strings.Fields(line); len(words) > 0 {
			count++
			id := fmt.Sprintf("%x", sha256.Sum256([]byte(line)))
			writePackage(&primary, id, words)
			writeFiles(&files, id, words)
		}
	}
	parts := []struct{ kind, name, content string }{
		{"primary", "primary.xml", fmt.Sprintf("<metadata packages=\"%d\">\n%s</metadata>\n", count, &primary)},
		{"filelists", "filelists.xml", fmt.Sprintf("<filelists packages=\"%d\">\n%s</filelists>\n", count, &files)},
		{"group", "comps.xml", "<comps><group><id>build</id><packagelist><packagereq>bash</packagereq></packagelist></group></comps>\n"},
	}
	var repomd strings.Builder
	if err := os.MkdirAll(filepath.Join(dir, "repodata"), 0o777); err != nil {
		return err
	}
	for _, part := range parts {
		if part.kind == "filelists" && files.Len() == 0 {
			continue
		}
		sum := sha256.Sum256([]byte(part.content))
		_, _ = fmt.Fprintf(&repomd, "<data type=%q><checksum type=\"sha256\">%s</checksum><location href=\"repodata/%s\"/></data>\n",
			part.kind, hex.EncodeToString(sum[:]), part.name)
		if err := os.WriteFile(filepath.Join(dir, "repodata", part.name), []byte(part.content), 0o666); err != nil {
			return err
		}
	}
	document := "<repomd>\n" + repomd.String() + "</repomd>\n"
	return os.WriteFile(filepath.Join(dir, "repodata", "repomd.xml"), []byte(document), 0o666)
}

func writePackage(w *strings.Builder, id string, words []string) {
	rest, arch := cutLast(words[0], ".")
	rest, release := cutLast(rest, "-")
	name, version := cutLast(rest, "-")
	_, _ = fmt.Fprintf(w, "<package type=\"rpm\"><name>%s</name><arch>%s</arch><version epoch=\"0\" ver=\"%s\" rel=\"%s\"/>"+
		"<checksum type=\"sha256\" pkgid=\"YES\">%s</checksum><location href=\"%s.rpm\"/><format>", name, arch, version, release, id, words[0])
	list := ""
	for _, word := range words[1:] {
		switch word {
		case "requires", "provides", "conflicts", "obsoletes", "recommends", "supplements":
			closeList(w, list)
			list = word
			_, _ = fmt.Fprintf(w, "<%s>", list)
		case "files":
			closeList(w, list)
			list = ""
		default:
			if list != "" {
				w.WriteString(entryOf(word))
			}
		}
	}
	closeList(w, list)
	w.WriteString("</format></package>\n")
}

func closeList(w *strings.Builder, list string) {
	if list != "" {
		_, _ = fmt.Fprintf(w, "</%s>", list)
	}
}

// entryOf is one entry of a list: name, name=version or name>=version. In a boolean
// dependency underscores stand for blanks.
func entryOf(word string) string {
	if strings.HasPrefix(word, "(") {
		word = strings.ReplaceAll(word, "_", " ")
	}
	for _, op := range []struct{ text, flags string }{{">=", "GE"}, {"=", "EQ"}} {
		if name, version, found := strings.Cut(word, op.text); found {
			return fmt.Sprintf("<entry name=%q flags=%q epoch=\"0\" ver=%q/>", name, op.flags, version)
		}
	}
	return fmt.Sprintf("<entry name=%q/>", word)
}

// writeFiles writes what follows the word files.
func writeFiles(w *strings.Builder, id string, words []string) {
	_, paths, found := strings.Cut(strings.Join(words, " "), " files ")
	if !found {
		return
	}
	_, _ = fmt.Fprintf(w, "<package pkgid=%q name=%q arch=\"\">", id, words[0])
	for _, path := range strings.Fields(paths) {
		_, _ = fmt.Fprintf(w, "<file>%s</file>", path)
	}
	w.WriteString("</package>\n")
}

func cutLast(s, sep string) (before, after string) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		panic("cannot happen: no " + sep + " in " + s)
	}
	return s[:i], s[i+1:]
}

func mustWriteRepository(tb testing.TB, dir, packages string) {
	tb.Helper()
	if err := writeRepository(dir, packages); err != nil {
		tb.Fatal(err)
	}
}
