package xmlrpc

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

// An Unmarshaler reads itself from a value; nil is among the values it gets.
type Unmarshaler interface {
	UnmarshalXMLRPC(value any) error
}

// Unmarshal stores a value in what dst points to.
//
// A struct goes into a Go struct by the tags `koji:"name"` of its fields and of
// embedded structs: members without a field are ignored, fields without a member stay as they
// are. A struct also goes into a map with string keys. nil makes a pointer,
// slice, map or interface nil and anything else zero: where the difference
// matters, the field is a pointer. An integer goes into a float64 too. A number
// goes into a time.Time as seconds since 1970, a string as the hub prints
// times. A field of type any takes the value as it is. Any other mismatch is an
// error that names the member, such as [3].request[0].
func Unmarshal(value, dst any) error {
	return NewMapper().Unmarshal(value, dst)
}

// A Mapper is Unmarshal for many values: it looks at each Go type only once.
// It is not safe for concurrent use.
type Mapper struct {
	fields map[reflect.Type]map[string][]int // paths of fields by member name
}

// NewMapper returns a Mapper.
func NewMapper() *Mapper {
	return &Mapper{fields: make(map[reflect.Type]map[string][]int)}
}

// Unmarshal does what the function Unmarshal does.
func (m *Mapper) Unmarshal(value, dst any) error {
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		panic(fmt.Sprintf("xmlrpc: Unmarshal into %T", dst))
	}
	if mismatch := m.store(value, v.Elem()); mismatch != nil {
		return mismatch
	}
	return nil
}

// A mismatch is a value that does not fit where it should go.
type mismatch struct {
	path string
	msg  string
}

func (e *mismatch) Error() string {
	if e.path == "" {
		return e.msg
	}
	return e.path + ": " + e.msg
}

func below(step string, err *mismatch) *mismatch {
	if err == nil {
		return nil
	}
	if err.path != "" && err.path[0] != '[' {
		step += "."
	}
	err.path = step + err.path
	return err
}

func (m *Mapper) store(value any, dst reflect.Value) *mismatch {
	if u, ok := dst.Addr().Interface().(Unmarshaler); ok {
		if err := u.UnmarshalXMLRPC(value); err != nil {
			return &mismatch{msg: err.Error()}
		}
		return nil
	}
	if value == nil {
		dst.SetZero()
		return nil
	}
	if same := reflect.ValueOf(value); same.Type() == dst.Type() {
		dst.Set(same)
		return nil
	}
	if at, ok := dst.Addr().Interface().(*time.Time); ok {
		return storeTime(value, at)
	}
	switch dst.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(dst.Type().Elem())
		if err := m.store(value, fresh.Elem()); err != nil {
			return err
		}
		dst.Set(fresh)
		return nil
	case reflect.Struct:
		if members, ok := value.(Struct); ok {
			return m.storeFields(members, dst)
		}
	case reflect.Map:
		if members, ok := value.(Struct); ok {
			return m.storeMap(members, dst)
		}
	case reflect.Slice:
		if list, ok := value.([]any); ok {
			return m.storeSlice(list, dst)
		}
		if data, ok := value.([]byte); ok && dst.Type().Elem().Kind() == reflect.Uint8 {
			dst.SetBytes(data)
			return nil
		}
	default:
		if storeScalar(value, dst) {
			return nil
		}
	}
	return &mismatch{msg: fmt.Sprintf("%s where %s was expected", kindOf(value), dst.Type())}
}

func storeScalar(value any, dst reflect.Value) bool {
	switch dst.Kind() {
	case reflect.Interface:
		dst.Set(reflect.ValueOf(value))
		return true
	case reflect.String:
		s, ok := value.(string)
		dst.SetString(s)
		return ok
	case reflect.Bool:
		b, ok := value.(bool)
		dst.SetBool(b)
		return ok
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Int16, reflect.Int8:
		n, ok := value.(int64)
		if !ok || dst.OverflowInt(n) {
			return false
		}
		dst.SetInt(n)
		return true
	case reflect.Float64:
		switch n := value.(type) {
		case float64:
			dst.SetFloat(n)
			return true
		case int64:
			dst.SetFloat(float64(n))
			return math.Abs(float64(n)) <= 1<<53
		}
	}
	return false
}

// The hub prints times in the zone of its database; older ones without saying
// which, and then it is UTC.
const (
	timeLayout    = "2006-01-02 15:04:05.999999999Z07:00"
	timeLayoutUTC = "2006-01-02 15:04:05.999999999"
)

func storeTime(value any, dst *time.Time) *mismatch {
	switch v := value.(type) {
	case float64:
		// A double holds today's seconds to a quarter of a microsecond.
		if math.Abs(v) < 1e12 {
			*dst = time.UnixMicro(int64(math.Round(v * 1e6))).UTC()
			return nil
		}
	case int64:
		*dst = time.Unix(v, 0).UTC()
		return nil
	case string:
		for _, layout := range []string{timeLayout, timeLayoutUTC} {
			if at, err := time.Parse(layout, v); err == nil {
				*dst = at.UTC()
				return nil
			}
		}
	}
	return &mismatch{msg: fmt.Sprintf("%s where a time was expected", kindOf(value))}
}

func (m *Mapper) storeFields(members Struct, dst reflect.Value) *mismatch {
	fields, ok := m.fields[dst.Type()]
	if !ok {
		fields = make(map[string][]int)
		addFields(fields, dst.Type(), nil)
		m.fields[dst.Type()] = fields
	}
	for _, member := range members {
		path, ok := fields[member.Name]
		if !ok {
			continue
		}
		if err := m.store(member.Value, dst.FieldByIndex(path)); err != nil {
			return below(member.Name, err)
		}
	}
	return nil
}

func addFields(fields map[string][]int, t reflect.Type, above []int) {
	for i := range t.NumField() {
		field := t.Field(i)
		path := append(append([]int{}, above...), i)
		if name := field.Tag.Get("koji"); name != "" {
			fields[name] = path
		} else if field.Anonymous && field.Type.Kind() == reflect.Struct {
			addFields(fields, field.Type, path)
		}
	}
}

func (m *Mapper) storeMap(members Struct, dst reflect.Value) *mismatch {
	result := reflect.MakeMapWithSize(dst.Type(), len(members))
	for _, member := range members {
		element := reflect.New(dst.Type().Elem()).Elem()
		if err := m.store(member.Value, element); err != nil {
			return below("["+strconv.Quote(member.Name)+"]", err)
		}
		result.SetMapIndex(reflect.ValueOf(member.Name).Convert(dst.Type().Key()), element)
	}
	dst.Set(result)
	return nil
}

func (m *Mapper) storeSlice(list []any, dst reflect.Value) *mismatch {
	result := reflect.MakeSlice(dst.Type(), len(list), len(list))
	for i, value := range list {
		if err := m.store(value, result.Index(i)); err != nil {
			return below("["+strconv.Itoa(i)+"]", err)
		}
	}
	dst.Set(result)
	return nil
}

// kindOf names the type of a value for a message.
func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "nil"
	case bool:
		return "a boolean"
	case int64:
		return "an integer"
	case float64:
		return "a double"
	case string:
		return "a string"
	case DateTime:
		return "a date"
	case []byte:
		return "binary data"
	case []any:
		return "an array"
	case Struct:
		return "a struct"
	default:
		return fmt.Sprintf("%T", value)
	}
}
