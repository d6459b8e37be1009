package kojisim

// AddChannel makes a channel.
func (w *System) AddChannel(name string) *Channel {
	c := &Channel{ID: len(w.Channels) + 1, Name: name}
	w.Channels = append(w.Channels, c)
	return c
}

// AddHost makes a host that is enabled and has checked in.
func (w *System) AddHost(name string, arches []string, capacity float64, channels ...*Channel) *Host {
	h := &Host{
		ID: len(w.Hosts) + 1, Name: name, Arches: arches, Capacity: capacity, Channels: channels,
		Enabled: true, Ready: true, Updated: w.Now,
	}
	h.User = w.AddUser(User{Name: name, Kind: 1})
	w.Hosts = append(w.Hosts, h)
	return h
}

// checkIn keeps the hosts' last sign of life young.
func (w *System) checkIn() {
	for _, h := range w.Hosts {
		if h.Ready {
			h.Updated = w.Now
		}
	}
}
