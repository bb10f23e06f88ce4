#!/bin/sh
# SPDX-License-Identifier: MIT
# The uapi header stands alone, in C and C++, and libsecmod's for its users too.
. "$(dirname "$0")/tap.sh"

alone() {
	header=$1
	shift
	echo "#include \"$header\"" | "$@" -Wall -Wextra -Werror -pedantic \
		-Ikernel/uapi -Iuserspace -fsyntax-only -
}

for header in $(files 'kernel/uapi/*.h' userspace/libsecmod/libsecmod.h); do
	check "$header in C11" alone "$header" gcc -std=c11 -x c
	check "$header in C++" alone "$header" g++ -std=c++11 -x c++
done
finish
