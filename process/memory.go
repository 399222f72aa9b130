package process

import (
	"fmt"
	"os"
	"runtime/metrics"
	"time"
)

// watchMemory ends this process when it has more memory from the system than this: where the system keeps no limit itself.
// It looks often enough for what grows by a gigabyte a second.
func watchMemory(limit int64) {
	for range time.Tick(10 * time.Millisecond) {
		if n := fromSystem(); n > limit {
			fmt.Fprintf(os.Stderr, "fatal error: out of memory: %d bytes, and the limit is %d\n", n, limit)
			os.Exit(goPanic)
		}
	}
}

// fromSystem is how much memory Go has got and not given back.
func fromSystem() int64 {
	sums := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sums)
	return int64(sums[0].Value.Uint64() - sums[1].Value.Uint64())
}
