package kojisim

// A user is someone who may log in.
type user struct {
	id         int
	name       string
	blocked    bool // may not log in
	kind       int  // 0 normal, 1 host
	password   string
	principals []string
	perms      []string
}

// has reports whether the user has a permission; an administrator has all.
func (u *user) has(perm string) bool {
	for _, p := range u.perms {
		if p == perm || p == "admin" {
			return true
		}
	}
	return false
}
