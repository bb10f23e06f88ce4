#!/bin/sh
# SPDX-License-Identifier: MIT
#
# in-root.sh ROOT COMMAND...: run COMMAND with the programs of the directory
# ROOT and this tree in its place; where there is no ROOT, with the machine's.
set -eu
[ -d "$1" ] || {
	shift
	exec "$@"
}
root=$(realpath "$1")
top=$(realpath "${0%/*}/..")
build=$(realpath "${SECMOD_BUILD:-$top/build}")
export root top build
shift

map=
[ "$(id -u)" = 0 ] || map=--map-root-user
# shellcheck disable=SC2016,SC2086 # for the inner shells; one word or none
exec unshare $map --mount sh -euc '
	for dir in /dev /proc; do
		mount --rbind "$dir" "$root$dir"
	done
	for dir in "$top" "$build"; do
		mkdir -p "$root$dir"
		mount --bind "$dir" "$root$dir"
	done
	exec chroot "$root" /usr/bin/env PATH=/usr/bin:/usr/sbin LC_ALL=C \
		sh -euc "cd \"\$0\"; \"\$@\"" "$PWD" "$@"
' sh "$@"
