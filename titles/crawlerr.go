package titles

import (
	"errors"
	"fmt"
	"time"
)

var errAgain = errors.New("another attempt follows")

var errDown = &Error{Kind: KindDown, Err: errors.New("host down")}

// withRemark says beside a page's error why there is no other attempt.
func withRemark(err error, remark string) error {
	return &Error{Kind: KindOf(err), Err: fmt.Errorf("%w (%s)", err, remark)}
}

func temporary(err error) bool {
	switch KindOf(err) {
	case KindConnect, KindTimeout, KindReset:
		return true
	}
	return false
}
func retryAfter(err error) (time.Duration, bool) { return 0, false }
func connectionFailed(err error) bool            { return KindOf(err) == KindConnect }
