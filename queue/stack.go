package queue

import "slices"

// stack gives out the item that came in last.
type stack[T any] struct{ s []T }

func (s *stack[T]) push(v T) { s.s = append(s.s, v) }

func (s *stack[T]) pop() T {
	var zero T
	last := len(s.s) - 1
	v := s.s[last]
	s.s[last] = zero // so that nothing is kept alive
	s.s = s.s[:last]
	return v
}

func (s *stack[T]) drain() []T {
	all := s.s
	s.s = nil
	slices.Reverse(all)
	return all
}
