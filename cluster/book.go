package cluster

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// A book is what a client knows of a run with a name. It is guarded by the client's mu.
type book struct {
	seen   map[hash]uint32 // how many equal calls there were
	stored map[hash]stored // results that no call of this client has asked for so far
}

// A hash is the name of a call in a run: of its task, its argument, and how many equal ones came before it.
type hash [16]byte

type stored struct {
	sequence  uint64
	cancelled bool // there is no result
}

func newBook() *book {
	return &book{seen: make(map[hash]uint32), stored: make(map[hash]stored)}
}

// next returns the name of the next call of a task with this argument.
func (b *book) next(task string, in []byte) hash {
	sum := sha256.New()
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(task)))
	sum.Write(size[:])
	sum.Write([]byte(task))
	sum.Write(in)
	var first hash
	copy(first[:], sum.Sum(nil))
	k := b.seen[first]
	b.seen[first]++
	if k == 0 {
		return first
	}
	again := sha256.Sum256(binary.BigEndian.AppendUint32(first[:], k))
	return hash(again[:len(hash{})])
}

func (h hash) String() string { return hex.EncodeToString(h[:]) }

func parseHash(s string) (h hash, ok bool) {
	n, err := hex.Decode(h[:], []byte(s[:min(len(s), 2*len(h))]))
	return h, err == nil && n == len(h) && len(s) == 2*len(h)
}
