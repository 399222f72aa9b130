package exectest

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/potok-go/potok/internal/wire"
)

// What crosses between the two sides of a Wire: a head as JSON, with its length
// in front, and a payload behind it, the argument or the result, as internal/wire
// writes it and the errors in the heads. The near side sends a callFrame and
// perhaps an endFrame, the far side one answerFrame.

type callFrame struct {
	Task string
	// Remains is how long it is until the deadline; 0: there is none. Not the
	// deadline itself: of two clocks one is ahead, and a far side that answers
	// before the near one knows its deadline for over makes a failure of a cancel.
	Remains time.Duration
}

// endFrame ends the far context. Why matches what the near one ended with.
type endFrame struct{ Why []byte }

// answerFrame ends the call. The result is there also beside an error, but for a
// panic.
type answerFrame struct{ Err []byte } // nil: none

// packError makes bytes of an error, which may be nil.
func packError(err error) []byte {
	if err == nil {
		return nil
	}
	return wire.AppendError(nil, err)
}

// unpackError makes an error of them again.
func unpackError(b []byte) error {
	if b == nil {
		return nil
	}
	far, err := wire.DecodeError(b)
	if err != nil {
		panic("exectest: " + err.Error())
	}
	return far
}

// pack makes a frame of a head and its payload.
func pack(head any, payload []byte) []byte {
	b, err := json.Marshal(head)
	if err != nil {
		panic("exectest: " + err.Error())
	}
	frame := binary.AppendUvarint(nil, uint64(len(b)))
	return append(append(frame, b...), payload...)
}

// unpack decodes the head of a frame and returns its payload.
func unpack(frame []byte, head any) (payload []byte) {
	n, used := binary.Uvarint(frame)
	frame = frame[used:]
	if err := json.Unmarshal(frame[:n], head); err != nil {
		panic("exectest: " + err.Error())
	}
	return frame[n:]
}
