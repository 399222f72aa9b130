package progress

import (
	"context"
	"iter"

	"github.com/potok-go/potok"
)

// Seq yields what in yields and shows on a bar how many the loop is through with: tqdm(in). total is New's, below 0 if it
// is not known. Nothing is pulled or drawn before the range begins, and each range has a bar of its own, closed when the
// range ends: by the end of in, a break, or a panic. The item that a break leaves is not counted, as in tqdm.
//
// It blocks where in does, and as Add and Close do. Errors of the output are lost; where they matter, take a Bar. The
// sequence is as safe for concurrent use as in is.
func Seq[T any](in iter.Seq[T], total int64, opts ...Option) iter.Seq[T] {
	return func(yield func(T) bool) {
		b := New(total, opts...)
		defer func() { _ = b.Close() }()
		for v := range in {
			if !yield(v) {
				return
			}
			b.Add(1)
		}
	}
}

// Seq2 is Seq for pairs. Around potok.Map it counts results, not the inputs that Map has pulled ahead; a result with an
// error counts as well.
//
// It blocks where in does, and as Add and Close do. Errors of the output are lost; where they matter, take a Bar. The
// sequence is as safe for concurrent use as in is.
func Seq2[K, V any](in iter.Seq2[K, V], total int64, opts ...Option) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		b := New(total, opts...)
		defer func() { _ = b.Close() }()
		for k, v := range in {
			if !yield(k, v) {
				return
			}
			b.Add(1)
		}
	}
}

// Observe makes an Observer that adds one to b for every call that settles: succeeded, failed or cancelled. Give it to
// potok.WithObserver; closing b stays with the caller, when the pool is done.
//
// It does not block, and what the observer does blocks as Add does. There are no errors; it panics if b is nil. The
// observer may be used concurrently, and by several executors at once.
func Observe(b *Bar) potok.Observer {
	if b == nil {
		panic("potok/progress: Observe of a nil Bar")
	}
	return potok.Observer{Settled: func(context.Context, potok.Event) { b.Add(1) }}
}
