# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Test cases of shell tests. Sourced; sets the directory and what to look at.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck disable=SC2034 # for those who source this
build=${SECMOD_BUILD:-$PWD/build}
cases=0
failed=0

# The files of the tree that match the patterns, tracked or about to be.
files() {
	git ls-files -co --exclude-standard -- "$@" | sort -u | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
}

# check NAME COMMAND...: a case that holds if the command succeeds
check() {
	name=$1
	shift
	cases=$((cases + 1))
	if output=$("$@" 2>&1); then
		echo "ok $cases - $name"
	else
		failed=1
		echo "not ok $cases - $name"
		[ -z "$output" ] || echo "$output" | sed 's/^/# /'
	fi
}

# silent COMMAND...: succeeds if the command says nothing, and says what it said
silent() {
	said=$("$@" 2>&1)
	[ -z "$said" ] || echo "$said"
	[ -z "$said" ]
}

# skip NAME REASON
skip() {
	cases=$((cases + 1))
	echo "ok $cases - $1 # SKIP $2"
}

finish() {
	echo "1..$cases"
	exit "$failed"
}
