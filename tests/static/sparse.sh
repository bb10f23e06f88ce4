#!/bin/sh
# SPDX-License-Identifier: MIT
# Address spaces, endianness and locking as annotated, by sparse.
. "$(dirname "$0")/tap.sh"

log=$build/test/static/sparse-${SECMOD_KERNEL:-stock}.txt

# warnings in our files; the kernel's own headers have some too
sparse() {
	mkdir -p "${log%/*}"
	make -s module B="$build" C=2 CF=-D__CHECK_ENDIAN__ >"$log" 2>&1 || {
		cat "$log"
		return 1
	}
	! grep -E "(^|/)(kernel|tpm)/[^/: ]*:.*(warning|error):" "$log"
}

name="the module has no sparse warning"
if [ "${SECMOD_KERNEL-}" = 7 ]; then
	skip "$name" "sparse does not know typeof_unqual, of which 7's headers are full"
else
	check "$name" sparse
fi
finish
