package repodata

// Limits of what is read; what exceeds one is bad input. They are an order of
// magnitude above the largest distributions of today, but for the window,
// which is zstd's own limit for ordinary decoders.
const (
	maxRepomd   = 4 << 20  // bytes of repomd.xml
	maxComps    = 64 << 20 // bytes of comps.xml, stored and unpacked
	maxPacked   = 1 << 30  // bytes of any other file, as stored
	maxUnpacked = 8 << 30  // bytes of any other file, unpacked
	maxWindow   = 128 << 20

	maxPackages  = 1 << 20  // in one repository
	maxRelations = 32 << 20 // of all its packages: what they provide, require and so on, and their files
	maxEntries   = 1 << 18  // of one package: what it provides, requires and so on, and its files in primary.xml
	maxElement   = 32 << 20 // bytes of one tag, one text, or one <package> of primary.xml
	maxDepth     = 64       // elements inside elements
	maxGroups    = 1 << 14  // groups of one comps.xml
	maxMembers   = 1 << 20  // group members of one comps.xml
)
