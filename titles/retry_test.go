package titles

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

func TestStatusSaysWhetherToTryAgain(t *testing.T) {
	for code, retry := range map[int]bool{
		400: false, 401: false, 403: false, 404: false, 408: false, 410: false, 425: false, 429: true, 451: false, 499: false,
		500: true, 501: false, 502: true, 503: true, 504: true, 505: false, 520: false, 599: false, 999: false,
	} {
		address, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(code)
		})
		page, err := fetcher(t).Fetch(limit(t), address)
		if got := outcomeOf(err); got != (outcome{KindHTTP, retry, false}) || page.Status != code || RetryAfter(err) != 7*time.Second {
			t.Errorf("%d: %+v, %v: %+v, after %v", code, page, err, got, RetryAfter(err))
		}
	}
}

func TestRetryAfterIsRead(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		value, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"0", "", 0},
		{"120", "", 2 * time.Minute},
		{" 120 ", "", 2 * time.Minute},
		{"00120", "", 2 * time.Minute},
		{"-5", "", 0},
		{"+5", "", 0},
		{"1.5", "", 0},
		{"1e9", "", 0},
		{"soon", "", 0},
		{"2592001", "", maxRetryAfter},
		{"99999999999999999999999999999", "", maxRetryAfter},
		{"Sun, 01 Mar 2026 12:00:30 GMT", "", 30 * time.Second},
		{"Sun, 01 Mar 2026 11:00:00 GMT", "", 0},
		{"Sun, 01 Mar 2026 12:00:30 GMT", "Sun, 01 Mar 2026 12:00:20 GMT", 10 * time.Second},
		{"Sun, 01 Mar 2026 12:00:30 GMT", "Sun, 01 Mar 2026 12:00:40 GMT", 0},
		{"Sun, 01 Mar 2026 12:00:30 GMT", "yesterday", 30 * time.Second},
		{"Sunday, 01-Mar-26 12:00:30 GMT", "", 30 * time.Second},
		{"Sun Mar  1 12:00:30 2026", "", 30 * time.Second},
		{"Fri, 31 Dec 9999 23:59:59 GMT", "", maxRetryAfter},
	} {
		header := http.Header{"Retry-After": {c.value}, "Date": {c.date}}
		if got := retryAfter(header, now); got != c.want {
			t.Errorf("%q at %q: %v, want %v", c.value, c.date, got, c.want)
		}
	}
}

func TestOtherErrorsAreNotTriedAgain(t *testing.T) {
	for _, err := range []error{nil, errors.New("x"), ErrNoTitle} {
		if Retryable(err) || Unreached(err) || RetryAfter(err) != 0 {
			t.Errorf("%v: %t, %t, %v", err, Retryable(err), Unreached(err), RetryAfter(err))
		}
	}
	e := error(&Error{Kind: KindHTTP, Err: errors.New("x"), Retry: true, Unreached: true, RetryAfter: time.Second})
	if e = errors.Join(e); !Retryable(e) || !Unreached(e) || RetryAfter(e) != time.Second { // also within another
		t.Errorf("%v: %t, %t, %v", e, Retryable(e), Unreached(e), RetryAfter(e))
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120", "")
	f.Add("Sun, 01 Mar 2026 12:00:30 GMT", "Sun, 01 Mar 2026 12:00:20 GMT")
	f.Add("Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT")
	f.Fuzz(func(t *testing.T, value, date string) {
		got := retryAfter(http.Header{"Retry-After": {value}, "Date": {date}}, time.Unix(0, 0))
		if got < 0 || got > maxRetryAfter {
			t.Errorf("%v", got)
		}
	})
}
