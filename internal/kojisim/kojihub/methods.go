package kojihub

// methods are all that the hub can be asked for, by name. The signatures are
// Koji's, which its faults quote.
func methods() map[string]*method {
	out := map[string]*method{}
	for _, add := range []func(map[string]*method){
		basicMethods, sessionMethods, tagMethods, externalRepoMethods, packageMethods, buildMethods, historyMethods, rpmMethods,
		repoMethods, taskMethods, hostMethods,
	} {
		add(out)
	}
	return out
}
