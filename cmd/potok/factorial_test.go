package main

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"testing"
)

func TestFactorialIsTheProductOfAllNumbers(t *testing.T) {
	want := big.NewInt(1)
	for n := range 2500 {
		if n > 0 {
			want.Mul(want, big.NewInt(int64(n)))
		}
		got, err := factorial(t.Context(), n)
		if err != nil || got.Cmp(want) != 0 {
			t.Fatalf("%d! is %d, %v; want %d", n, got, err, want)
		}
	}
	for _, n := range []int{4095, 4096, 4097, 9973, 10_000, 65_535, 65_536, 65_537, 100_003} {
		got, err := factorial(t.Context(), n)
		if err != nil || got.Cmp(new(big.Int).MulRange(1, int64(n))) != 0 {
			t.Errorf("%d! is wrong, or %v", n, err)
		}
	}
}

func TestOddPrimesAreThoseThatNothingDivides(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 4, 127, 128, 129, 169, 10_000} {
		i := 0
		primes := oddPrimes(n)
		for p := 3; p <= n; p++ {
			if !big.NewInt(int64(p)).ProbablyPrime(0) {
				continue
			}
			if i == len(primes) || primes[i] != uint32(p) {
				t.Fatalf("up to %d: number %d is not %d in %v", n, i, p, primes)
			}
			i++
		}
		if i != len(primes) {
			t.Errorf("up to %d: %d primes, want %d", n, len(primes), i)
		}
	}
}

func TestFactorialEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := factorial(ctx, 100_000); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func BenchmarkFactorial(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("by=swing/n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := factorial(b.Context(), n); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("by=MulRange/n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				new(big.Int).MulRange(1, int64(n))
			}
		})
	}
}

// BenchmarkDigits is what printing costs on top.
func BenchmarkDigits(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			f := new(big.Int).MulRange(1, int64(n))
			b.ReportAllocs()
			for b.Loop() {
				f.Append(nil, 10)
			}
		})
	}
}
