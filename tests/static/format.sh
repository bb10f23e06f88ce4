#!/bin/sh
# SPDX-License-Identifier: MIT
# All C is formatted as .clang-format says.
. "$(dirname "$0")/tap.sh"

version=$(clang-format --version | sed -n 's/.*version \([0-9]*\).*/\1/p')
for dir in kernel tpm userspace tests; do
	# shellcheck disable=SC2046 # no file name has a space
	set -- $(files "$dir/*.[ch]")
	if [ $# = 0 ]; then
		continue
	elif [ "$version" != 14 ]; then
		# versions differ in small ways; 14 is the reference
		skip "$dir" "clang-format $version is not 14"
	else
		check "$dir" clang-format --dry-run -Werror "$@"
	fi
done
finish
