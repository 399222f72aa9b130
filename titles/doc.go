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
// One Fetch reads one page, on the caller's goroutine; order and parallelism are the caller's, for example potok.Map's. Fetch and
// Extract may be called from any number of goroutines. A Fetcher keeps connections open for the next page of the same host, and
// with them two goroutines each, until they idle out or Close is called.
package titles
