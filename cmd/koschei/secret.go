package main

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// Addresses may hold passwords in all forms that libpq knows: user:password@ and
// ?password= in a URL, and password= among key=value pairs.
var (
	keyValue      = regexp.MustCompile(`(\w+)(\s*=\s*)('(?:[^'\\]|\\.)*'?|(?:[^\s'\\]|\\.)+)`)
	passwordQuery = regexp.MustCompile(`(?i)([?&][^=&#]*password=)[^&#]*`)
	passwordUser  = regexp.MustCompile(`^([^:/?#]+://[^:@/?#]*):.*@`)
)

const hidden = "xxxxx"

// hidePassword leaves passwords out of an address.
func hidePassword(address string) string {
	if !strings.Contains(address, "://") {
		return keyValue.ReplaceAllStringFunc(address, func(pair string) string {
			if parts := keyValue.FindStringSubmatch(pair); isPassword(parts[1]) {
				return parts[1] + parts[2] + hidden
			}
			return pair
		})
	}
	address = passwordQuery.ReplaceAllString(address, "${1}"+hidden)
	if u, err := url.Parse(address); err == nil && (u.User != nil || !strings.Contains(address, "@")) {
		return u.Redacted()
	}
	// Such as a password with a character that has a meaning in URLs.
	return passwordUser.ReplaceAllString(address, "${1}:"+hidden+"@")
}

func isPassword(key string) bool { return strings.Contains(strings.ToLower(key), "password") }

// hidePasswords leaves passwords out of every address of a configuration.
func hidePasswords(c *config) {
	c.Database.URL, c.Bus.URL = hidePassword(c.Database.URL), hidePassword(c.Bus.URL)
	hideIn(reflect.ValueOf(c).Elem())
}

func hideIn(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.Kind() == reflect.String && strings.Contains(f.String(), "://"):
			f.SetString(hidePassword(f.String()))
		case f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[time.Time]():
			hideIn(f)
		}
	}
}

// checkShown refuses a password in an address that pages show.
func checkShown(c *config) error {
	for _, a := range []struct{ key, address string }{
		{"koji.topurl", c.Koji.TopURL},
		{"koji.weburl", c.Koji.WebURL},
		{"secondary_koji.topurl", c.Secondary.TopURL},
		{"secondary_koji.weburl", c.Secondary.WebURL},
	} {
		if hidePassword(a.address) != a.address {
			return keyErrorf(a.key, "holds a password, and pages have links to it")
		}
	}
	return nil
}

// withoutPassword takes the password out of the address of a database, for who
// hands it to another program.
func withoutPassword(address string) (rest, password string, err error) {
	if !strings.Contains(address, "://") {
		rest = keyValue.ReplaceAllStringFunc(address, func(pair string) string {
			parts := keyValue.FindStringSubmatch(pair)
			if parts[1] != "password" {
				return pair
			}
			password = unquote(parts[3])
			return ""
		})
	} else {
		u, err := url.Parse(address)
		if err != nil {
			return "", "", errors.New("database.url is no postgres:// address")
		}
		password, _ = u.User.Password()
		if u.User != nil {
			u.User = url.User(u.User.Username())
		}
		query := u.Query()
		if inQuery := query.Get("password"); inQuery != "" {
			password = inQuery
			query.Del("password")
			u.RawQuery = query.Encode()
		}
		rest = u.String()
	}
	if hidePassword(rest) != rest {
		return "", "", errors.New("database.url holds a password that everybody who lists processes would see; put the key into a file without one")
	}
	return rest, password, nil
}

var escaped = regexp.MustCompile(`\\(.)`)

// unquote is what libpq takes a value for.
func unquote(value string) string {
	if strings.HasPrefix(value, "'") {
		value = strings.TrimSuffix(value[1:], "'")
	}
	return escaped.ReplaceAllString(value, "$1")
}

// quote is the other way round.
func quote(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

// warnOfReadable says which secrets everybody on the machine can read.
func warnOfReadable(ctx context.Context, c config, log *slog.Logger) {
	const others = 0o004
	files := []string{c.Database.PasswordFile, c.Koji.PasswordFile, c.Koji.Certificate, c.Koji.Keytab, c.Bus.Key, c.Frontend.Login.OIDC.ClientSecretFile, c.Notifier.Mail.PasswordFile}
	for _, w := range c.Notifier.Webhooks {
		files = append(files, w.SecretFile)
	}
	for _, file := range files {
		if info, err := os.Stat(file); file != "" && err == nil && info.Mode()&others != 0 {
			log.WarnContext(ctx, "everybody can read a file with a secret", "file", file, "mode", info.Mode().Perm().String())
		}
	}
}
