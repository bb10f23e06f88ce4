#!/bin/sh
# SPDX-License-Identifier: MIT
#
# prepare.sh KERNEL: fetch or compile what VMs boot with SECMOD_KERNEL=KERNEL, and
# the driver for it, as a test that prints TAP.
# shellcheck source=tests/static/tap.sh
. "$(dirname "$0")/../static/tap.sh"

kernel=$1
there="there is a kernel $kernel"
builds="the driver compiles for kernel $kernel, without a warning"

driver() {
	echo "$(cat "build/kernel-$kernel/release"):"
	# shellcheck disable=SC2046 # one word or none
	make -s -j"${JOBS:-2}" --no-print-directory SECMOD_KERNEL="$kernel" B="$build" \
		WERROR=1 module $([ "$kernel" != debug ] || echo bugs)
}

output=$(tests/kernel.sh "$kernel" 2>&1)
case $? in
0)
	check "$there: $(cat "build/kernel-$kernel/release")" true
	check "$builds" driver
	;;
75) # a mirror that cannot be reached is no fault of the tree
	skip "$there" "$(echo "$output" | tail -n 1)"
	;;
*)
	said() {
		echo "$output" | tail -n 40
		return 1
	}
	check "$there" said
	;;
esac
finish
