// Package progress shows on one line of a terminal how far a loop or a pool has got: tqdm's line, to the character.
//
//	bar := progress.New(int64(len(urls)), progress.Prefix("titles"))
//	defer bar.Close()
//	for _, url := range urls {
//		fetch(url)
//		bar.Add(1) // titles:  42%|████▏     | 420/1000 [00:03<00:04, 131.25it/s]
//	}
//
// [Seq] and [Seq2] do the same around what a loop ranges over, results of potok.Map for example, and [Observe] makes a
// pool drive a bar.
//
// # What is shown, and when
//
// Lines are tqdm's, and so are the moments when they are drawn: the first at once; the next ones by the first [Bar.Add]
// that finds 0.1 s gone since the line before and enough counted, which is as many as have been coming in 0.1 s; one
// without an Add when that many do not come within 10 s; the last by [Bar.Close]. The rate is an exponential average from
// line to line, in which the newest counts for 0.3, and in the last line the average since the beginning. What tqdm wrote
// is recorded in testdata/golden.txt, and the tests compare. Where we differ, on purpose:
//
//   - A line without a total is cut to the columns like every other. tqdm lets it wrap around, and the next one then
//     cannot overwrite it.
//   - Blanks that wipe out a longer line before stop at the last column, so a terminal that was made narrower keeps one
//     line; and its width is looked up for every line.
//   - A terminal that does not know its width gets a bar of ten blocks. tqdm takes it for one of no columns at all.
//   - Control characters in the words around the bar are blanks, save the sequences that colour them.
//   - A count equal to the total is never more than the total, not even beyond 2^52.
//
// # Output
//
// Nothing is drawn unless the output is a terminal, or [Always] says so. All that is written at one time is one Write,
// and no two Writes overlap, so lines of [Bar.Println] and frames do not tear one another, from any number of goroutines.
// What else writes to the same terminal is not known here: two bars at once, or a log beside a bar, do tear the line. An
// output that fails ends the drawing, and Close returns its error. One that blocks costs whoever draws a second,
// once; until it goes on nothing is drawn.
//
// # Blocking and goroutines
//
// Add counts with one atomic addition and a look at one number. The one that has to draw waits for the output, as just
// said; all others go on beside it, and what they count is in the next line. No goroutine stays: a timer that fires twice
// at most for every line says when to look at the clock again, and each frame is written by a goroutine of its own,
// which the drawer and Close wait for. A bar made in a testing/synctest bubble takes its time from there, and an idle one
// does nothing there.
package progress
