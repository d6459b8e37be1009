package kojisim

// A User is someone who may log in.
type User struct {
	ID         int
	Name       string
	Blocked    bool // may not log in
	Kind       int  // 0 normal, 1 host
	Password   string
	Principals []string
	Perms      []string
}

// Has reports whether the user has a permission; an administrator has all.
func (u *User) Has(perm string) bool {
	for _, p := range u.Perms {
		if p == perm || p == "admin" {
			return true
		}
	}
	return false
}
