#!/bin/sh
# SPDX-License-Identifier: MIT
# Man pages and bash completion: clean, and complete.
. "$(dirname "$0")/tap.sh"

pages_lint() {
	command -v mandoc >/dev/null || return 0
	files 'userspace/*.[1-8]' | xargs mandoc -T lint -W warning
}

# every function of libsecmod.h has its .Nm line
functions_described() {
	missing=0
	for name in $(grep -o 'secmod_[a-z_]*(' userspace/libsecmod/libsecmod.h |
		tr -d '(' | sort -u); do
		grep -Eq "^\.Nm $name( ,)?\$" userspace/libsecmod/libsecmod.3 && continue
		echo "$name"
		missing=1
	done
	return "$missing"
}

commands() {
	sed -n 's/^\t{ "\([a-z-]*\)", cmd_.*/\1/p' userspace/secmod/main.c
}

options() {
	grep -oEh '\{ "[a-z-]+", (&|NULL)' userspace/secmod/*.c | cut -d '"' -f 2 | sort -u
}

commands_described() {
	[ "$(commands | wc -l)" -gt 5 ] || return 1
	missing=0
	for name in $(commands); do
		grep -q "^\.It Cm $name" userspace/secmod/secmod.1 && continue
		echo "$name"
		missing=1
	done
	return "$missing"
}

completion_complete() {
	[ "$(options | wc -l)" -gt 5 ] || return 1
	missing=0
	for name in $(commands); do
		grep -q "\[$name\]=" userspace/secmod/secmod.bash-completion && continue
		echo "$name"
		missing=1
	done
	for name in $(options); do
		grep -q -e "--$name" userspace/secmod/secmod.bash-completion && continue
		echo "--$name"
		missing=1
	done
	return "$missing"
}

check "man pages are clean for mandoc" pages_lint
check "libsecmod(3) describes every function" functions_described
check "secmod(1) describes every command" commands_described
check "bash completion knows every command and option" completion_complete
finish
