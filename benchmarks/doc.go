// Command benchmarks measures potok beside its peers, and says which of its goals
// are met:
//
//	go -C benchmarks run .                                      # all goals, about a quarter of an hour
//	go -C benchmarks run . -goal G3,G9                          # some; -list names them
//	go -C benchmarks run . -goal G -o results/goroutines.txt    # all of a letter, into a file too
//	go -C benchmarks run . -goal T,B -o results/titles.txt
//	go -C benchmarks run . -goal P -o results/process.txt
//	go -C benchmarks run . -goal C -o results/cluster.txt
//	go -C benchmarks run . -goal T5 -inputs 10000000            # the goal's number: a quarter of an hour
//	go -C benchmarks run . -readme                              # README's table from the files
//	go -C benchmarks run . -short                               # does everything work?
//
// It is a module of its own, so that the peers do not reach the go.sum of those
// who use potok.
//
// # How the figures are taken
//
// In each round every contender of a workload does it once, in an order that
// changes from round to round. A figure is the median over the rounds, a ratio the
// median of the ratios of the rounds: on a machine that others use too, some
// minutes are slower than others, and what slows a round slows both sides of its
// ratio. Run one after the other, two contenders would differ by the minute. "Half
// of rounds" are the quartiles; where they lie far apart the ratio says little.
// One round before all others is not counted. "Longest of all waits" is no median
// but the worst of all rounds: one wait too long is one too many. A machine that
// stood still for a moment shows there, far outside of half of the rounds.
//
// Before each run, and not timed, the heap is filled and collected and the
// processors are kept busy for a moment, so that nobody pays for what the one
// before has left behind.
//
// "Cores" is the processor time that a row used, divided by the time. Two chunks
// by hand keep two processors busy: where they show 1.4, something else ran beside
// them, and rows that are slow because processors meet at a lock look better than
// they are. Do not publish such a report.
//
// GOMAXPROCS is 2 and pools have 3 workers, unless a workload says otherwise.
// Pools are made and ended within the time, but for single round trips.
//
// A lock that many want is fast if it stays with those who run, whoever else waits.
// So the time that a lock takes is half of the matter, and how long somebody waits
// beside others who hardly let go of it is the other.
//
// Every run is checked afterwards: calls counted, results compared, in order. A
// contender that computed something else ends the program.
//
// # Whole programs
//
// The goals of titles are about potok titles as it is typed: built from the tree
// that this is in, started, and measured to its end, its processor time and its
// most memory as the kernel tells them of a process. Rivals are processes too, those
// in Go this binary under another first argument, and all read the same list from
// the same server. What comes from the system, nginx and curl and Python with
// requests and lxml, is not everywhere: what needs a missing one is skipped, with a
// word, and its condition is neither met nor missed (docs/DEPENDENCIES.md says what
// to install). There are 5 rounds at most, as each takes many seconds. The server
// runs beside the contenders on the same processors, so pages a second are those of
// both; processor time is that of the contender alone.
//
// # Pools of processes
//
// The process goals' workers are this binary again, and the far ends of their rivals
// in Go are parts of it. All stand and have answered before the clock starts, and
// what is one run takes the median of three; so does the script that Python's pools
// are in, which times itself. It forks its workers, the fastest way that it has, and
// it is skipped with a word where there is no python3.
//
// This binary has all rivals in it, whose init takes many times as long as a start
// does otherwise. So what depends on the program that workers are, its start and its
// size and how soon a dead worker is replaced, is measured of a small one, lean.
//
// Peaks and what is resident are the kernel's, VmHWM and Rss of each process. They
// count the pages of the program's text too, which all processes of it share.
//
// # The cluster
//
// Calls through a server are measured beside asynq on Redis and River on PostgreSQL,
// whose servers are programs of the system: started here, on a port of this machine,
// with their files in a directory that is removed, and ended by their pids, also when
// the benchmarks are killed. They run as nobody if we are root, as PostgreSQL refuses
// to be root. One that is missing is skipped with a word; apt-get install
// redis-server postgresql brings both on Debian. The NATS server is this binary again
// with cluster/embedded in it, a process of its own as those two are.
//
// All three are as safe as each other: a killed process costs nothing, a power cut
// about a second. That is Fast for NATS, appendonly with appendfsync everysec for
// Redis, and synchronous_commit=off for PostgreSQL, which would else wait for the
// disk with each transaction.
//
// Raw JetStream is one stream with one subject, and payloads as long as a call of
// ours. It only stores, while a call is stored, fetched, run, its result stored and
// read and the call acknowledged.
//
// How soon the embedded server starts and what it keeps in memory is measured of a
// small program, engine.
package main
