#!/bin/sh
# SPDX-License-Identifier: MIT
# What holds for every file of the tree.
. "$(dirname "$0")/tap.sh"

# which have no place for a mark: licence texts, ABI descriptions, test data
marked() {
	files '*' ':!LICENSES' ':!docs/ABI' ':!tests/vectors' ':!tests/fuzz/regress' \
		':!debian'
}

without_license() {
	marked | while read -r file; do
		head -n 5 "$file" | grep -q 'SPDX-License-Identifier: ' || echo "$file"
	done
}

# wrong_license WANTED PATTERN...
wrong_license() {
	wanted=$1
	shift
	files "$@" | while read -r file; do
		head -n 5 "$file" | grep -Eq "SPDX-License-Identifier: $wanted( \*/| -->)?\$" ||
			echo "$file"
	done
}

too_long() {
	files '*.[ch]' '*.py' '*.sh' Makefile Kbuild tests/run | while read -r file; do
		lines=$(wc -l <"$file")
		[ "$lines" -lt 500 ] || echo "$file has $lines lines"
	done
}

# kernel/ and tpm/ sources that Kbuild forgets, and names in it without a file
kbuild_differs() {
	files 'kernel/*.c' 'tpm/*.c' | sed 's/c$/o/' >"$build/test/sources"
	grep -oE '(kernel|tpm)/[a-z0-9_/]+\.o' Kbuild | sort -u |
		diff - "$build/test/sources"
}

untracked_output() {
	git status --porcelain --ignored | grep -E '^!! ' | grep -vE ' (build/|.*__pycache__/)$'
}

mkdir -p "$build/test"
check "every file has an SPDX line" silent without_license
check "kernel/, tpm/ and KUnit tests are GPL-2.0-only" silent wrong_license \
	GPL-2.0-only 'kernel/*.[ch]' 'tpm/*.[ch]' 'tests/kunit/*.[ch]' ':!kernel/uapi'
check "the uapi header carries the syscall note" silent wrong_license \
	'GPL-2.0-only WITH Linux-syscall-note' 'kernel/uapi/*.h'
check "userspace is MIT" silent wrong_license MIT 'userspace/*.[ch]'
check "no source file has 500 lines" silent too_long
check "Kbuild lists just the sources there are" silent kbuild_differs
check "building writes only under build/" silent untracked_output
finish
