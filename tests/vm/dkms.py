#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The package secmod-dkms in a root of its own: install, upgrade of the kernel, removal.

The root is this machine's below an overlay, so that compiling does not take the time of
an emulated machine; what is compiled there is loaded in one. With SECMOD_KERNEL=X the
suite's kernel is upgraded to X.
"""

import os
import shutil
import sys

from lib import BIN, REPO, VM, Tpm, case, expect, expect_equal, expect_match, host, run_dir
from lib.paths import KERNEL

LONG = 500  # seconds; a compiler runs
FILES = "Kbuild Kconfig Makefile dkms.conf debian kernel tpm userspace/dist"
STOCK = REPO / "build/kernel"

top = run_dir()
upper, root = top / "upper", top / "root"


def release(kernel):
    return (kernel / "release").read_text().strip()


def in_root(command):
    """What is written stays in upper."""
    mount = f"mount -t overlay -o lowerdir=/,upperdir={upper},workdir={top}/work overlay {root}"
    script = f'{mount} && exec tests/in-root.sh {root} sh -euc "$0"'
    return host(["unshare", "--mount", "sh", "-c", script, command], timeout=LONG)


def install_headers(kernel):
    # what is not a matter of headers, such as an image, may be missing
    in_root(f"dpkg --force-depends -i {kernel}/debs/*.deb")


def build_package():
    source = top / "source"
    source.mkdir()
    host(f"cd {REPO} && git ls-files -co --exclude-standard {FILES} |"
         f" cpio -pdm --quiet {source}")
    host(f"cd {source} && dpkg-buildpackage -us -uc -b", timeout=LONG)
    (package,) = top.glob("secmod-dkms_*_all.deb")
    return package


def module_for(kernel):
    """The only one, installed for this kernel."""
    (module,) = upper.glob(f"usr/lib/modules/{release(kernel)}/**/secmod.ko*")
    magic = host(["/sbin/modinfo", "-F", "vermagic", str(module)]).out
    expect_equal(magic.split()[0], release(kernel))
    return module


def left():
    """Files of the package and what was made of them."""
    found = host(["find", str(upper), "-path", f"{upper}{REPO}", "-prune",
                  "-o", "-iname", "*secmod*", "-print"]).out
    return found.split()


if os.geteuid():
    print("1..0 # SKIP to install a package takes root")
    sys.exit()
for directory in (upper, root, top / "work"):
    directory.mkdir()
if (KERNEL / "root").exists():  # a newer Debian's compiler, in place of this machine's
    host(["cp", "-al", f"{KERNEL}/root/.", str(upper)])

with case("secmod-dkms builds"):
    package = build_package()
with case("secmod-dkms: its installation builds and installs the driver for the kernel"):
    install_headers(STOCK)
    in_root(f"dpkg -i {package}")
    module = module_for(STOCK)
    expect_match("^secmod:", in_root("getent group secmod").out)
    expect((upper / "usr/lib/udev/rules.d/60-secmod.rules").exists())
if KERNEL != STOCK:
    with case("secmod-dkms: an upgrade of the kernel gets its driver by itself"):
        install_headers(KERNEL)
        expect(module.exists(), "the old kernel has its driver no more")
        module = module_for(KERNEL)
        expect_equal(in_root("dkms status -m secmod").out.count("installed"), 2)
with VM(tpm=Tpm()) as vm, case("secmod-dkms: the kernel that it was built for loads it"):
    copy = vm.share / module.name
    shutil.copy(module, copy)
    vm.load_module(module=copy)
    expect_match("virgin", vm.sh(f"{BIN}/secmod status").out)
with case("secmod-dkms: removed, it leaves nothing but the group"):
    expect(left())
    in_root("dpkg -P secmod-dkms")
    expect_equal(left(), [])
