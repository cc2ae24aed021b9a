#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deps-debian12.sh - install what building, checking and testing Saklar needs, on Debian 12.
#
# Usage: tools/dev/deps-debian12.sh [--build-only | --quickstart | --vm | --all] [--list]
#   --build-only  compile and run Saklar
#   --quickstart  the above, and what the two guests of tools/quickstart use
#   --vm          the above, and what tools/vm-image and its guests in QEMU need
#   (nothing)     the above, and everything tools/check needs
#   --all         the above, and the peers of tests/bench
#   --list        print the packages and install nothing
# Does nothing, quickly and without root, when all is there.
set -euo pipefail

build=(
	cmake ninja-build gcc libc6-dev pkg-config git
	clang-14 clang # compile vif/netdev.bpf.c
	linux-libc-dev libdpdk-dev libnuma-dev libbsd-dev libbpf-dev libelf-dev
	libnl-3-dev libnl-route-3-dev libpcap-dev libjansson-dev libsqlite3-dev libseccomp-dev
	libcap-ng-dev libevent-dev libyaml-dev
	dnsmasq-base nftables iproute2 tcpdump # run by the daemon and by saklar capture
)
quickstart=(
	util-linux mount procps python3
	iputils-ping iperf3 curl udhcpc busybox ethtool
)
vm=(
	qemu-system-x86 cpio kmod xz-utils
)
check=(
	libcmocka-dev libclang-rt-14-dev llvm-14
	clang-format clang-tidy cppcheck shellcheck codespell universal-ctags
	python3-pytest python3-pytest-xdist python3-scapy
	dhcpcd-base traceroute iputils-tracepath tshark bind9-dnsutils
	strace sqlite3 e2fsprogs systemd man-db groff-base
	bash-completion udev dbus-daemon
	dpdk-dev # dpdk-testpmd
)
# Run by tests in namespaces, but never installed, since it would take over the netdevs of this
# machine: unpacked into build/deps.
unpacked=(
	network-manager
)
bench=(
	openvswitch-switch
)
# Unpacked as well: installed, it would take the place of the above.
unpacked_bench=(
	openvswitch-switch-dpdk
)

packages=("${build[@]}" "${quickstart[@]}" "${vm[@]}" "${check[@]}")
unpacked_root=$(cd "$(dirname "$0")/../.." && pwd)/build/deps
list_only=no
for arg; do
	case $arg in
	--build-only) packages=("${build[@]}") unpacked=() ;;
	--quickstart) packages=("${build[@]}" "${quickstart[@]}") unpacked=() ;;
	--vm) packages=("${build[@]}" "${quickstart[@]}" "${vm[@]}") unpacked=() ;;
	--all) packages+=("${bench[@]}") unpacked+=("${unpacked_bench[@]}") ;;
	--list) list_only=yes ;;
	*)
		sed -n '3,13s/^# \{0,1\}//p' "$0" >&2
		exit 2
		;;
	esac
done
if [ $list_only = yes ]; then
	printf '%s\n' "${packages[@]}" "${unpacked[@]}"
	exit 0
fi

missing=() missing_unpacked=()
for package in "${unpacked[@]}"; do
	[ -e "$unpacked_root/$package/complete" ] || missing_unpacked+=("$package")
done
# dpkg-query says nothing about a package it never heard of, hence the set difference.
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
	sed -n 's/^installed //p' || true)
for package in "${packages[@]}"; do
	grep -qxF "$package" <<<"$installed" || missing+=("$package")
done
if [ $((${#missing[@]} + ${#missing_unpacked[@]})) -eq 0 ]; then
	echo "all $((${#packages[@]} + ${#unpacked[@]})) packages are there"
	exit 0
fi

echo "missing: ${missing[*]} ${missing_unpacked[*]}"
if [ "$(id -u)" -ne 0 ]; then
	echo "run this as root: sudo $0 $*" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends)
# A machine that was just set up has no index yet; an old one is asked for again only when it does not help.
compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || apt-get update </dev/null
if [ ${#missing[@]} -gt 0 ] && ! "${apt[@]}" "${missing[@]}" </dev/null; then
	apt-get update </dev/null
	"${apt[@]}" "${missing[@]}" </dev/null
fi

# A package that is only unpacked brings the libraries along that are not installed.
unpack() {
	local package=$1 root=$unpacked_root/$1 debs
	debs=$(mktemp -d)
	mkdir -p "$debs/partial" "$root"
	chmod 755 "$debs" # apt fetches as a user of its own
	if ! "${apt[@]}" --download-only -o Dir::Cache::archives="$debs" "$package" </dev/null; then
		rm -rf "$debs"
		return 1
	fi
	for deb in "$debs"/*.deb; do
		dpkg-deb -x "$deb" "$root" || return 1
	done
	rm -rf "$debs"
	touch "$root/complete"
}
for package in "${missing_unpacked[@]}"; do
	if ! unpack "$package"; then
		apt-get update </dev/null
		unpack "$package"
	fi
done
