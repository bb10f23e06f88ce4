#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""TPMs of many makes: interfaces, endorsement keys, PCR banks."""

from lib import (
    VM,
    Bus,
    Central,
    Manufacturer,
    Module,
    Tpm,
    Unit,
    case,
    expect,
    expect_equal,
    expect_match,
    expect_rc,
    host,
)
from lib.holdings import Begin, Holdings
from lib.powercut import IDENTITY


def whole_life(name, tpm, device="tpm-crb"):
    maker = Manufacturer(f"maker-{name}", ek_ca=tpm.ek_ca)
    maker.serve()
    unit = Unit(maker, f"pu-{name}", in_tpm=False)
    Central(maker, unit, f"central-{name}")
    unit.serve()
    with VM(tpm=tpm, tpm_device=device, name=name) as vm:
        module = Module(vm)
        vm.load_module()
        module.init(maker)
        module.personalize(unit)
        module.reboot(cut=False)
        module.attach()
        expect_equal(module.state, "operating")


def keys(tpm):
    """Endorsement keys without a certificate the driver's templates have."""
    with VM(tpm=tpm, name=tpm.name) as vm:
        module = Module(vm)
        vm.load_module()
        before = Holdings(tpm)
        strict = Manufacturer(f"strict-{tpm.name}", ek_ca=tpm.ek_ca)
        strict.serve()
        with case(f"A8 {tpm.name}: refused by the manufacturer, who says which key to allow"):
            result = module.init(strict, check=False)
            expect_rc(result, 1, "holds no EK certificate")
            found = expect_match(r"endorsement key ([0-9a-f]{64}) has no certificate", result.err)
            expect_equal(module.state, "virgin")
            now = Holdings(tpm)
            expect_equal(now.handles[:4], before.handles[:4])
            expect(IDENTITY not in now.handles[4], "an identity key is left")
        allowed = vm.share / "allowed"
        allowed.write_text(found.group(1) + "\n")
        strict.stop()
        strict.serve(None, "--ek-allow", allowed)
        with case(f"A8 {tpm.name}: allowed by its digest, it is taken"):
            module.init(strict)
            expect_equal(module.state, "personalization")


def banks():
    """SHA-256 is not among the PCRs' banks."""
    tpm = Tpm(name="sha384", bus=Bus(), pcr_banks="sha1,sha384")
    with VM(tpm=tpm, name="banks") as vm:
        vm.load_module("pcrs=0,7")
        begin = Begin(vm, tpm)
        with case("A21 pcrs= without a SHA-256 bank is refused: it would bind to nothing"):
            begin.refused("EOPNOTSUPP: parameter pcrs: the TPM's SHA-256 bank does not have them: "
                          "allocate it in the firmware's setup, or load without pcrs=")
        begin.tool.close_input()
        begin.tool.wait()
        vm.sh("rmmod secmod")
        vm.load_module()
        begin = Begin(vm, tpm)
        with case("A2 without pcrs= it does not matter"):
            expect_equal(begin.begin(), "ok")
            begin.close()
        begin.tool.close_input()
        begin.tool.wait()
        vm.shutdown()
        # the firmware does it, for it keeps the platform's authorization
        banks_now = "sha256:all+sha1:none+sha384:none"
        host(["tpm2_pcrallocate", "-T", tpm.serve(), banks_now])
        tpm.stop()
        vm.boot()
        vm.load_module("pcrs=0,7")
        begin = Begin(vm, tpm)
        with case("A21 the way out works: the bank is allocated, pcrs= is taken"):
            expect_equal(begin.begin(), "ok")
            begin.close()


with case("A2 A8 a TPM behind TIS, with a P-256 endorsement key"):
    whole_life("tis", Tpm(name="p256", ek="p256"), "tpm-tis")
keys(Tpm(name="no-certificate", bus=Bus(), ek="none"))
keys(Tpm(name="p384-only", bus=Bus(), ek="p384"))
banks()
