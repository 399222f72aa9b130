// Package lock has locks.
package lock
