package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// A layer is one configuration file. What it says of a key goes over what the
// layers before it say; a list goes over the whole list.
type layer struct {
	file string
	root yaml.Node
}

// loadConfig reads files over the defaults, one after the other, and the
// environment over all. A directory stands for its files NAME.yaml, by name.
// Errors are the operator's to mend and say where.
func loadConfig(named, environ []string) (config, error) {
	c := defaultConfig()
	files, err := configFiles(named)
	if err != nil {
		return c, badInput(fmt.Errorf("reading the configuration: %w", err))
	}
	var layers []layer
	for _, file := range files {
		text, err := readConfig(file)
		if err != nil {
			return c, badInput(fmt.Errorf("reading the configuration: %w", err))
		}
		l := layer{file: file}
		if err := errors.Join(decodeStrict(text, &c), yaml.Unmarshal(text, &l.root)); err != nil {
			return c, badInput(fmt.Errorf("configuration %s: %w", file, err))
		}
		layers = append(layers, l)
	}
	if err := overlayEnviron(&c, environ); err != nil {
		return c, badInput(err)
	}
	findCredentials(reflect.ValueOf(&c).Elem(), credentials(environ))
	if err := c.check(); err != nil {
		return c, badInput(fmt.Errorf("%s: %w", origin(err, layers, environ), err))
	}
	return c, nil
}

// configFiles puts the files of a directory in its place. Names that begin with
// a dot are not looked at: Kubernetes mounts have some.
func configFiles(named []string) (files []string, err error) {
	for _, name := range named {
		if info, err := os.Stat(name); err != nil || !info.IsDir() {
			files = append(files, name) // whoever reads it says what is wrong
			continue
		}
		entries, err := os.ReadDir(name)
		if err != nil {
			return nil, err
		}
		before := len(files)
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") && strings.HasSuffix(e.Name(), ".yaml") {
				files = append(files, filepath.Join(name, e.Name()))
			}
		}
		if len(files) == before {
			return nil, fmt.Errorf("the directory %s has no file NAME.yaml", name)
		}
	}
	return files, nil
}

// readConfig reads a configuration file, which must end.
func readConfig(file string) ([]byte, error) {
	const most = 1 << 20
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(text) > most {
		err = fmt.Errorf("%s is longer than the %d bytes allowed", file, most)
	}
	return text, err
}

// decodeStrict refuses keys that c does not have.
func decodeStrict(text []byte, c *config) error {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	err := dec.Decode(c)
	var typeErr *yaml.TypeError
	switch {
	case errors.Is(err, io.EOF): // nothing but comments
		return nil
	case errors.As(err, &typeErr):
		all := strings.Join(typeErr.Errors, "; ")
		return errors.New(unknownField.ReplaceAllString(all, "the key $1 is not known"))
	}
	return err
}

// unknownField is how the YAML package words a key that a struct does not have.
var unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)

// origin says where the value that err complains of was set last.
func origin(err error, layers []layer, environ []string) string {
	var wrong *keyError
	if !errors.As(err, &wrong) {
		return "configuration"
	}
	key, _, _ := strings.Cut(wrong.key, ",")
	variable := "KOSCHEI_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
	if slices.ContainsFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, variable+"=") }) {
		return "environment variable " + variable
	}
	for _, l := range slices.Backward(layers) {
		if line := lineOf(&l.root, strings.Split(key, ".")); line > 0 {
			return fmt.Sprintf("configuration %s: line %d", l.file, line)
		}
	}
	return "configuration"
}

// lineOf is where a document has a key, 0 if it has not.
func lineOf(n *yaml.Node, path []string) int {
	if n.Kind == yaml.DocumentNode {
		return lineOf(n.Content[0], path)
	}
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		switch {
		case n.Content[i].Value != path[0]:
		case len(path) == 1:
			return n.Content[i].Line
		default:
			return lineOf(n.Content[i+1], path[1:])
		}
	}
	return 0
}

// credentials is where systemd has put the files of LoadCredential, if it has.
func credentials(environ []string) string {
	for _, entry := range environ {
		if dir, ok := strings.CutPrefix(entry, "CREDENTIALS_DIRECTORY="); ok {
			return dir
		}
	}
	return ""
}

// findCredentials lets a file that is named without a directory be one of dir,
// if there is one of that name.
func findCredentials(v reflect.Value, dir string) {
	if dir == "" {
		return
	}
	for i := range v.NumField() {
		field, tag := v.Field(i), v.Type().Field(i).Tag
		switch {
		case tag.Get("file") != "":
			name := field.String()
			if name != "" && !strings.Contains(name, "/") && exists(filepath.Join(dir, name)) {
				field.SetString(filepath.Join(dir, name))
			}
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct:
			for n := range field.Len() {
				findCredentials(field.Index(n), dir)
			}
		case field.Kind() == reflect.Struct && field.Type() != reflect.TypeFor[time.Time]():
			findCredentials(field, dir)
		}
	}
}
