package v2

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/koschei-ci/koschei"
	"github.com/koschei-ci/koschei/internal/web"
)

// An object is one of JSON.
type object = map[string]any

// Describe returns the description of the API, OpenAPI 3.1, made from the types that
// requests are read into and answers are made of.
func (a *API) Describe() ([]byte, error) {
	d := &describer{schemas: object{}, types: map[string]reflect.Type{}}
	paths := object{}
	for i := range a.operations {
		o := &a.operations[i]
		path, _ := paths[o.Pattern].(object)
		if path == nil {
			path = object{}
			paths[o.Pattern] = path
		}
		path[strings.ToLower(o.Method)] = d.operation(o)
	}
	d.schema(reflect.TypeFor[web.ProblemDetails]())
	text, err := json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Koschei", "version": "2",
			"description": "What Koschei knows, and what people decide. Errors are problem details (RFC 9457).",
		},
		"paths": paths,
		"components": object{
			"schemas": d.schemas,
			"securitySchemes": object{
				"token":   object{"type": "http", "scheme": "bearer"},
				"session": object{"type": "apiKey", "in": "cookie", "name": "koschei-session"},
			},
		},
	}, "", "  ")
	if d.failed != nil {
		err = d.failed
	}
	return append(text, '\n'), err
}

// A describer collects the schemas of types.
type describer struct {
	schemas object
	types   map[string]reflect.Type
	failed  error
}

func (d *describer) operation(o *operation) object {
	content := object{"application/json": object{"schema": d.schema(o.out)}}
	if o.lines {
		content = object{"application/x-ndjson": object{"schema": d.schema(o.out)}}
	}
	status := "200"
	if o.created {
		status = strconv.Itoa(http.StatusCreated)
	}
	told := object{
		"operationId": strings.ReplaceAll(strings.TrimPrefix(o.Label, "api v2 "), " ", "-"),
		"summary":     o.summary,
		"responses": object{
			status:    object{"description": "done", "content": content},
			"default": object{"description": "refused or failed", "content": object{"application/problem+json": object{"schema": object{"$ref": "#/components/schemas/ProblemDetails"}}}},
		},
	}
	if o.Access != web.Public {
		told["security"] = []object{{"token": []string{string(o.Scope)}}, {"session": []string{}}}
	}
	d.input(told, o)
	return told
}

// input describes what is asked.
func (d *describer) input(told object, o *operation) {
	parameters := []object{}
	for i := range o.in.NumField() {
		field := o.in.Field(i)
		if field.Name == "Body" {
			told["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": d.schema(field.Type)}}}
			if o.Method == http.MethodPost {
				parameters = append(parameters, object{
					"name": keyHeader, "in": "header", "schema": object{"type": "string"},
					"description": "makes the same request once only, however often it is sent within a day",
				})
			}
			continue
		}
		p := object{"schema": d.described(field)}
		if name, ok := field.Tag.Lookup("path"); ok {
			p["name"], p["in"], p["required"] = name, "path", true
		} else {
			p["name"], p["in"] = field.Tag.Get("query"), "query"
		}
		if doc := field.Tag.Get("doc"); doc != "" {
			p["description"] = doc
		}
		parameters = append(parameters, p)
	}
	if len(parameters) > 0 {
		told["parameters"] = parameters
	}
}

// described is the schema of a field with what its tags say.
func (d *describer) described(field reflect.StructField) object {
	s := d.schema(field.Type)
	if enum := field.Tag.Get("enum"); enum != "" {
		s["enum"] = strings.Split(enum, ",")
	}
	for tag, key := range map[string]string{"min": "minimum", "max": "maximum"} {
		if n, err := strconv.ParseInt(field.Tag.Get(tag), 10, 64); err == nil {
			s[key] = n
		}
	}
	if text, ok := field.Tag.Lookup("default"); ok {
		s["default"] = text
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			s["default"] = n
		}
	}
	return s
}

// values are those of types that have few.
var values = map[reflect.Type][]string{
	reflect.TypeFor[koschei.State](): states(),
	reflect.TypeFor[koschei.Outcome](): {
		string(koschei.OutcomeSubmitting), string(koschei.OutcomeRunning), string(koschei.OutcomeComplete), string(koschei.OutcomeFailed),
		string(koschei.OutcomeCanceled), string(koschei.OutcomeTimeout), string(koschei.OutcomeInfrastructure), string(koschei.OutcomeLost),
	},
	reflect.TypeFor[koschei.TokenScope](): {
		string(koschei.TokenRead), string(koschei.TokenPackages), string(koschei.TokenGroups), string(koschei.TokenFollow), string(koschei.TokenAdmin),
	},
}

func states() []string {
	return []string{
		string(koschei.StateOK), string(koschei.StateFailing), string(koschei.StateUnresolved), string(koschei.StateUnknown),
		string(koschei.StateUntracked), string(koschei.StateBlocked),
	}
}

// schema is that of a type. Structs are described once, by name.
func (d *describer) schema(t reflect.Type) object {
	if few, ok := values[t]; ok {
		return object{"type": "string", "enum": few}
	}
	if t == reflect.TypeFor[time.Time]() {
		return object{"type": "string", "format": "date-time"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.schema(t.Elem())
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint32:
		return object{"type": "integer", "format": "int64"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": "array", "items": d.schema(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": d.schema(t.Elem())}
	case reflect.Struct:
		return d.named(t)
	}
	d.failed = fmt.Errorf("type %s cannot be described", t)
	return object{}
}

// parts of the names of generic types that are not part of a name in a description.
var brackets = regexp.MustCompile(`\[.*\.|\]`)

func (d *describer) named(t reflect.Type) object {
	name := brackets.ReplaceAllString(t.Name(), "")
	ref := object{"$ref": "#/components/schemas/" + name}
	if known, ok := d.types[name]; ok {
		if known != t {
			d.failed = fmt.Errorf("two types are named %s", name)
		}
		return ref
	}
	d.types[name] = t
	properties, required := object{}, []string{}
	d.fields(t, properties, &required)
	schema := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	d.schemas[name] = schema
	return ref
}

func (d *describer) fields(t reflect.Type, properties object, required *[]string) {
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Anonymous {
			d.fields(field.Type, properties, required)
			continue
		}
		s := d.described(field)
		if doc := field.Tag.Get("doc"); doc != "" {
			s["description"] = doc
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		properties[name] = s
		optional := strings.Contains(options, "omit") || field.Type.Kind() == reflect.Pointer
		if field.Tag.Get("required") == "true" || !optional {
			*required = append(*required, name)
		}
	}
}
