#!/bin/sh
# SPDX-License-Identifier: MIT
# The kernel's own style check, strict, on all that could go into a kernel tree.
. "$(dirname "$0")/tap.sh"

checkpatch() {
	ignore=$1
	shift
	# --no-tree: the files are not in one; the types are named for the reader
	perl build/linux/scripts/checkpatch.pl --no-tree --strict --terse \
		--no-summary --show-types --ignore "$ignore" -f "$@"
}

# all in files
all() {
	ignored=$1
	shift
	# shellcheck disable=SC2046 # no file name has a space
	set -- $(files "$@")
	[ $# = 0 ] || checkpatch "$ignored" "$@"
}

# FILE_PATH_CHANGES is about patches. PREFER_KERNEL_TYPES and
# PREFER_DEFINED_ATTRIBUTE_MACRO: the pure sources say in their headers what
# these are in userspace. MACRO_ARG_REUSE: names of members and files are pasted.
# COMPLEX_MACRO: the OID arc is a list of octets.
ignored=FILE_PATH_CHANGES,PREFER_KERNEL_TYPES,PREFER_DEFINED_ATTRIBUTE_MACRO
ignored=$ignored,MACRO_ARG_REUSE,COMPLEX_MACRO

check kernel all "$ignored" 'kernel/*.[ch]' ':!kernel/compat.h'
check tpm all "$ignored" 'tpm/*.[ch]'

# the one place that may ask for the kernel's version; __has_include(<...>) is
# taken for a comparison
check kernel/compat.h all "$ignored,LINUX_VERSION_CODE,SPACING,CONSTANT_COMPARISON" kernel/compat.h

# kunit_test_suite(x); stands right after the definition of x everywhere
check tests/kunit all "$ignored,LINE_SPACING" 'tests/kunit/*.[ch]'
finish
