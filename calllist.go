package potok

// callList holds the calls of a scope in about the order in which they end, so that
// those that are over can be dropped from its front. Submitters push under the inbox's
// mu and workers drop under the pool's, so neither waits for the other.
type callList struct {
	// Guarded by the inbox's mu; the first block is read under the pool's too.
	back   *callBlock
	pushed int
	spare  *callBlock

	// Guarded by the pool's mu.
	front   *callBlock // nil: none was seen yet
	from    int        // calls of front dropped
	dropped int
	emptied *callBlock // spare from the next look on
}

// callBlock fills a size class of Go's allocator: 512 bytes.
type callBlock struct {
	calls [62]*call
	n     int
	next  *callBlock
}

// push adds a call. The caller holds the inbox's mu.
func (l *callList) push(c *call) {
	b := l.back
	if b == nil || b.n == len(b.calls) {
		b = l.spare
		l.spare = nil
		if b == nil {
			b = new(callBlock)
		}
		if l.back == nil {
			l.front = b // the pool's mu does not matter: nobody has looked yet
		} else {
			l.back.next = b
		}
		l.back = b
	}
	b.calls[b.n] = c
	b.n++
	l.pushed++
}

// callEnd is where a list ended, and how many were in, when somebody looked.
type callEnd struct {
	block *callBlock
	n     int // of its calls
	in    int
}

// end returns where the list ends now. The caller holds both mus.
func (l *callList) end() callEnd {
	if l.spare == nil {
		l.spare, l.emptied = l.emptied, nil
	}
	if l.back == nil {
		return callEnd{}
	}
	return callEnd{l.back, l.back.n, l.pushed - l.dropped}
}

// until returns those calls of a block that are before the end.
func (b *callBlock) until(end callEnd) []*call {
	if b == end.block {
		return b.calls[:end.n]
	}
	return b.calls[:]
}

// clean drops calls that are over: those at the front, and if more than most are left
// then, wherever they are. The caller holds the pool's mu.
func (l *callList) clean(end callEnd, most int) {
	before := l.dropped
	l.trim(end)
	if end.in-(l.dropped-before) <= most {
		return
	}
	var last *callBlock
	for b := l.front; b != nil; {
		left := false
		for i, c := range b.until(end) {
			if c != nil && c.over() {
				b.calls[i] = nil
				l.dropped++
			} else if c != nil {
				left = true
			}
		}
		var next *callBlock
		if b != end.block { // at which submitters are
			next = b.next
		}
		if last != nil && !left && next != nil {
			last.next = next
		} else {
			last = b
		}
		b = next
	}
}

// trim drops calls from the front for as long as they are over.
func (l *callList) trim(end callEnd) {
	for b := l.front; b != nil; b = l.front {
		calls := b.until(end)
		for l.from < len(calls) && (calls[l.from] == nil || calls[l.from].over()) {
			if calls[l.from] != nil {
				calls[l.from] = nil
				l.dropped++
			}
			l.from++
		}
		if l.from < len(calls) || b == end.block {
			return
		}
		l.front, l.from = b.next, 0
		b.n, b.next = 0, nil
		l.emptied = b
	}
}

// each calls fn with every call. The caller holds both mus.
func (l *callList) each(fn func(*call)) {
	for b := l.front; b != nil; b = b.next {
		for _, c := range b.calls[:b.n] {
			if c != nil {
				fn(c)
			}
		}
	}
}

// over says whether the call does not run any more and will not.
func (c *call) over() bool { return c.phase() >= phaseSettling }
