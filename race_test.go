//go:build race

package potok_test

const raceEnabled = true
