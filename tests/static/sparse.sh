#!/bin/sh
# SPDX-License-Identifier: MIT
# Address spaces, endianness and locking as annotated, by sparse.
. "$(dirname "$0")/tap.sh"

# warnings in our files; the kernel's own headers have some too
sparse() {
	log=$build/test/static/sparse.txt
	mkdir -p "${log%/*}"
	make -s module B="$build" C=2 CF=-D__CHECK_ENDIAN__ >"$log" 2>&1 || {
		cat "$log"
		return 1
	}
	! grep -E "module/.*(warning|error):" "$log"
}

check "the module has no sparse warning" sparse
finish
