package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// A frame is what goes over a bare pipe for a call, and back: a length and a number.
const frameSize = 4 + 8

func putFrame(frame []byte, x int) {
	binary.LittleEndian.PutUint32(frame, frameSize-4)
	binary.LittleEndian.PutUint64(frame[4:], uint64(x))
}

func frameOf(frame []byte) (int, error) {
	if n := binary.LittleEndian.Uint32(frame); n != frameSize-4 {
		return 0, fmt.Errorf("a frame of %d bytes", n)
	}
	return int(binary.LittleEndian.Uint64(frame[4:])), nil
}

// answerFrames is the part at the other end of the pipes. It adds 1, and writes when
// it has read all that is there.
func answerFrames([]string) error {
	const room = 64 << 10
	in, out := bufio.NewReaderSize(os.Stdin, room), bufio.NewWriterSize(os.Stdout, room)
	frame := make([]byte, frameSize)
	for {
		if _, err := io.ReadFull(in, frame); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		x, err := frameOf(frame)
		if err != nil {
			return err
		}
		putFrame(frame, x+1)
		if _, err := out.Write(frame); err != nil {
			return err
		}
		if in.Buffered() >= frameSize {
			continue
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

// A pipeEnd is our end of the pipes to a process that answers frames.
type pipeEnd struct {
	to, from *os.File
	far      *child
}

func openPipe(shop *workshop) (*pipeEnd, error) {
	answering, err := playing("pipe")
	if err != nil {
		return nil, err
	}
	theirIn, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirIn.Close()
	from, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, to.Close())
	}
	defer theirOut.Close()
	answering.stdin, answering.stdout = theirIn, theirOut
	far, err := shop.start(answering)
	if err != nil {
		return nil, errors.Join(err, to.Close(), from.Close())
	}
	p := &pipeEnd{to, from, far}
	if err := p.trip(0); err != nil { // it has started
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *pipeEnd) close() error {
	return errors.Join(p.to.Close(), p.far.end(), p.from.Close())
}

// trip sends a frame there and has it back.
func (p *pipeEnd) trip(x int) error {
	got, err := p.next(x)
	if err == nil && got != x+1 {
		err = fmt.Errorf("after %d comes %d", x, got)
	}
	return err
}

func (p *pipeEnd) next(x int) (int, error) {
	var frame [frameSize]byte
	putFrame(frame[:], x)
	if _, err := p.to.Write(frame[:]); err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(p.from, frame[:]); err != nil {
		return 0, err
	}
	return frameOf(frame[:])
}

func dialPipe(shop *workshop) (connection, error) {
	p, err := openPipe(shop)
	if err != nil {
		return connection{}, err
	}
	return connection{trip: trips(p.next), hangUp: p.close}, nil
}

// manyByPipe sends n frames, many with each write, and reads the answers meanwhile.
func manyByPipe(shop *workshop, n int) (s sample, err error) {
	p, err := openPipe(shop)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	out := make([]int, n)
	return again(n, func() (func() error, error) {
		written := make(chan error, 1)
		go func() { written <- p.write(n) }() // waited for below
		err := p.read(out)
		if err != nil {
			p.to.Close() // so that the writer ends; closing it again is an error beside this one
		}
		return func() error { return counted(out, 1) }, errors.Join(err, <-written)
	})
}

// write writes the frames of 0, 1, 2 and so on.
func (p *pipeEnd) write(n int) error {
	const atOnce = 128
	buffer := make([]byte, 0, atOnce*frameSize)
	for x := range n {
		buffer = buffer[:len(buffer)+frameSize]
		putFrame(buffer[len(buffer)-frameSize:], x)
		if len(buffer) < cap(buffer) && x < n-1 {
			continue
		}
		if _, err := p.to.Write(buffer); err != nil {
			return err
		}
		buffer = buffer[:0]
	}
	return nil
}

func (p *pipeEnd) read(out []int) error {
	const room = 64 << 10
	in := bufio.NewReaderSize(p.from, room)
	var frame [frameSize]byte
	for i := range out {
		_, err := io.ReadFull(in, frame[:])
		if err != nil {
			return err
		}
		if out[i], err = frameOf(frame[:]); err != nil {
			return err
		}
	}
	return nil
}
