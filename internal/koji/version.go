package koji

import (
	"context"
	"fmt"
)

// A Version is which Koji a hub is.
type Version struct {
	Text  string // such as 1.35.3; "" of a hub that is too old to say
	minor int    // 35 of that
}

// tested is the newest version that the client is held to by recordings.
const tested = 35

// Version asks the hub which Koji it is. Hubs before 1.23 do not know.
func (c *Client) Version(ctx context.Context) (Version, error) {
	var v Version
	err := c.read(ctx, &v.Text, "getKojiVersion")
	if isFault(err, codeGeneric) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	if _, err := fmt.Sscanf(v.Text, "1.%d", &v.minor); err != nil {
		return v, fmt.Errorf("getKojiVersion: %q is no version of Koji 1", v.Text)
	}
	return v, nil
}

// String is the version as people are told.
func (v Version) String() string {
	if v.Text == "" {
		return "Koji before 1.23"
	}
	return "Koji " + v.Text
}

// MakesReposOnDemand tells whether every user may ask for repos, and builds do.
func (v Version) MakesReposOnDemand() bool { return v.minor >= 35 }

// Limits says what is different at a hub of this version, a clause each.
func (v Version) Limits() []string {
	var limits []string
	if v.minor < 31 {
		limits = append(limits, "sessions are in the addresses of calls: keep those out of the logs of proxies")
	}
	if v.minor < 35 {
		limits = append(limits, "it does not tell when repos were made, so their age is that of their event",
			"deleted repos are made again only for who has the permission regen-repo")
	}
	if v.minor >= 35 {
		limits = append(limits, "it makes repos on demand, so kojira must make those of the build tags, or Koschei asks for them")
	}
	if v.minor > tested {
		limits = append(limits, fmt.Sprintf("it is newer than what Koschei is tested with, 1.%d", tested))
	}
	return limits
}
