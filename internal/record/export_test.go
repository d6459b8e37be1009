package record

// Retagged looks for builds that do not follow the tagged ones; see SaveTagged.
const Retagged = retagged
