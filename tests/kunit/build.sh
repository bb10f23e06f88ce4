#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# build.sh DIR: a user-mode Linux with the KUnit tests built in, in DIR.
# The kernel proper is compiled once; after that only our files are.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
linux=$here/../../build/linux
mkdir -p "$1"
out=$(cd "$1" && pwd)

kbuild() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$linux" ARCH=um \
		O="$out" CC="$cc" "$@"
}

cc=gcc
! command -v ccache >/dev/null || cc='ccache gcc'

if ! cmp -s "$here/uml.config" "$out/uml.config"; then
	kbuild tinyconfig
	cat "$here/uml.config" >>"$out/.config"
	kbuild olddefconfig
	sed -n 's/^CONFIG_.*=.*/&/p' "$here/uml.config" | while read -r line; do
		if ! grep -qxF "$line" "$out/.config"; then
			echo "build.sh: this kernel refuses $line" >&2
			exit 1
		fi
	done
	cp "$here/uml.config" "$out/uml.config"
fi
# both libgcov and the kernel have a mangle_path()
kbuild -j"${JOBS:-2}" SECMOD_GCOV=y LD_FLAGS_CMDLINE="-Wl,-m -Wl,elf_x86_64 \
	-Wl,--allow-multiple-definition --coverage" linux
