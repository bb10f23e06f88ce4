#!/bin/sh
# SPDX-License-Identifier: MIT
#
# kernel.sh stock     the suite's kernel, its modules and headers: build/kernel
# kernel.sh source    the suite's kernel source, pruned:           build/linux
#
# Nothing is installed: packages are downloaded and unpacked. Each directory
# appears in one rename when it is complete, so an interrupted run leaves
# nothing half done.
set -eu
cd "$(dirname "$0")/.."
top=$PWD
mkdir -p build

update() {
	echo "kernel: refreshing the package lists"
	if [ "$(id -u)" = 0 ]; then
		apt-get -qq update
	else
		sudo apt-get -qq update
	fi
}

# The packages that package $1 depends on and whose names match $2.
depends() {
	apt-cache depends "$1" 2>/dev/null |
		sed -n "s/^ *Depends: \($2\)$/\1/p"
}

# Download packages into directory $1, with one refresh of stale lists.
download() (
	dir=$1
	shift
	mkdir -p "$dir"
	cd "$dir"
	# the download sandbox user cannot write here, and need not
	set -- -o APT::Sandbox::User=root download "$@"
	apt-get -qq "$@" 2>/dev/null || { update && apt-get -qq "$@"; }
)

stock() {
	dest=$top/build/kernel
	new=$dest.new
	if [ "$(cat "$dest/place" 2>/dev/null)" = "$dest" ]; then
		return
	fi
	rm -rf "$dest" "$new"

	image=$(depends linux-image-amd64 'linux-image-[0-9].*')
	if [ -z "$image" ]; then
		update
		image=$(depends linux-image-amd64 'linux-image-[0-9].*')
	fi
	release=${image#linux-image-}
	headers=linux-headers-$release
	echo "kernel: fetching $image"
	# shellcheck disable=SC2046 # a list of words is meant
	download "$new/debs" "$image" "$headers" \
		$(depends "$headers" 'linux-headers-.*-common') \
		$(depends "$headers" 'linux-kbuild-.*')
	for deb in "$new"/debs/*.deb; do
		dpkg -x "$deb" "$new"
	done
	rm -rf "$new/debs"
	[ -d "$new/lib/modules" ] || ln -s usr/lib "$new/lib"

	# the headers name their common part by an absolute path
	sed -i -E "s#(include |KBUILD_OUTPUT=)/usr/src/#\1$dest/usr/src/#" \
		"$new/usr/src/$headers/Makefile"
	/sbin/depmod -b "$new" "$release"
	echo "$release" >"$new/release"
	echo "$dest" >"$new/place"
	mv -T "$new" "$dest"
}

source_tree() {
	dest=$top/build/linux
	new=$dest.new
	[ ! -d "$dest" ] || return 0
	rm -rf "$new"

	package=$(depends linux-source 'linux-source-.*')
	if [ -z "$package" ]; then
		update
		package=$(depends linux-source 'linux-source-.*')
	fi
	tarball=/usr/src/$package.tar.xz
	if [ ! -f "$tarball" ]; then
		echo "kernel: fetching $package"
		download "$new/debs" "$package"
		dpkg -x "$new"/debs/*.deb "$new/debs"
		tarball=$new/debs$tarball
	fi
	mkdir -p "$new/tree"
	unpack "$tarball" "$new/tree"

	# a place for the driver under test
	ln -s "$top" "$new/tree/drivers/secmod"
	echo 'obj-y += secmod/' >>"$new/tree/drivers/Makefile"
	sed -i 's#^endmenu#source "drivers/secmod/Kconfig"\n&#' \
		"$new/tree/drivers/Kconfig"
	mv -T "$new/tree" "$dest"
	rm -rf "$new"
}

# All but what neither a UML kernel, Kconfig nor checkpatch.pl reads.
unpack() {
	tar -xf "$1" -C "$2" --strip-components=1 --exclude='*/Documentation/*/*' \
		--exclude='*/tools/testing/selftests' --exclude='*/tools/perf' \
		--exclude='*/drivers/gpu/drm/*/*.[ch]' \
		--exclude='*/drivers/net/*.[ch]' \
		--exclude='*/drivers/media/*.[ch]' \
		--exclude='*/drivers/staging/*.[ch]' \
		--exclude='*/drivers/scsi/*.[ch]' \
		--exclude='*/drivers/infiniband/*.[ch]' \
		--exclude='*/sound/*.[ch]' \
		--exclude='*/arch/[a-tv-w]*/*.[chS]' --exclude='*.dts' \
		--exclude='*.dtsi'
}

exec 9>build/.kernel.lock
flock 9
case ${1-} in
stock) stock ;;
source) source_tree ;;
*)
	echo "usage: ${0##*/} stock | source" >&2
	exit 2
	;;
esac
