#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Root unloads the driver, and takes the TPM's driver away, in each state and in mid-flight."""

import threading

from lib import BIN, MODULE, case, expect, expect_equal, expect_match, expect_rc
from lib.holdings import Begin
from lib.powercut import Stand

NONCE = ("--nonce", "11" * 32)
CRB = "/sys/bus/acpi/drivers/tpm_crb"
GONE = "the TPM is gone or suspended"
LOCKED = "the root secret is locked since the driver was loaded before: restart the machine"


class Held:
    """An attestation whose first TPM command does not come back before the end."""

    def __enter__(self):
        self.there, self.go = threading.Event(), threading.Event()
        stand.bus.arm(on_command=self._command)
        self.running = vm.start([BIN / "secmod", "attest", *NONCE])
        expect(self.there.wait(60), "it asks the TPM nothing")
        return self

    def _command(self, _number, _command):
        if not self.there.is_set():
            self.there.set()
            self.go.wait(60)

    def release(self):
        self.go.set()
        return self.running.wait(60)

    def __exit__(self, *_):
        self.go.set()
        stand.bus.arm()


def unbind():
    vm.sh(f"echo MSFT0101:00 >{CRB}/unbind")


def bind():
    """It comes back under another number: who held the old one may hold it still."""
    vm.sh(f"echo MSFT0101:00 >{CRB}/bind")
    vm.wait_for("ls /dev/tpm[0-9]")


def with_open_files(state):
    with case(f"A24 {state}: not unloaded while a file is open"):
        expect_equal(module.state, state)
        result = vm.sh("exec 3<>/dev/secmod0; rmmod secmod", check=False)
        expect_rc(result, 1, "in use")
        expect_equal(module.state, state)


def unloaded(state, after, reason=""):
    with_open_files(state)
    with case(f"A24 {state}: unloaded, and loaded again"):
        vm.sh("rmmod secmod")
        expect_equal(vm.sh("ls /dev/secmod0", check=False).rc, 2)
        vm.load_module()
        expect_equal(module.state, after)
        expect_match(reason, module.attribute("last_error"))


def begin():
    """What the driver says to an initialization, "ok" when it is begun."""
    tool = Begin(vm, stand.tpm)
    answer = tool.begin()
    tool.close()
    tool.tool.close_input()
    tool.tool.wait(60)
    return answer


def asks(*words):
    """What the driver says to secmod(1), "ok" when it does it."""
    result = module.secmod(*words, check=False)
    return "ok" if result.rc == 0 else result.err


def tpm_taken(state, operation, after):
    """operation() needs the TPM in this state."""
    with case(f"A24 {state}: the TPM taken away: says so, keeps its state"):
        expect_equal(module.state, state)
        unbind()
        expect_match(GONE, operation())
        expect_equal(module.state, state)
    with case(f"A24 {state}: the TPM given back: the driver does not take it up by itself"):
        bind()
        expect_match(GONE, operation())
    with case(f"A24 {state}: the driver can be unloaded and loaded then"):
        vm.sh("rmmod secmod")
        vm.load_module()
        expect_equal(module.state, after)


def in_flight():
    with case("A24 operating: not unloaded while it works for somebody"):
        with Held() as held:
            expect_rc(vm.sh("rmmod secmod", check=False), 1, "in use")
            expect_equal(held.release(), 0, held.running.err)
    with case("A24 operating: the TPM taken away in mid-flight: what was begun ends well"):
        with Held() as held:
            taking = vm.start(f"echo MSFT0101:00 >{CRB}/unbind")
            vm.wait_for("grep -qs tpm_chip_unregister /proc/[0-9]*/stack")
            expect_equal(held.release(), 0, held.running.err)
            expect_equal(taking.wait(60), 0)
        expect_rc(module.secmod("attest", *NONCE, check=False), 1, GONE)
    with case("A2 operating: without a TPM nothing of it changes, and no key is lost"):
        expect_rc(module.secmod("reset", "--yes", check=False), 1, GONE)
        expect_equal(module.state, "operating")


def without_tpm():
    with case("A24 without a TPM the driver is not loaded, and says why"):
        unbind()
        expect_rc(vm.sh(f"insmod {MODULE}", check=False), 1, "No such device")
        expect_match("there is no TPM, or it does not pass its self-test", vm.sh("dmesg | tail -n 5").out)
        bind()


stand = Stand()
vm, module = stand.vm, stand.module
with vm:
    vm.load_module()
    vm.sh("rmmod secmod")
    without_tpm()
    vm.load_module()
    unloaded("virgin", "virgin")
    tpm_taken("virgin", begin, "virgin")
    with case("virgin: with the TPM it was loaded with, it begins"):
        expect_equal(begin(), "ok")
    module.reboot()
    module.init(stand.manufacturer)
    unloaded("personalization", "failed", LOCKED)
    with_open_files("failed")
    with case("the way out is a restart"):
        module.reboot()
        expect_equal(module.state, "detached")
    with_open_files("detached")
    module.attach()
    tpm_taken("personalization", lambda: asks("attest", *NONCE), "failed")
    module.reboot()
    tpm_taken("detached", lambda: asks("attach", "--vault", module.vault), "failed")
    module.reboot()
    module.attach()
    module.personalize(stand.unit)
    key = module.attribute("module_key")
    with_open_files("operating")
    in_flight()
    with case("A1 after all this the same key goes on operating"):
        module.reboot()
        module.attach()
        expect_equal((module.state, module.attribute("module_key")), ("operating", key))
        stand.expect_signs()
    unloaded("operating", "failed", LOCKED)
