package potok

// addLive notes that a running call has a context to end. False: Close began.
func (p *Pool) addLive(x *extension) bool {
	p.live.Lock()
	defer p.live.Unlock()
	if p.live.closed {
		return false
	}
	x.isLive = true
	x.nextLive = p.live.head
	if x.nextLive != nil {
		x.nextLive.prevLive = x
	}
	p.live.head = x
	return true
}

// dropLive takes it back.
func (p *Pool) dropLive(x *extension) {
	p.live.Lock()
	defer p.live.Unlock()
	if !x.isLive {
		return
	}
	x.isLive = false
	if x.prevLive != nil {
		x.prevLive.nextLive = x.nextLive
	} else {
		p.live.head = x.nextLive
	}
	if x.nextLive != nil {
		x.nextLive.prevLive = x.prevLive
	}
	x.nextLive, x.prevLive = nil, nil
}

// takeLive returns all of them; from now on there are none.
func (p *Pool) takeLive() []*extension {
	p.live.Lock()
	defer p.live.Unlock()
	p.live.closed = true
	var all []*extension
	for x := p.live.head; x != nil; x = x.nextLive {
		all = append(all, x)
	}
	return all
}
