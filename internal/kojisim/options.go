package kojisim

// Options are named values in the order in which they were given.
type Options []Option

// An Option is one of Options.
type Option struct {
	Name  string
	Value any
}

// Get returns the option with a name, nil if it was not given. Of several with
// one name the last counts.
func (o Options) Get(name string) any {
	for i := len(o) - 1; i >= 0; i-- {
		if o[i].Name == name {
			return o[i].Value
		}
	}
	return nil
}

// Whole reads a number that came as an integer or as a double; 0 if v is none.
func Whole(v any) int {
	switch v := v.(type) {
	case int64:
		return int(v)
	case int:
		return v
	case float64:
		return int(v)
	}
	return 0
}
