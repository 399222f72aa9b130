package process

import "time"

const RaceEnabled = raceEnabled

// MaxFrame is the limit in tests: the real one takes a gigabyte to reach. Workers are the same binary, and have it too.
const MaxFrame = 16 << 20

func init() { maxFrame = MaxFrame }

// StartTimeout is how long a worker has to be ready.
func StartTimeout(d time.Duration) Option { return option(func(o *options) { o.start = d }) }
