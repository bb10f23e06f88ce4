#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""What stands at the handle of the storage root key: used, or left alone for one of our own."""

from lib import VM, Bus, Central, Manufacturer, Module, Tpm, Unit, case, expect, expect_equal, expect_match, expect_rc
from lib.holdings import Begin, Fill, Holdings
from lib.powercut import IDENTITY, KEY

SRK, OWN = 0x81000001, 0x81150002
# told where the TPM is, the tools do not look for a resource manager's daemon
TOOLS = "export TPM2TOOLS_TCTI=device:/dev/tpmrm0; cd /tmp"
CREATE = f"{TOOLS}; tpm2_createprimary -Q -C o -c srk.ctx"
EVICT = f"{TOOLS}; tpm2_evictcontrol -Q -C o -c"
PERSIST = f"tpm2_evictcontrol -Q -C o -c srk.ctx {SRK:#x}"
SANE = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt"

# how it was made, and whether the driver uses it
KEYS = {
    "none": (None, True),
    "the TCG's P-256 key, but for its unique field": (f"-G ecc -a '{SANE}|noda'", True),
    "RSA 2048": (f"-G rsa2048 -a '{SANE}|noda'", False),
    "P-384": (f"-G ecc384 -a '{SANE}|noda'", False),
    "P-256 with SHA-384 names": (f"-G ecc -g sha384 -a '{SANE}|noda'", False),
    "P-256 with AES-256": (f"-G ecc:aes256cfb -a '{SANE}|noda'", False),
    "P-256 with an authorization": (f"-G ecc -p secret -a '{SANE}|noda'", False),
    "P-256 with dictionary attack protection": (f"-G ecc -a '{SANE}'", False),
    "P-256 with a policy only": (f"-G ecc -a '{SANE.replace('userwithauth', 'adminwithpolicy')}|noda'",
                                 False),
    "a signing key": ("-G ecc:ecdsa:null -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth"
                      "|noda|sign'", False),
}  # fmt: skip


def keys(vm, begin):
    fill = Fill(tpm.bus)
    for name, (how, used) in KEYS.items():
        with case(f"A2 at the storage root key's handle: {name}: {'used' if used else 'left alone'}"):
            fill.persist(SRK, SRK)
            if how:
                vm.sh(f"{CREATE} {how} && {PERSIST}")
                begin.works(0, IDENTITY, SRK, *([] if used else [OWN]))
            expect_equal(begin.begin(), "ok")
            persistent = Holdings(tpm).handles[-1]
            expect_equal((SRK in persistent, OWN in persistent), (True, not used))
            begin.close()


def life(module, vm):
    """All commands of a module's life, on a storage root key of its own."""
    vm.sh(f"{EVICT} {SRK:#x} && {CREATE} -G rsa2048 && {PERSIST}")
    with case("A2 beside an RSA storage root key a module is initialized and personalized"):
        module.init(manufacturer)
        module.personalize(unit)
        expect_equal(module.state, "operating")
        public = vm.sh(f"{TOOLS}; tpm2_readpublic -c {SRK:#x}").out
        expect_match("value: rsa", public)
    with case("A2 after a restart it is found again"):
        module.reboot()
        module.attach()
        expect_equal(module.state, "operating")
        module.secmod("reset", "--yes")
        module.personalize(unit)
        expect_equal(module.state, "operating")
    with case("A2 root removes our storage root key: it is made again, the same"):
        vm.sh(f"{EVICT} {OWN:#x}")
        module.reboot()
        module.attach()
        expect_equal(module.state, "operating")
        persistent = Holdings(tpm).handles[-1]
        expect(OWN in persistent and KEY in persistent, persistent)
    with case("A2 root replaces the RSA key by the TCG's P-256 key: ours goes on"):
        vm.sh(f"{EVICT} {SRK:#x} && {CREATE} -G ecc "
              f"-a '{SANE}|noda' && {PERSIST}")
        module.reboot()
        module.attach()
        expect_equal(module.state, "operating")
    with case("A21 root puts a foreign key in place of our storage root key: named"):
        vm.sh(f"{EVICT} {OWN:#x} && {CREATE} -G rsa2048 && "
              f"tpm2_evictcontrol -Q -C o -c srk.ctx {OWN:#x}")
        module.reboot()
        expect_equal(module.state, "failed")
        expect_match(f"handle {OWN:#x} holds a foreign object", module.attribute("last_error"))
        vm.sh(f"{EVICT} {OWN:#x}")
    with case("A21 the way out works: removed, and the machine restarted"):
        vm.sh(f"{EVICT} {SRK:#x}")
        module.reboot()
        module.attach()
        expect_equal(module.state, "operating")
        persistent = Holdings(tpm).handles[-1]
        expect(SRK in persistent and OWN not in persistent, persistent)


def owned_later(module, vm):
    """The owner's authorization is set when the module is operating."""
    vm.sh(f"{TOOLS}; tpm2_changeauth -c owner secret")
    with case("A2 owner authorization set later: attached and signing as before"):
        module.secmod("detach")
        module.attach()
        expect_equal(module.state, "operating")
        module.secmod("attest", "--out", "/dev/null")
    with case("A24 owner authorization set later: the reset works"):
        module.secmod("reset", "--yes")
        expect_equal(module.state, "personalization")
        module.secmod("detach")
        module.attach()
        expect_equal(module.state, "personalization")
    with case("A2 owner authorization set later: personalizing is refused with the way out, which works"):
        result = module.personalize(unit, check=False)
        expect_rc(result, 1, "BAD_AUTH.*is the TPM's owner authorization set")
        expect_equal(module.state, "personalization")
        vm.sh(f"{TOOLS}; tpm2_changeauth -c owner -p secret")
        module.personalize(unit)
        expect_equal(module.state, "operating")


tpm = Tpm(bus=Bus())
manufacturer = Manufacturer(ek_ca=tpm.ek_ca)
manufacturer.serve()
unit = Unit(manufacturer, in_tpm=False)
Central(manufacturer, unit)
unit.serve()
with VM(tpm=tpm) as vm:
    vm.load_module()
    begin = Begin(vm, tpm)
    keys(vm, begin)
    begin.tool.close_input()
    module = Module(vm)
    life(module, vm)
    owned_later(module, vm)
