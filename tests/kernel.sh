#!/bin/sh
# SPDX-License-Identifier: MIT
#
# kernel.sh stock     the suite's kernel, its modules and headers: build/kernel
# kernel.sh 6.12|7    newer ones of Debian:                        build/kernel-*
# kernel.sh source    the suite's kernel source, pruned:           build/linux
# kernel.sh debug     a kernel with checkers, of that source: build/kernel-debug
#
# Nothing is installed: packages are downloaded and unpacked, and the lists of
# other suites are kept under build/. Each directory appears in one rename, or
# gets its file "place", when it is complete, so an interrupted run leaves
# nothing half done. Exit status 75: it is not to be had from the mirror.
set -eu
cd "$(dirname "$0")/.."
top=$PWD
mkdir -p build
# shellcheck source=tests/mirror.sh
. tests/mirror.sh

# Image, modules, headers and kbuild, however a suite splits them.
kernel_packages() {
	apt-cache depends --recurse --important --no-pre-depends \
		linux-image-amd64 linux-headers-amd64 2>/dev/null |
		grep -E '^linux-(base$|[a-z]+-[0-9]|compiler-)' |
		grep -v -- '-unsigned$' | sort -u
}

# The kernel of the suites $2..., or of this machine's own, in build/$1.
fetch() {
	dest=$top/build/$1
	new=$dest.new
	# pahole was once left out
	if [ "$(cat "$dest/place" 2>/dev/null)" = "$dest" ] && [ -d "$dest/debs" ] &&
		{ [ "$1" != kernel-7 ] || [ -e "$dest/root/usr/bin/pahole" ]; }; then
		return
	fi
	rm -rf "$dest" "$new"

	[ "$1" = kernel ] || other_suites "${1#kernel-}" "$@"
	packages=$(kernel_packages)
	if [ -z "$packages" ]; then
		update
		packages=$(kernel_packages)
	fi
	release=$(echo "$packages" | sed -n 's/^linux-image-//p')
	[ "$release" ] || unreachable "kernel ${1#kernel-}"
	echo "kernel: fetching $release"
	# shellcheck disable=SC2086 # a list of words is meant
	download "$new/debs" $packages || unreachable "$release"
	unpack_debs "$new/debs" "$new"
	# what a module is built with is kept as packages too: a test installs them
	find "$new/debs" -name '*.deb' ! -name 'linux-base_*' \
		! -name 'linux-headers*' ! -name 'linux-kbuild*' \
		! -name 'linux-compiler*' -delete
	[ -d "$new/lib/modules" ] || ln -s usr/lib "$new/lib"
	image=boot/vmlinuz-$release
	mkdir -p "$new/boot"
	[ -f "$new/$image" ] ||
		ln -s "../lib/modules/$release/vmlinuz" "$new/$image"

	# the headers name their common part by an absolute path
	sed -i -E "s#(include |KBUILD_OUTPUT=)/usr/src/#\1$dest/usr/src/#" \
		"$new/usr/src/linux-headers-$release/Makefile"
	/sbin/depmod -b "$new" "$release"
	# its programs and its compiler may be too new for this machine
	[ "$1" != kernel-7 ] || toolchain
	echo "$release" >"$new/release"
	echo "$dest" >"$new/place"
	mv -T "$new" "$dest"
	rm -rf "$top/build/apt-${1#kernel-}"
}

# What the kbuild programs of a newer suite need, as a root for tests/in-root.sh:
# compiler, C library, the shell's tools.
toolchain() {
	needed=$(for p in $(echo "$packages" | grep -E 'headers|kbuild'); do
		depends "$p" '[^ ]*' | sed '/^linux-/d'
	done)
	echo "kernel: fetching a compiler for $release"
	mkdir -p "$new/tools/partial"
	# shellcheck disable=SC2086 # a list of words is meant
	apt-get -qq -y --no-install-recommends --download-only \
		-o Dir::Cache::Archives="$new/tools" install base-files bash binutils \
		coreutils dash diffutils findutils grep kmod make mawk sed \
		$needed >/dev/null || unreachable "compiler for $release"
	unpack_debs "$new/tools" "$new/root"
	rm -r "$new/tools"
	ln -sf mawk "$new/root/usr/bin/awk"
	ln -sf dash "$new/root/usr/bin/sh"
}

source_tree() {
	dest=$top/build/linux
	new=$dest.new
	# the driver of QEMU's network card was once pruned
	[ ! -f "$dest/drivers/net/virtio_net.c" ] || return 0
	rm -rf "$dest" "$new"

	package=$(depends linux-source 'linux-source-.*')
	if [ -z "$package" ]; then
		update
		package=$(depends linux-source 'linux-source-.*')
	fi
	tarball=/usr/src/$package.tar.xz
	if [ ! -f "$tarball" ]; then
		echo "kernel: fetching $package"
		download "$new/debs" "$package" || unreachable "$package"
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
	# what gcov registers with a user-mode kernel's end to write its counters
	sed -i 's#^\t\*(.fini_array)#\t*(.fini_array.*)\n&#' \
		"$new/tree/arch/um/include/asm/common.lds.S"
	mv -T "$new/tree" "$dest"
	rm -rf "$new"
}

# All but what neither a UML kernel, the debug kernel, Kconfig nor
# checkpatch.pl reads.
unpack() {
	tar -xf "$1" -C "$2" --strip-components=1 --exclude='*/Documentation/*/*' \
		--exclude='*/tools/testing/selftests' --exclude='*/tools/perf' \
		--exclude='*/drivers/gpu/drm/*/*.[ch]' \
		--exclude='*/drivers/net/*/*.[ch]' \
		--exclude='*/drivers/media/*.[ch]' \
		--exclude='*/drivers/staging/*.[ch]' \
		--exclude='*/drivers/scsi/*.[ch]' \
		--exclude='*/drivers/infiniband/*.[ch]' \
		--exclude='*/sound/*.[ch]' \
		--exclude='*/arch/[a-tv-w]*/*.[chS]' --exclude='*.dts' \
		--exclude='*.dtsi'
}

# Kbuild beside its own source calls it "..", so that what one tree has compiled
# is in the compiler cache for all.
debug_kernel() {
	source_tree
	dest=$top/build/kernel-debug
	config=$top/tests/debug.config
	out=$top/build/linux/debug
	release=$(make -s -C "$top/build/linux" kernelversion)-debug
	key="$release $(sha256sum <"$config")"
	if [ "$(cat "$dest/place" 2>/dev/null)" = "$key" ]; then
		return
	fi
	echo "kernel: compiling $release"
	rm -rf "$dest"
	mkdir -p "$out" "$dest/boot" "$dest/usr/src"
	compile >"$dest.log" 2>&1 || {
		tail -n 20 "$dest.log"
		exit 1
	}
	cp "$out/arch/x86/boot/bzImage" "$dest/boot/vmlinuz-$release"
	cp "$out/.config" "$dest/boot/config-$release"
	ln -s "$out" "$dest/usr/src/linux-headers-$release"
	echo "$release" >"$dest/release"
	echo "$key" >"$dest/place"
}

# One chain: a function called in a condition does not end at an error.
compile() {
	kbuild tinyconfig &&
		cat "$config" >>"$out/.config" &&
		kbuild olddefconfig &&
		survived &&
		kbuild -j"${JOBS:-2}" bzImage modules &&
		kbuild INSTALL_MOD_PATH="$dest" modules_install
}

# Kconfig drops silently what it cannot have.
survived() {
	! grep '^CONFIG_' "$config" | grep -vxFf "$out/.config"
}

kbuild() {
	cc=gcc
	! command -v ccache >/dev/null || cc='ccache gcc'
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$top/build/linux" \
		O="$out" CC="$cc" "$@"
}

exec 9>build/.kernel.lock
flock 9
case ${1-} in
stock) fetch kernel ;;
6.12) fetch kernel-6.12 bookworm-backports ;;
7) fetch kernel-7 trixie trixie-backports ;;
source) source_tree ;;
debug) debug_kernel ;;
*)
	echo "usage: ${0##*/} stock | 6.12 | 7 | source | debug" >&2
	exit 2
	;;
esac
