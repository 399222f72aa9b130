# Sourced by the scripts beside it: strict mode, the top of the tree, the
# pinned tools. Each script is one step; run it from anywhere.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A tool of tools/go.mod, built on first use and kept in the build cache.
tool() { go tool -modfile=tools/go.mod "$@"; }

die() {
	echo "$*" >&2
	exit 1
}
