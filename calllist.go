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

// callEnd is where a list ended when somebody looked.
type callEnd struct {
	block *callBlock
	n     int // of its calls
}

// end returns where the list ends now. The caller holds both mus.
func (l *callList) end() callEnd {
	if l.spare == nil {
		l.spare, l.emptied = l.emptied, nil
	}
	if l.back == nil {
		return callEnd{}
	}
	return callEnd{l.back, l.back.n}
}

// trim drops calls from the front for as long as they are over. The caller holds the
// pool's mu.
func (l *callList) trim(end callEnd) {
	for b := l.front; b != nil; b = l.front {
		n := len(b.calls)
		if b == end.block {
			n = end.n
		}
		for l.from < n && b.calls[l.from].over() {
			b.calls[l.from] = nil
			l.from++
			l.dropped++
		}
		if l.from < n || b == end.block {
			return
		}
		l.front, l.from = b.next, 0
		b.n, b.next = 0, nil
		l.emptied = b
	}
}

// compact drops all calls that are over. The caller holds both mus.
func (l *callList) compact() {
	var rest callList
	l.each(func(c *call) {
		if !c.over() {
			rest.push(c)
		}
	})
	*l = rest
}

// each calls fn with every call. The caller holds both mus.
func (l *callList) each(fn func(*call)) {
	from := l.from
	for b := l.front; b != nil; b = b.next {
		for _, c := range b.calls[from:b.n] {
			fn(c)
		}
		from = 0
	}
}

// over says whether the call does not run any more and will not.
func (c *call) over() bool { return c.phase() >= phaseSettling }
