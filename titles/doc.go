// Package titles fetches pages and finds their titles, as a browser would show them in document.title, without building a tree and
// without reading further than the title needs.
//
//	f := titles.New(titles.Workers(64))
//	defer f.Close()
//	page, err := f.Fetch(ctx, "https://go.dev")
//	if err != nil {
//		log.Printf("%s: %v (%s)", page.Input, err, titles.KindOf(err))
//	}
//	fmt.Println(page.Title)
//
// One Fetch is one attempt at one page, on the caller's goroutine; order, parallelism, pauses and repetitions are the caller's, for
// example potok.Map's. Retryable, RetryAfter and Unreached tell what may be decided by. Fetch and Extract may be called from any number
// of goroutines. A Fetcher keeps connections open for the next page of the same host, and with them two goroutines each, until they idle
// out or Close is called; a look-up of a name that no server answers may go on in package net for some seconds after its Fetch. What it
// remembers of hosts, here and for Robots, is bounded: a million hosts cost no more than some thousand.
//
// Package net/http tells log's standard logger when a server says more than it was asked. Who owns the terminal may want to turn that
// off, with log.SetOutput.
package titles
