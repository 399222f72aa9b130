package main

import (
	"context"
	"fmt"
	"math/big"
	"strconv"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/benchmarks/internal/echo"
	"github.com/potok-go/potok/process"
)

const (
	megabyte     = 1_000_000
	largePayload = 100 * megabyte
)

// processEcho is about arguments and results of many bytes, one call after the
// other. The bytes are random, and compared each time, off the clock.
func processEcho() goal {
	echoing := func(title string, size, times int, limit float64) workload {
		return onSite(title, []unit{nanoseconds}, func(ctx context.Context, s *site) []probe {
			args := func(r round) []string {
				return []string{strconv.Itoa(r.size(times)), strconv.Itoa(payloadSize(r, size))}
			}
			return []probe{
				{byProcess, func(r round) (sample, error) {
					return onPool(1, func(pool *process.Pool) (sample, error) {
						took, err := echo.On(pool, echo.Payload(payloadSize(r, size)), r.size(times))
						return sample{nanoseconds: median(took)}, err
					})
				}},
				s.byPython(ctx, byPPE, []unit{nanoseconds}, "echo", args),
			}
		}, ratio(byProcess, byPPE, limit))
	}
	large := echoing("echo of 100 MB: p50", largePayload, 3, 0.667) // 1/1.5
	large.maxRounds = processRounds
	return goal{name: "P4", text: "process: echo of 10 KB, 1 MB and 100 MB; peak memory of 100 MB", workloads: []workload{
		echoing("echo of 10 KB: p50", 10_000, 1000, 0.333), // 1/3
		echoing("echo of 1 MB: p50", megabyte, 100, 0.667), // 1/1.5
		large, echoPeaks(),
	}}
}

// payloadSize is how large a payload is where a full run has n bytes.
func payloadSize(r round, n int) int {
	if r.short {
		return min(n, megabyte)
	}
	return n
}

// echoPeaks is about the most that both sides have resident, with all that a program
// has anyway. The parent's caller holds what was sent and what came back, which makes
// two payloads of the three. Several echoes may need more than one, where the
// collector has not been meanwhile; they are shown and not judged.
func echoPeaks() workload {
	const one = "one echo"
	w := onSite("peak memory of echoes of 100 MB", []unit{parentPeak, workerPeak},
		func(ctx context.Context, s *site) []probe {
			peaks := func(name string, times int) probe {
				return s.byLean(ctx, name, []unit{parentPeak, workerPeak}, "echo", func(r round) []string {
					return []string{strconv.Itoa(payloadSize(r, largePayload)), strconv.Itoa(times)}
				})
			}
			return []probe{whereKnown(peaks(one, 1)), whereKnown(peaks("5 echoes, one after the other", 5))}
		},
		atMost(one, parentPeak, 3), atMost(one, workerPeak, 3),
	)
	w.maxRounds = processRounds
	return w
}

// numberTask gives a number back.
var numberTask = potok.Define("benchmarks/number", func(_ context.Context, n *big.Int) (*big.Int, error) { return n, nil })

// processNumber is about a number that JSON and other codecs take forty
// milliseconds for.
func processNumber() goal {
	const digits, times = 100_000, 200
	w := onSite("echo of a number of 100,000 digits: p50", []unit{nanoseconds}, func(context.Context, *site) []probe {
		return []probe{{byProcess, func(r round) (sample, error) {
			return onPool(1, func(pool *process.Pool) (sample, error) {
				n := new(big.Int).Exp(big.NewInt(10), big.NewInt(digits-1), nil)
				return echoNumber(pool, n.Add(n, big.NewInt(7)), r.size(times))
			})
		}}}
	}, atMost(byProcess, nanoseconds, 1_200_000))
	return goal{name: "P7", text: "process: echo of a 100,000-digit big.Int through the pool", workloads: []workload{w}}
}

func echoNumber(pool *process.Pool, n *big.Int, times int) (sample, error) {
	took := make([]float64, times)
	for i := range took {
		begin := time.Now()
		got, err := numberTask.Submit(always, pool, n).Result(always)
		took[i] = float64(time.Since(begin))
		if err != nil {
			return nil, err
		}
		if got.Cmp(n) != 0 {
			return nil, fmt.Errorf("a number of %d bits came back as one of %d, or another", n.BitLen(), got.BitLen())
		}
	}
	return sample{nanoseconds: median(took)}, nil
}
