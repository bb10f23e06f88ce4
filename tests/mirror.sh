# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# Packages of the mirror, downloaded and unpacked, not installed. Sourced, with
# the top of the tree in $top.
: "${top:?}"

unreachable() {
	echo "${0##*/}: no $1 from the mirror" >&2
	exit 75
}

update() {
	echo "${0##*/}: refreshing the package lists"
	if [ "$(id -u)" = 0 ] || [ "${APT_CONFIG-}" ]; then
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
	cd "$dir" || exit
	# the download sandbox user cannot write here, and need not
	set -- -o APT::Sandbox::User=root download "$@"
	apt-get -qq "$@" 2>/dev/null || { update && apt-get -qq "$@"; }
)

unpack_debs() {
	for deb in "$1"/*.deb; do
		dpkg -x "$deb" "$2"
	done
}

# The mirror this machine uses for its own suite.
mirror() {
	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	# shellcheck disable=SC2016 # apt's variables
	apt-get indextargets --format '$(REPO_URI) $(LABEL) $(CODENAME)' \
		'Created-By: Packages' | sed -n "s/ Debian $codename$//p" | head -n 1
}

# apt is to see the suites $3... and nothing of this machine; the last one wins.
other_suites() {
	apt=$top/build/apt-$1
	shift 2
	uri=$(mirror)
	[ "$uri" ] || { update && uri=$(mirror); }
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	: >"$apt/status"
	for suite in "$@"; do
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main"
	done >"$apt/sources"
	cat >"$apt/apt.conf" <<-END
		Dir::Etc::SourceList "$apt/sources";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		Dir::State "$apt";
		Dir::State::Status "$apt/status";
		Dir::Cache "$apt/cache";
		APT::Sandbox::User "root";
		APT::Default-Release "$suite";
		Acquire::Languages "none";
	END
	export APT_CONFIG="$apt/apt.conf"
}
