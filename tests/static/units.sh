#!/bin/sh
# SPDX-License-Identifier: MIT
# The services: installed for the place they are installed to, and understood by systemd.
. "$(dirname "$0")/tap.sh"

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
installed=$place/lib/systemd/system

install_units() {
	make -s install-units DESTDIR= "PREFIX=$place" && mkdir "$place/bin" &&
		ln -s "$build"/bin/* "$place/bin/"
}

all_there() {
	for unit in userspace/dist/*.service; do
		[ -s "$installed/${unit##*/}" ] || echo "${unit##*/} is not installed"
	done
	grep -L "^ExecStart=$place/bin/" "$installed"/*
	grep -h '^User=' "$installed"/* | sort -u | cut -d = -f 2 | while read -r user; do
		grep -q "^u $user " "$place/lib/sysusers.d/secmod.conf" || echo "no user $user"
	done
}

check "services and users are installed" install_units
check "they name what is installed with them" silent all_there
if command -v systemd-analyze >/dev/null; then
	for unit in "$installed"/*; do
		check "${unit##*/}" silent systemd-analyze verify --man=no "$unit"
	done
	check "secmod.conf" systemd-sysusers --dry-run "$place/lib/sysusers.d/secmod.conf"
else
	skip "systemd reads them" "systemd-analyze is not installed"
fi
finish
