#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Install the Debian packages that building and testing needs (12 and 13), and
# fetch the kernels the tests boot and compile into build/. Does nothing, and
# quickly, when all of it is there. "deps.sh bench": also what make bench measures.
set -eu
cd "$(dirname "$0")/.."

# The one table of package names.
packages='
	gcc g++ libc6-dev make git pkg-config
	libssl-dev libtss2-dev libsqlite3-dev libevent-dev libjansson-dev libkcapi-dev

	bc bison flex libelf-dev cpio kmod xz-utils zstd ccache
	python3 qemu-system-x86 e2fsprogs
	openssl swtpm swtpm-tools tpm2-tools sqlite3 curl nginx-light
	libcmocka-dev debhelper dh-dkms dkms pahole
	clang libclang-rt-dev llvm
	pcscd vsmartcard-vpcd opensc pcsc-tools python3-pyscard python3-cryptography

	perl sparse shellcheck clang-format mandoc
'

if [ "${1-}" = bench ]; then
	packages="$packages tpm2-openssl tpm2-abrmd libtss2-tcti-tabrmd0 dbus-daemon
		libtpm2-pkcs11-1 libtpm2-pkcs11-tools softhsm2 libkcapi1"
	# Debian 13 goes the way of providers
	case $(cat /etc/debian_version) in
	12.*) packages="$packages libengine-pkcs11-openssl" ;;
	*) packages="$packages pkcs11-provider" ;;
	esac
fi

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq \
		-o DPkg::Lock::Timeout=600 "$@"
}

missing=
for package in $packages; do
	missing="$missing $package"
done
# shellcheck disable=SC2086 # a list of words is meant
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $packages 2>/dev/null |
	sed -n 's/^installed //p')
for package in $installed; do
	missing=$(echo "$missing " | sed "s/ $package / /")
done
missing=$(echo "$missing" | xargs)

if [ -n "$missing" ]; then
	echo "deps: installing $missing"
	ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1 || apt update
	# shellcheck disable=SC2086
	apt install -y --no-install-recommends $missing >/dev/null ||
		{ apt update && apt install -y --no-install-recommends $missing >/dev/null; }
fi

tests/kernel.sh stock
tests/kernel.sh source
