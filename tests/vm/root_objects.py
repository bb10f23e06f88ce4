#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Root removes the module's keys, puts others in their place, clears the TPM."""

from lib import BIN, case, expect, expect_equal, expect_match, expect_rc, host
from lib.powercut import IDENTITY, KEY
from lib.root import Terminal

SRK = "0x81000001"
NONCE = ("--nonce", "11" * 32)


def proof_holds():
    """A reset's proof does, to who has the manufacturer's certificate only."""
    proof = vm.share / "proof"
    module.secmod("reset", "--yes", *NONCE, "--proof", proof)
    expect_equal(module.state, "personalization")
    verify = [BIN / "secmod", "verify-proof", proof, "--root", terminal.manufacturer.root]
    host([str(word) for word in (*verify, *NONCE)])


def key_removed():
    evict = f"tpm2_evictcontrol -Q -C o -c {KEY:#x}"
    terminal.sh(evict)
    with case("A2 the module key removed: signing says so"):
        expect_match("signing with the module key: ", terminal.sign())
    with case("A2 a reset proves the end of the key all the same"):
        proof_holds()
    terminal.healthy()
    terminal.sh(evict)
    with case("A2 the module key removed: so does attaching"):
        module.secmod("detach")
        terminal.refused(
            ("attach", "--vault", module.vault),
            "the module key is missing at 0x81150001: secmod reset --fresh-vault", "detached",
        )
    with case("the module key removed: the way out is a fresh vault"):
        terminal.fresh_vault()
        terminal.healthy()


def stand_in(handle):
    """A key of root's own on this handle."""
    terminal.sh(f"tpm2_evictcontrol -Q -C o -c {handle:#x}",
                f"tpm2_create -Q -C {SRK} -G ecc256 -u f.pub -r f.priv",
                f"tpm2_load -Q -C {SRK} -u f.pub -r f.priv -c f.ctx",
                f"tpm2_evictcontrol -Q -C o -c f.ctx {handle:#x}")


def key_replaced():
    stand_in(KEY)
    with case("A28 another key on the module key's handle does not sign for it"):
        expect_match("signing with the module key: ", terminal.sign())
    with case("A2 a reset proves the end of the module's key, not of that one"):
        proof_holds()
    with case("A28 a foreign object on the key's handle is named, not removed"):
        result = module.personalize(terminal.unit, check=False)
        expect_rc(result, 1, "handle 0x81150001 holds a foreign object: remove it")
        terminal.sh(f"tpm2_readpublic -Q -c {KEY:#x}")
    with case("the way out is removing it"):
        terminal.sh(f"tpm2_evictcontrol -Q -C o -c {KEY:#x}")
        terminal.healthy()


def srk_removed():
    terminal.sh(f"tpm2_evictcontrol -Q -C o -c {SRK}")
    with case("A24 the storage root key removed: what needs it says so"):
        expect_equal(terminal.sign(), "")
        expect_rc(module.secmod("reset", "--yes", check=False), 1, "starting a salted session: ")
    with case("the way out is a restart: it is made again, and the same"):
        module.reboot()
        module.attach()
        expect_equal(module.state, "operating")
        terminal.healthy()


def cleared():
    before = int(module.attribute("epoch"))
    key = module.attribute("module_key")
    expect(key)
    terminal.sh("tpm2_clear -Q -c l")
    with case("A2 the TPM cleared: the keys are gone, the module says so"):
        expect_match("signing with the module key: ", terminal.sign())
        expect_rc(module.secmod("attest", *NONCE, check=False), 1, "certifying the epoch counter")
    with case("A24 after a restart it is virgin, the old vault is of no use"):
        module.reboot()
        expect_equal(module.state, "virgin")
        expect_rc(module.attach(check=False), 1, "module is virgin: initialize it")
    with case("A24 the way out is an initialization: another module, the counters go on"):
        terminal.manufacturer.run("release", "SN-0001")
        vm.sh(f"rm {module.vault}")
        module.init(terminal.manufacturer)
        terminal.healthy()
        expect(int(module.attribute("epoch")) > before, "the epoch went back")
        expect(module.attribute("module_key") != key)


def identity_replaced():
    stand_in(IDENTITY)
    with case("A8 another key on the identity key's handle does not speak for the module"):
        terminal.refused(("attest", *NONCE), "certifying the epoch counter: ", "operating")
    with case("A8 nor after a restart: it is named, and not removed"):
        module.reboot()
        expect_equal(module.state, "failed")
        foreign = "handle 0x81150000 holds a foreign object: remove it or choose"
        expect_match(foreign, module.attribute("last_error"))
        discard = ("init", terminal.manufacturer.guest_endpoint, "--root",
                   terminal.manufacturer.root, "--serial", "SN-0001", "--vault",
                   f"{module.vault}.new", "--discard", "--yes")  # fmt: skip
        terminal.refused(discard, foreign, "failed")
        terminal.sh(f"tpm2_readpublic -Q -c {IDENTITY:#x}")


terminal = Terminal()
vm, module = terminal.vm, terminal.module
with vm:
    terminal.begin()
    key_removed()
    key_replaced()
    srk_removed()
    cleared()
    identity_replaced()
