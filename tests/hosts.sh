#!/bin/sh
# SPDX-License-Identifier: MIT
#
# hosts.sh: programs of others that speak GlobalPlatform to a card, into
# build/hosts: gpshell, with its library for PC/SC, and Yubico's. Debian has them
# since 13; they run on 12, too. Exit status 75: not to be had from the mirror.
set -eu
cd "$(dirname "$0")/.."
top=$PWD
mkdir -p build
# shellcheck source=tests/mirror.sh
. tests/mirror.sh

dest=$top/build/hosts
exec 9>build/.hosts.lock
flock 9
[ ! -d "$dest" ] || exit 0
rm -rf "$dest.new"
other_suites hosts hosts trixie
download "$dest.new/debs" gpshell libglobalplatform7 libgppcscconnectionplugin1 \
	libminizip1t64 python3-ykman || unreachable "gpshell and ykman"
unpack_debs "$dest.new/debs" "$dest.new"
rm -r "$dest.new/debs"
mv -T "$dest.new" "$dest"
rm -rf "$top/build/apt-hosts"
