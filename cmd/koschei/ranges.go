package main

import (
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// A keyError says what is wrong with the value of a key.
type keyError struct{ key, said string }

func (e *keyError) Error() string { return e.key + " " + e.said }

func keyErrorf(key, format string, args ...any) error {
	return &keyError{key, fmt.Sprintf(format, args...)}
}

// check reports the first value that makes no sense, with its key.
func (c *config) check() error {
	if err := checkRanges("", reflect.ValueOf(c).Elem()); err != nil {
		return err
	}
	if p := c.Priorities; p.T0 >= p.T1 {
		return keyErrorf("priorities.t0", "is %v: it must be less than t1, %v", p.T0, p.T1)
	}
	if err := c.Frontend.Policy.policy().Validate(); err != nil {
		return fmt.Errorf("frontend.policy: %w", err)
	}
	if err := checkShown(c); err != nil {
		return err
	}
	if err := c.Owners.check(); err != nil {
		return err
	}
	if _, err := c.Frontend.limits(); err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		return keyErrorf("log.level", "is %q: it must be debug, info, warn or error", c.Log.Level)
	}
	if f := strings.ToLower(c.Log.Format); f != "text" && f != "json" {
		return keyErrorf("log.format", "is %q: it must be text or json", c.Log.Format)
	}
	if f := c.Frontend.Frontpage; f != "overview" && f != "packages" {
		return fmt.Errorf("frontend.frontpage is %q: it must be overview or packages", f)
	}
	return nil
}

// checkRanges holds the fields of v, which has the key prefix, to their range
// tags, and so those of what lists in it have. Every number has one.
func checkRanges(prefix string, v reflect.Value) error {
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		key := prefix + f.Tag.Get("yaml")
		if value.Kind() == reflect.Struct && f.Type != reflect.TypeFor[time.Time]() {
			if err := checkRanges(key+".", value); err != nil {
				return err
			}
			continue
		}
		if value.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
			for n := range value.Len() {
				if err := checkRanges(fmt.Sprintf("%s, number %d: ", key, n+1), value.Index(n)); err != nil {
					return err
				}
			}
			continue
		}
		number, isNumber := asNumber(value)
		if !isNumber {
			continue
		}
		least, most, _ := strings.Cut(f.Tag.Get("range"), " ")
		from, to := bound(f.Type, least), bound(f.Type, most)
		if !(number >= from && number <= to) { // NaN is neither
			return keyErrorf(key, "is %v: it must be from %s to %s", value.Interface(), least, most)
		}
	}
	return nil
}

func asNumber(v reflect.Value) (n float64, ok bool) {
	switch {
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return 0, false
}

// bound reads one side of a range tag.
func bound(t reflect.Type, text string) float64 {
	if t == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(text)
		if err != nil {
			panic("cannot happen: range tag: " + err.Error())
		}
		return float64(d)
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic("cannot happen: range tag: " + err.Error())
	}
	return n
}
