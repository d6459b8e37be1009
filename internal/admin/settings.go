package admin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/schema"
)

// WriteSettings writes groups and priorities as YAML that ReadSettings reads:
//
//	groups:
//	  someuser/mygroup:
//	    packages: [bar, foo]
//	    maintainers: [another]
//	priorities:
//	  f28:
//	    foo: {static: 100, manual: 20}
func WriteSettings(w io.Writer, s *schema.Settings) error {
	groups, priorities := mapping(), mapping()
	for _, g := range s.Groups {
		group := mapping()
		add(group, "packages", sequence(g.Packages))
		add(group, "maintainers", sequence(g.Maintainers))
		add(groups, g.FullName, group)
	}
	var collection *yaml.Node
	last := ""
	for _, p := range s.Priorities {
		if collection == nil || p.Collection != last {
			collection, last = mapping(), p.Collection
			add(priorities, p.Collection, collection)
		}
		values := mapping()
		values.Style = yaml.FlowStyle
		add(values, "static", number(p.Static))
		add(values, "manual", number(p.Manual))
		add(collection, p.Package, values)
	}
	root := mapping()
	add(root, "groups", groups)
	add(root, "priorities", priorities)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return err
	}
	return enc.Close()
}

func mapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode} }

func add(m *yaml.Node, key string, value *yaml.Node) {
	m.Content = append(m.Content, text(key), value)
}

// text lets the encoder quote what would be read as something else.
func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

func number(i int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(i)}
}

func sequence(names []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	if len(names) == 0 {
		n.Style = yaml.FlowStyle
	}
	for _, name := range names {
		n.Content = append(n.Content, text(name))
	}
	return n
}

// ReadSettings reads what WriteSettings writes. It refuses what it does not
// know and what is said twice; such errors wrap koschei.ErrInvalid and name the
// line.
func ReadSettings(r io.Reader) (*schema.Settings, error) {
	content, err := readBounded(r)
	if err != nil {
		return nil, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(content))
	var doc, more yaml.Node
	err = dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: it is empty", koschei.ErrInvalid)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", koschei.ErrInvalid, err)
	case !errors.Is(dec.Decode(&more), io.EOF):
		return nil, fmt.Errorf("%w: it holds more than one document", koschei.ErrInvalid)
	}
	s := &schema.Settings{}
	err = eachKey(doc.Content[0], "groups and priorities", func(key, value *yaml.Node) error {
		switch key.Value {
		case "groups":
			return eachKey(value, "groups", func(key, value *yaml.Node) error { return readGroup(s, key, value) })
		case "priorities":
			return eachKey(value, "collections", func(key, value *yaml.Node) error {
				return readPriorities(s, key.Value, value)
			})
		}
		return at(key, "%q is neither groups nor priorities", key.Value)
	})
	if err != nil {
		return nil, err
	}
	if len(s.Groups)+len(s.Priorities) == 0 {
		return nil, fmt.Errorf("%w: it holds no groups and no priorities, as an export of a database without any: was it made with the right database_url?",
			koschei.ErrInvalid)
	}
	return s, nil
}

func readGroup(s *schema.Settings, key, value *yaml.Node) error {
	if _, _, err := koschei.ParseGroupName(key.Value); err != nil {
		return fmt.Errorf("line %d: %w", key.Line, err)
	}
	g := schema.GroupSettings{FullName: key.Value}
	err := eachKey(value, "packages and maintainers", func(key, value *yaml.Node) (err error) {
		switch key.Value {
		case "packages":
			g.Packages, err = readList(value, "package")
		case "maintainers":
			g.Maintainers, err = readList(value, "user")
		default:
			err = at(key, "%q is neither packages nor maintainers", key.Value)
		}
		return err
	})
	s.Groups = append(s.Groups, g)
	return err
}

func readPriorities(s *schema.Settings, collection string, value *yaml.Node) error {
	return eachKey(value, "packages", func(key, value *yaml.Node) error {
		p := schema.PrioritySettings{Collection: collection, Package: key.Value}
		err := eachKey(value, "static and manual priority", func(key, value *yaml.Node) (err error) {
			switch key.Value {
			case "static":
				p.Static, err = readNumber(value)
			case "manual":
				p.Manual, err = readNumber(value)
			default:
				err = at(key, "%q is neither static nor manual", key.Value)
			}
			return err
		})
		s.Priorities = append(s.Priorities, p)
		return err
	})
}

// eachKey calls f with each key and value of a mapping, empty ones included.
func eachKey(n *yaml.Node, of string, f func(key, value *yaml.Node) error) error {
	if n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return at(n, "expected a mapping of %s", of)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			return at(key, "expected a word")
		}
		if seen[key.Value] {
			return at(key, "%s is there twice", key.Value)
		}
		seen[key.Value] = true
		if err := f(key, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func readList(n *yaml.Node, what string) ([]string, error) {
	if n.Tag == "!!null" {
		return nil, nil
	}
	if n.Kind != yaml.SequenceNode {
		return nil, at(n, "expected a list of names")
	}
	var names []string
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode {
			return nil, at(item, "expected a name")
		}
		if err := koschei.ValidateName(what, item.Value); err != nil {
			return nil, fmt.Errorf("line %d: %w", item.Line, err)
		}
		names = append(names, item.Value)
	}
	return names, nil
}

func readNumber(n *yaml.Node) (int, error) {
	value, err := strconv.ParseInt(n.Value, 10, 32)
	if err != nil || n.Kind != yaml.ScalarNode {
		return 0, at(n, "%q is no whole number from %d to %d", n.Value, math.MinInt32, math.MaxInt32)
	}
	return int(value), nil
}

// at is an error that names a line.
func at(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("line %d: %w: %s", n.Line, koschei.ErrInvalid, fmt.Sprintf(format, args...))
}
