package progress

import (
	"io"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/term"

	"github.com/potok-go/potok"
)

// Whoever calls what is here has the turn, save New, which has the only reference.

// moment is what there is to show.
func (b *Bar) moment(now time.Time) moment {
	return moment{
		count:   b.forward.Load() + b.back.Load(),
		total:   b.total,
		elapsed: now.Sub(b.start).Seconds(),
		rate:    b.pace.rate(),
	}
}

// frame makes buf a line over the one that is shown.
func (b *Bar) frame(m moment) {
	b.buf = b.buf[:0]
	b.redraw(m)
}

// redraw adds such a line to buf.
func (b *Bar) redraw(m moment) {
	limit := b.limit()
	columns := limit
	if b.columns == 0 {
		columns = 0
	}
	line := b.line(m, columns)
	if limit > 0 && width(line) > limit { // without a bar it is not cut yet
		line = cut(line, limit)
	}
	b.buf = append(append(b.buf, '\r'), line...)
	w := width(line)
	b.blanks(w, b.shown, limit)
	b.shown = w
}

// wipe makes buf blanks over the line that is shown.
func (b *Bar) wipe() {
	b.buf = append(b.buf[:0], '\r')
	b.blanks(0, b.shown, b.limit())
	b.buf = append(b.buf, '\r')
	b.shown = 0
}

// blanks adds blanks from one column to another, but none beyond the limit.
func (b *Bar) blanks(from, to, limit int) {
	if limit > 0 {
		to = min(to, limit)
	}
	for range to - from {
		b.buf = append(b.buf, ' ')
	}
}

// limit is how wide a line may be: as given or, so that it is right after the window was resized, as the terminal says now.
func (b *Bar) limit() int {
	if b.columns > 0 {
		return b.columns
	}
	return terminalWidth(b.output)
}

// write gives buf and the turn to a goroutine that writes, and waits for it until it is late. Then it returns false, and the
// turn comes back whenever the output has taken buf. Close waits for the turn, and so for the goroutine.
func (b *Bar) write(late *time.Timer) bool {
	written := make(chan struct{})
	go func() {
		defer close(written)
		defer b.release()
		defer func() {
			if v := recover(); v != nil { // on a goroutine of ours it would end the program
				b.fail(&potok.PanicError{Value: v, Stack: debug.Stack()})
			}
		}()
		b.put()
	}()
	defer late.Stop()
	select {
	case <-written:
		return true
	case <-late.C:
		return false
	}
}

// put writes buf.
func (b *Bar) put() {
	n, err := b.output.Write(b.buf)
	if err == nil && n < len(b.buf) {
		err = io.ErrShortWrite
	}
	if err != nil {
		b.fail(err)
	}
}

func isTerminal(w io.Writer) (is bool) {
	onFile(w, func(fd int) { is = term.IsTerminal(fd) })
	return is
}

// terminalWidth is unknown where there is no terminal, and where one says that it has no columns.
func terminalWidth(w io.Writer) int {
	columns := unknown
	onFile(w, func(fd int) {
		if n, _, err := term.GetSize(fd); err == nil && n > 0 {
			columns = n
		}
	})
	return columns
}

// onFile calls use if w is an open file. Fd would put the file into blocking mode.
func onFile(w io.Writer, use func(fd int)) {
	f, ok := w.(*os.File)
	if !ok || f == nil {
		return
	}
	if raw, err := f.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { use(int(fd)) }) // fails for a closed file: then there is no terminal
	}
}
