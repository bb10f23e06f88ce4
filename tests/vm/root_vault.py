#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Root does to the vault's file what he likes: what is no file, and while it is attached."""

from lib import BUILD, VM, Module, Tpm, case, expect, expect_equal, expect_match, expect_rc, serving

DIR = "/var/lib/secmod"
ATTACH = BUILD / "vm/attach_fd"
GONE = "vault: its file was removed: detach and attach a copy"

# way, file, the verdict
WAYS = (
    ("read-only", "{vault}", "EINVAL: vault: open it for reading and writing"),
    ("write-only", "{vault}", "EINVAL: vault: open it for reading and writing"),
    ("path", "{vault}", "EBADF: vault: descriptor \\d+ is not open"),
    ("read-only", DIR, "EINVAL: vault: not a regular file"),
    ("read-write", f"{DIR}/fifo", "EINVAL: vault: not a regular file"),
    ("read-write", "/dev/zero", "EINVAL: vault: not a regular file"),
    ("read-write", "/dev/vda", "EINVAL: vault: not a regular file"),
    ("read-write", "/dev/secmod0", "EINVAL: vault: not a regular file"),
    ("memory", "-", "EINVAL: vault: it has 0 links, must have one"),
    ("nameless", DIR, "EINVAL: vault: it has 0 links, must have one"),
    ("read-write", "/proc/self/comm", "EIO: vault: cannot be read"),
)
# what the module takes, for there is nothing wrong with it
TAKEN = (
    ("append", "{vault}"),
    ("direct", "{vault}"),
    ("read-write", f"{DIR}/symlink"),
    ("read-write", f"{DIR}/longer"),
    ("read-write", "{share}/on-9p"),
    ("read-write", "/tmp/on-tmpfs"),
)


def attach(way, file, check=True):
    return module.vm.sh([ATTACH, "/dev/secmod0", way, file], check=check).out


def ways():
    vm.sh(f"cd {DIR} && mkfifo fifo && ln -s {module.vault} symlink &&"
          f" cp {module.vault} longer && head -c 4096 /dev/urandom >>longer &&"
          f" cp {module.vault} {vm.share}/on-9p && cp {module.vault} /tmp/on-tmpfs")
    module.secmod("detach")
    fill = {"vault": module.vault, "share": vm.share}
    for way, file, verdict in WAYS:
        with case(f"A24 attach {way} {file.format(vault='the vault')}: {verdict}"):
            expect_match(f"^{verdict}", attach(way, file.format(**fill)))
            expect_equal(module.state, "detached")
    for way, file in TAKEN:
        with case(f"attach {way} {file.format(vault='the vault', share='')}: taken"):
            expect_equal(attach(way, file.format(**fill)).strip(), "ok")
            expect_equal(module.state, "operating")
            module.secmod("detach")


def flags_later():
    """fcntl() on the descriptor that was given away."""
    for way in ("append-later", "direct-later"):
        with case(f"A2 {way}: the next commit goes where it belongs"):
            expect_equal(attach(way, module.vault).strip(), "ok")
            size = vm.sh(f"stat -c %s {module.vault}").out
            module.secmod("reset", "--yes")
            module.secmod("detach")
            module.attach()
            expect_equal(module.state, "personalization")
            expect_equal(vm.sh(f"stat -c %s {module.vault}").out, size)
            module.secmod("detach")
    module.attach()


def lost_while_attached():
    for what, command in {
        "unlinked": "rm {vault}",
        "renamed over": "cp {vault} {vault}.other && mv {vault}.other {vault}",
    }.items():
        with case(f"A2 {what} while attached: the commit says so, and nothing has changed"):
            before = module.attribute("epoch")
            vm.sh(f"cp {module.vault} {DIR}/copy")
            vm.sh(command.format(vault=module.vault))
            expect_rc(module.personalize(unit, check=False), 1, GONE)
            expect_equal((module.state, module.attribute("epoch")), ("personalization", before))
        with case(f"{what} while attached: the way out is a copy"):
            module.secmod("detach")
            vm.sh(f"mv {DIR}/copy {module.vault}")
            module.attach()
            expect_equal(module.state, "personalization")
    with case("A2 unlinked before a reset: the key is dead all the same"):
        module.personalize(unit)
        before = int(module.attribute("epoch"))
        vm.sh(f"cp {module.vault} {DIR}/copy && rm {module.vault}")
        expect_rc(module.secmod("reset", "--yes", check=False), 1, GONE)
        expect_equal((module.state, module.attribute("epoch")), ("detached", str(before + 1)))
    with case("A2 attaching the copy finishes that reset"):
        vm.sh(f"mv {DIR}/copy {module.vault}")
        module.attach()
        expect_equal(module.state, "personalization")
        expect_equal(module.attribute("module_key"), "")


def changed_while_attached():
    """What is in the file does not matter while it is attached, one commit later neither."""
    for what, command in {
        "truncated": "truncate -s 0 {vault}",
        "rolled back in place": "cat {dir}/older >{vault}",
        "filled with noise": "head -c 200000 /dev/urandom >{vault}",
    }.items():
        vm.sh(f"cat {module.vault} >{DIR}/older")
        module.secmod("reset", "--yes")
        with case(f"A2 {what} while attached: one commit later all is well"):
            vm.sh(command.format(vault=module.vault, dir=DIR))
            module.secmod("reset", "--yes")
            module.secmod("detach")
            module.attach()
            expect_equal(module.state, "personalization")
    with case("A2 a second name made while attached: refused at the next attach"):
        vm.sh(f"ln {module.vault} {DIR}/second-name")
        module.secmod("reset", "--yes")
        module.secmod("detach")
        expect_rc(module.attach(check=False), 1, "vault: it has 2 links, must have one")
        vm.sh(f"rm {DIR}/second-name")
        module.attach()
    with case("a limit on the size of files: the commit says so"):
        before = module.attribute("epoch")
        personalize = f"{BUILD}/bin/secmod personalize {unit.guest_endpoint}"
        result = vm.sh(f"trap '' XFSZ; ulimit -f 0; {personalize} 2>&1 | cat", check=False)
        expect_match("vault: writing failed with error 27", result.out)
        expect_equal((module.state, module.attribute("epoch")), ("personalization", before))


tpm = Tpm()
manufacturer, unit = serving(tpm)
with VM(tpm=tpm) as vm:
    vm.load_module()
    module = Module(vm)
    module.init(manufacturer)
    module.personalize(unit)
    ways()
    flags_later()
    lost_while_attached()
    changed_while_attached()
    with case("A2 after all this the module is healthy"):
        module.personalize(unit)
        key = module.attribute("module_key")
        module.reboot()
        module.attach()
        expect_equal((module.state, module.attribute("module_key")), ("operating", key))
        expect(key)
