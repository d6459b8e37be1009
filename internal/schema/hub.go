package schema

// PinningRetried is since when hubs are to be asked again for builds in repos of
// our choice, in table hub_refusal.
const PinningRetried = "pinning retried"
