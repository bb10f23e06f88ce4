#!/bin/sh
# SPDX-License-Identifier: MIT
# The shared objects show their users just what they should.
. "$(dirname "$0")/tap.sh"

# exports FILE PATTERN: defined dynamic symbols, all of which match
exports() {
	symbols=$(nm -D --defined-only "$1" | awk '{ print $3 }')
	[ -n "$symbols" ] || { echo "none"; return 1; }
	! echo "$symbols" | grep -vEx "$2"
}

# hardened FILE: position independent, RELRO, no executable stack
hardened() {
	headers=$(readelf -lhdW "$1")
	for want in 'Type: +DYN' GNU_RELRO 'BIND_NOW|FLAGS_1.*NOW'; do
		echo "$headers" | grep -Eq "$want" || { echo "no $want"; return 1; }
	done
	! echo "$headers" | grep -E 'GNU_STACK.* RWE'
}

library=$build/lib/libsecmod.so
provider=$build/lib/ossl-modules/secmod.so
if [ -f "$library" ]; then
	check "libsecmod.so exports secmod_ names only" exports "$library" 'secmod_.*'
else
	skip "libsecmod.so exports secmod_ names only" "not built"
fi
if [ -f "$provider" ]; then
	check "the provider exports its entry only" exports "$provider" OSSL_provider_init
else
	skip "the provider exports its entry only" "not built"
fi
for file in "$library" "$provider" "$build"/bin/*; do
	[ ! -f "$file" ] || check "${file##*/} is hardened" hardened "$file"
done
finish
