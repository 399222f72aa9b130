package lock_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/potok-go/potok/lock"
)

// Three functions that work, each by itself and one after the other. Run at the same time they can deadlock: each holds
// the lock that another one waits for. The third one is reported when it runs, and nobody has had to wait.
func ExampleCheckOrder() {
	stop := lock.CheckOrder(func(e *lock.OrderError) {
		head, _, _ := strings.Cut(e.Error(), "\n") // the rest says where each lock was taken, with both stacks
		fmt.Println(head)
	})
	defer stop()

	orders, stock, customers := lock.Named("orders"), lock.Named("stock"), lock.Named("customers")
	buy := func() { orders.With(func() { stock.With(func() {}) }) }
	deliver := func() { stock.With(func() { customers.With(func() {}) }) }
	move := func() { customers.With(func() { orders.With(func() {}) }) }
	buy()
	deliver()
	move()
	// Output:
	// potok/lock: lock order inversion: "customers" → "orders" → "stock" → "customers"
}

// A wait that takes too long is reported too, with who holds the lock and where it was taken. It goes on waiting: here
// until its ctx ends.
func ExampleHangAfter() {
	stop := lock.CheckOrder(func(e *lock.OrderError) {
		fmt.Println("hangs:", strings.Contains(e.Error(), `has waited 1ms for "printer"`))
	}, lock.HangAfter(time.Millisecond))
	defer stop()

	printer, begun, enough := lock.Named("printer"), make(chan struct{}), make(chan struct{})
	defer close(enough)
	go printer.With(func() { // a long job
		close(begun)
		<-enough
	})
	<-begun
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	fmt.Println(printer.LockContext(ctx))
	// Output:
	// hangs: true
	// context deadline exceeded
}

// A name is what a lock is called in reports. Locks of one name are one class: that users come before their sessions is
// learned from all users together. Two accounts in turn have an order of their own.
func ExampleNamed() {
	stop := lock.CheckOrder(func(e *lock.OrderError) {
		head, _, _ := strings.Cut(e.Error(), "\n")
		fmt.Println(head)
	})
	defer stop()

	ann, annsSession := lock.Named("user"), lock.Named("session")
	bob, bobsSession := lock.Named("user"), lock.Named("session")
	ann.With(func() { annsSession.With(func() {}) })
	bobsSession.With(func() { bob.With(func() {}) })

	from, to := lock.Named("account"), lock.Named("account")
	from.With(func() { to.With(func() {}) })
	to.With(func() { from.With(func() {}) })
	// Output:
	// potok/lock: lock order inversion: "session" → "user" → "session"
	// potok/lock: lock order inversion: "account"#1 → "account"#2 → "account"#1
}
