# Everything is a command that can be typed without make, too: the steps of CI
# are scripts in .ci/. Needs only Go, and a C compiler for the race detector.

FUZZTIME = 100000x
SOAK     = 10m
BENCH    = .
COUNT    = 1
REV      =
DIR      =
RESULT   =
ROUNDS   = 1

.PHONY: help check test race fuzz bench peers api corpus soak shake faults lint lint-all fmt clean

help: ## list the targets (this is the default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' Makefile

check: ## format, tidy, vet for linux, darwin and windows, lint, rules of the tree
	bash .ci/format
	bash .ci/tidy
	bash .ci/vet
	bash .ci/lint
	go test ./internal/archtest

test: ## go test ./...
	go test ./...

race: ## all tests under the race detector once, root, queue and lock at 1, 2 and 8 CPUs
	go test -race -shuffle=on ./...
	go test -race -shuffle=on -count=3 -cpu=1,2,8 . ./queue/ ./lock/

fuzz: ## every fuzz target FUZZTIME=100000x times
	bash .ci/fuzz $(FUZZTIME)

bench: ## the benchmarks in the tree: BENCH=regexp COUNT=1
	go test -run '^$$' -bench '$(BENCH)' -count $(COUNT) ./...

peers: ## potok beside its peers, goal by goal, into benchmarks/results; README's table from it
	go -C benchmarks run . -goal G -o results/goroutines.txt
	go -C benchmarks run . -goal T,B -o results/titles.txt
	go -C benchmarks run . -goal P -o results/process.txt
	go -C benchmarks run . -goal C -o results/cluster.txt
	go -C benchmarks run . -readme

api: ## exported API against REV=, by default the last tag
	bash .ci/api $(REV)

corpus: ## titles against a directory of real pages: DIR=path, into RESULT=file
	@test -n "$(DIR)" || { echo 'say where the pages are: make corpus DIR=path' >&2; exit 2; }
	@bash .ci/corpus $(DIR) $(RESULT)

soak: ## root, queue and lock under the race detector, again and again for SOAK=10m
	bash .ci/soak $(SOAK)

shake: ## tests of root and of the executors' suite with yields between all statements
	bash .ci/shake

faults: ## kill, stop and cut off a cluster's parts ROUNDS=1 times; as root power cuts too
	bash .ci/faults $(ROUNDS)

lint: ## golangci-lint for this system
	bash .ci/lint

lint-all: ## golangci-lint for linux, darwin and windows
	bash .ci/lint linux darwin windows

fmt: ## format every Go file
	go tool -modfile=tools/go.mod gofumpt -l -w .

clean: ## delete what builds, tests and profiles leave in the tree
	rm -rf bin potok potok.exe
	find . -type f \( -name '*.test' -o -name '*.prof' -o -name '*.out' \) ! -path './.git/*' ! -path '*/testdata/*' -exec rm -f {} +
