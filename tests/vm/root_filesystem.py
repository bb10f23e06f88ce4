#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Root keeps the vault on a file system that is full, or of his own."""

from contextlib import contextmanager

from lib import BIN, BUILD, case, expect, expect_equal, expect_match, expect_rc
from lib.root import Terminal

SMALL, OWN, COPY = "/tmp/small", "/tmp/own", "/tmp/copy"
VAULT = f"{SMALL}/vault"
FULL = "vault: writing failed with error 28: free space or repair the file system, then try again"
FILL = f"head -c 1M /dev/zero >{SMALL}/filler"


def attach(vault, check=True):
    return module.secmod("attach", "--vault", vault, check=check)


def detach():
    if module.state != "detached":
        module.secmod("detach")


def full_disk():
    """Neither slot has a place: what is valid now is in memory only, and in a copy."""
    detach()
    terminal.sh(f"mkdir {SMALL}", f"mount -t tmpfs -o size=256k,mode=700 small {SMALL}",
                f"cp {module.vault} {VAULT}")
    attach(VAULT)
    module.secmod("reset", "--yes")
    empty = f"cp {VAULT} {COPY}; fallocate --punch-hole -o 0 -l 131072 {VAULT}; {FILL}; true"
    terminal.sh(f"{{ {empty}; }} 2>&1")
    with case("A2 a commit on a full disk says so, and changes nothing"):
        before = module.attribute("epoch")
        expect_rc(module.personalize(terminal.unit, check=False), 1, FULL)
        expect_equal((module.state, module.attribute("epoch")), ("personalization", before))
    terminal.sh(f"rm {SMALL}/filler")
    with case("A2 the way out is space"):
        terminal.healthy()
        expect_equal(module.state, "operating")
    terminal.sh(f"{{ {empty}; }} 2>&1")
    with case("A2 a reset on a full disk says so, and kills the key all the same"):
        before = int(module.attribute("epoch"))
        expect_rc(module.secmod("reset", "--yes", check=False), 1, FULL)
        expect_equal((module.state, module.attribute("epoch")), ("detached", str(before + 1)))
    terminal.sh(f"rm {SMALL}/filler", f"cat {COPY} >{VAULT}")
    with case("A2 with space, attaching a copy finishes that reset"):
        attach(VAULT)
        expect_equal((module.state, module.attribute("module_key")), ("personalization", ""))
    terminal.healthy()
    detach()
    terminal.sh(f"cat {VAULT} >{COPY}", f"umount {SMALL}")


@contextmanager
def own(way):
    """The content of COPY on a file system that root's program plays."""
    terminal.sh(f": >{OWN}")
    server = vm.start([BUILD / "vm/fuse_vault", OWN, COPY, way])
    server.wait_for("ready", 30)
    try:
        yield server
    finally:
        server.kill()
        server.wait(30)
        detach()
        terminal.sh(f"umount {OWN}")


def honest():
    with own("honest") as server:
        with case("A2 each slot is read once: nobody gives the driver two contents of it"):
            attach(OWN)
            expect_equal(module.state, "operating")
            reads = [line for line in server.out.splitlines() if line.startswith("read")]
            expect(reads and len(set(reads)) == len(reads), f"it reads {reads}")
        with case("A2 a vault on a file system of root's own is as good as any"):
            module.secmod("reset", "--yes")
            detach()
            attach(OWN)
            expect_equal(module.state, "personalization")
            terminal.healthy()
            detach()
            terminal.sh(f"cat {OWN} >{COPY}.next")
    terminal.sh(f"mv {COPY}.next {COPY}")


def stalling():
    with own("stalling") as server:
        attach(OWN)
        with case("A2 a file system that does not answer: the operation waits"):
            before = int(module.attribute("epoch"))
            reset = vm.start([BIN / "secmod", "reset", "--yes"])
            server.wait_for("write", 60)
            expect_equal(module.state, "operating")
        with case("A2 who waits for it in turn can be killed"):
            other = vm.start([BIN / "secmod", "attest", "--nonce", "11" * 32])
            inside = "test $(grep -ls secmod_ioctl /proc/[0-9]*/stack | wc -l) ="
            vm.wait_for(f"{inside} 2")
            other.kill()
            vm.wait_for(f"{inside} 1")
        server.kill()
        with case("A2 with the end of the file system it ends, the key is dead"):
            expect_equal(reset.wait(60), 1)
            expect_match("vault: writing failed with error ", reset.err)
            epoch = int(module.attribute("epoch"))
            expect_equal((module.state, epoch), ("detached", before + 1))
    with case("A2 attaching a copy elsewhere finishes the reset"):
        terminal.sh(f"cat {COPY} >{module.vault}")
        module.attach()
        expect_equal(module.state, "personalization")
        terminal.healthy()
        detach()
        terminal.sh(f"cat {module.vault} >{COPY}")


def forgetful():
    with own("forgetful"):
        attach(OWN)
        module.secmod("reset", "--yes")
        with case("A2 what a file system says it wrote and did not: refused at the next attach"):
            detach()
            expect_rc(attach(OWN, check=False), 1, r"vault: it holds content \d+, the module is at")
    with case("A2 the way out is a fresh vault"):
        terminal.fresh_vault()
        terminal.healthy()


terminal = Terminal()
vm, module = terminal.vm, terminal.module
with vm:
    vm.sh("modprobe fuse")
    terminal.begin()
    full_disk()
    honest()
    stalling()
    forgetful()
