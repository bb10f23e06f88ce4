#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Root takes all slots of the TPM, or empties them; its time; the owner's authorization."""

import struct
import threading

from lib import BIN, case, expect, expect_equal, expect_match, expect_rc, wait_for
from lib.bus import command_code, tpm_command
from lib.powercut import LOADED_SESSION, SAVED_SESSION, TRANSIENT
from lib.root import RAW, SEND, Terminal

NONCE = ("--nonce", "11" * 32)
CREATE_PRIMARY, FLUSH = 0x131, 0x165
FLUSHED = "80010000000a00000000"
KINDS = TRANSIENT, LOADED_SESSION, SAVED_SESSION
# everything that may be in a slot, again and again; prints what each was answered
FLUSHES = " ".join(
    [tpm_command(FLUSH, struct.pack(">I", kind + n)).hex() for kind in KINDS for n in range(3)] * 50
)
ENDLESS = "cd /tmp && while tpm2_createprimary -Q -C o -G rsa2048 -c busy; do :; done"


def full(what, fill, reason):
    """No slot is left for the driver."""
    fill()
    with case(f"A24 {what}: signing and attesting say so"):
        expect_match(reason, terminal.sign())
        terminal.refused(("attest", *NONCE), reason, "operating")
    with case(f"A2 {what}: so does a reset, the epoch stays"):
        before = module.attribute("epoch")
        expect_rc(module.secmod("reset", "--yes", check=False), 1, reason)
        expect_equal(module.attribute("epoch"), before)
    with case(f"A1 {what}: so does an attach"):
        if module.state == "operating":
            module.secmod("detach")
        terminal.refused(("attach", "--vault", module.vault), reason, "detached")
    root.flush()
    with case(f"{what}: the way out is room, the key is as before"):
        module.attach()
        expect_equal(module.state, "operating")
        terminal.healthy()
    module.secmod("reset", "--yes")
    fill()
    with case(f"A1 {what}: a personalization says so"):
        result = module.personalize(terminal.unit, check=False)
        expect_rc(result, 1, reason)
        expect_equal(module.state, "personalization")
    root.flush()
    with case(f"{what}: then it works"):
        terminal.healthy()


def owner_authorization():
    terminal.sh("tpm2_changeauth -Q -c owner hidden")
    with case("A2 the owner's authorization changed: signing and the reset go on"):
        expect_equal(terminal.sign(), "")
        module.secmod("reset", "--yes")
        expect_equal(module.state, "personalization")
    with case("A1 a personalization then says so"):
        expect_rc(module.personalize(terminal.unit, check=False), 1,
                  "(removing a key|making a key persistent): .*TPM_RC_BAD_AUTH.*owner auth")
        expect_equal(module.state, "personalization")
    terminal.sh("tpm2_changeauth -Q -c owner -p hidden")
    with case("the way out is the old authorization"):
        terminal.healthy()


def busy():
    """The TPM works for root, for as long as he likes."""
    begun, end = threading.Event(), threading.Event()

    def work(_number, command):
        if command_code(command) == CREATE_PRIMARY:
            begun.set()
            end.wait(300)

    terminal.bus.arm(on_command=work)
    keys = vm.start(ENDLESS)
    with case("A24 the chip is busy: an operation waits, and is done"):
        wait_for(begun.is_set, 60, "a command of root")
        attest = vm.start([BIN / "secmod", "attest", *NONCE])
        vm.wait_for("grep -qs secmod_ioctl /proc/[0-9]*/stack")
        end.set()
        expect_equal(attest.wait(60), 0)
    end.set()
    with case("A1 A2 A24 root has keys made without end: all is done all the same"):
        made = terminal.bus.codes.count(CREATE_PRIMARY)
        expect_equal(terminal.sign(), "")
        module.secmod("reset", "--yes")
        terminal.healthy()
        expect(terminal.bus.codes.count(CREATE_PRIMARY) > made, "root was not at work")
    keys.terminate()
    keys.wait(60)
    terminal.bus.arm()


def flushed():
    """Root flushes whatever is in the TPM's slots, as fast as it can."""
    terminal.bus.arm()
    flushing = vm.start(f"while {SEND} {RAW} {FLUSHES}; do :; done")
    wait_for(lambda: terminal.bus.commands > 500, 60, "root's commands")
    with case("A1 A2 A24 root flushes all slots without end: all is done all the same"):
        expect_equal(terminal.sign(), "")
        module.secmod("attest", *NONCE)
        module.secmod("detach")
        module.attach()
        expect_equal(terminal.sign(), "")
        module.secmod("reset", "--yes")
        terminal.healthy()
    with case("A24 there was nothing of the driver's to flush between its sequences"):
        done = len(flushing.out.split())
        wait_for(lambda: len(flushing.out.split()) > done, 60, "root's last answers")
        expect_equal(flushing.out.split().count(FLUSHED), 0)
    flushing.terminate()
    flushing.wait(60)


terminal = Terminal()
vm, module, root = terminal.vm, terminal.module, terminal.root
with vm:
    terminal.begin()
    full("all transient slots taken", root.fill_objects, "TPM_RC_OBJECT_MEMORY.* -t")
    full("all sessions taken", root.fill_sessions, "TPM_RC_SESSION_MEMORY.* -l")
    owner_authorization()
    busy()
    flushed()
    with case("A24 after all that the driver has nothing left in the TPM's slots"):
        left = [root.handles(kind) for kind in KINDS]
        expect_equal(left, [[], [], []])
