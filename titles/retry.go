package titles

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// maxRetryAfter is where absurd values of Retry-After end.
const maxRetryAfter = 30 * 24 * time.Hour

// statusError is the failure of a page with a status that is none of a page.
func statusError(status int, header http.Header, now time.Time) *Error {
	e := &Error{Kind: KindHTTP, Err: fmt.Errorf("http status %s", statusText(status)), Retry: retryStatus(status)}
	e.RetryAfter = retryAfter(header, now)
	return e
}

func statusText(status int) string {
	return strings.TrimSuffix(fmt.Sprintf("%d %s", status, http.StatusText(status)), " ")
}

// retryStatus is true for the statuses of servers that are busy or broken for a while.
func retryStatus(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout:
		return true
	}
	return false
}

// retryAfter reads Retry-After: seconds, or a date, which counts from the server's own Date if there is one, so that clocks need not
// agree. What it cannot read, and a time gone by, is 0.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		return seconds(value)
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return min(max(until.Sub(now), 0), maxRetryAfter)
}

// seconds reads digits, however many.
func seconds(digits string) time.Duration {
	d := time.Duration(0)
	for _, c := range []byte(digits) {
		if d = 10*d + time.Duration(c-'0')*time.Second; d > maxRetryAfter {
			return maxRetryAfter
		}
	}
	return d
}
