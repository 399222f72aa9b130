// Package archtest holds the rules of this repository that a compiler cannot
// see, as tests: which package may import which (table_test.go), and the house
// rules of style and documents (rules_test.go). It exports nothing and nothing
// imports it.
//
//	go test ./internal/archtest
//
// It reads the source tree and go.mod, starts no goroutine and needs no network.
package archtest
