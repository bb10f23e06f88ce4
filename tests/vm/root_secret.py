#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Root reads, writes and replaces the root secret: before the driver is loaded and after."""

from lib import (
    VM,
    Manufacturer,
    Module,
    Tpm,
    case,
    expect_equal,
    expect_match,
    expect_rc,
)
from lib.powercut import ROOT
from lib.root import AUTH_UNAVAILABLE, NV_AUTHORIZATION, NV_LOCKED, POLICY_FAIL, RAW, Root

INDEX = f"{ROOT:#x}"
READ = f"tpm2_nvread -s 64 {INDEX}"
WRITE = f"head -c 64 /dev/zero >zeros; tpm2_nvwrite -C o {INDEX} -i zeros"
PCRS = "pcrs=7,23"
READ_WITH_PCRS = f"tpm2_nvread -s 64 -P pcr:sha256:7,23 {INDEX}"
# what the driver defines; tpm2-tools calls WRITEDEFINE so
ATTRIBUTES = "ownerwrite|writeall|writedefine|authread|read_stclear|no_da"


def after_load(root):
    root.attack({
        "A24 loaded: root reads the root secret": (READ, NV_LOCKED),
        "A24 loaded: half of it": (f"tpm2_nvread -s 32 --offset 32 {INDEX}", NV_LOCKED),
        "A24 loaded: has a key of his own certify it": (
            "tpm2_createprimary -Q -C o -G ecc256:ecdsa-sha256:null -c k.ctx"
            ' -a "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|restricted";'
            f"tpm2_nvcertify -C k.ctx -c {INDEX} -g sha256 -o sig --attestation at --size 64"
            f" {INDEX}", NV_LOCKED),
        "A24 loaded: compares it by PolicyNV": (
            "head -c 1 /dev/zero >byte; tpm2_startauthsession -S s.ctx --policy-session;"
            f" tpm2_policynv -S s.ctx -i byte {INDEX} uge", NV_LOCKED),
        "A24 loaded: writes it": (WRITE, NV_LOCKED),
    })
    root.attack({"A24 loaded: reads it without resource manager": (READ, NV_LOCKED)}, RAW)


def replaced(root, module, manufacturer):
    """Root puts a secret of his own in its place: the module is lost, nothing else."""
    vm = root.vm
    vm.power_cut()
    vm.boot()
    redefine = (
        f"tpm2_nvundefine -Q -C o {INDEX}; tpm2_nvdefine -Q {INDEX} -C o -s 64 -g sha256"
        f' -a "{ATTRIBUTES}"; head -c 64 /dev/zero >zeros;'
        f" tpm2_nvwrite -C o {INDEX} -i zeros; tpm2_nvwritelock -C o {INDEX}"
    )
    # Known: without pcrs= it is readable from power on until the driver is loaded.
    root.attack({
        "A24 before the load, without pcrs=: root reads the root secret": (READ,),
        "A24 before the load: as owner": (f"tpm2_nvread -C o -s 64 {INDEX}", NV_AUTHORIZATION),
        "A24 before the load: writes it": (WRITE, NV_LOCKED),
        "A24 before the load: removes it and defines his own in its place": (redefine,),
    })
    vm.load_module()
    with case("A24 with a root secret of root's the module does not open its vault"):
        expect_equal(module.state, "detached")
        expect_rc(module.attach(check=False), 1, "vault: damaged: attach an undamaged copy")
    with case("A24 nor does it take a fresh vault, with the right certificates"):
        result = module.secmod(
            *("reset", "--yes", "--fresh-vault", f"{module.vault}.new"),
            *("--checking-cert", vm.share / "checking.pem"),
            *("--identity-cert", vm.share / "identity.pem"),
            check=False,
        )
        expect_rc(result, 1, "checking certificate: not the one given at initialization")
        expect_equal(module.state, "detached")
    with case("A24 the way out is another initialization"):
        manufacturer.run("release", "SN-0001")
        vm.sh(f"rm {module.vault}")
        module.init(manufacturer, "SN-0001", "--discard", "--yes")
        expect_equal(module.state, "personalization")
    root.attack({"A24 after it: root reads the root secret": (READ, NV_LOCKED)})


def hindered(root, module):
    """Root sees to it that the driver cannot read the secret: it locks it all the same."""
    vm = root.vm
    vm.power_cut()
    vm.boot()
    root.fill_sessions()
    vm.load_module()
    with case("A24 all sessions taken when the driver is loaded: failed, and says why"):
        expect_equal(module.state, "failed")
        expect_match("starting a salted session: .*TPM_RC_SESSION_MEMORY",
                     module.attribute("last_error"))
    root.flush()
    root.attack({"A24 all the same root does not read it then": (READ, NV_LOCKED)})
    with case("A24 the way out is a restart"):
        module.reboot()
        module.attach()
        expect_equal(module.state, "personalization")
    # here it is the load that has locked it, and not an initialization before
    root.attack({"A24 loaded after a restart: root reads the root secret": (READ, NV_LOCKED)})


def unbound(tpm):
    manufacturer = Manufacturer(ek_ca=tpm.ek_ca)
    manufacturer.serve()
    with VM(tpm=tpm) as vm:
        module, root = Module(vm), Root(vm)
        vm.load_module()
        module.init(manufacturer)
        module.secmod("certs", "--out-dir", vm.share)
        after_load(root)
        replaced(root, module, manufacturer)
        hindered(root, module)


def bound_to_pcrs(tpm):
    manufacturer = Manufacturer("pcr-manufacturer", ek_ca=tpm.ek_ca)
    manufacturer.serve()
    with VM(tpm=tpm, name="pcrs") as vm:
        module, root = Module(vm), Root(vm)
        vm.load_module(PCRS)
        module.init(manufacturer)
        root.attack({"A24 pcrs=, loaded: root reads it with the policy":
                           (READ_WITH_PCRS, NV_LOCKED)})
        module.reboot()  # loads without pcrs=
        with case("pcrs=: without the parameter the module says which one is missing"):
            expect_equal(module.state, "failed")
            expect_match("bound to PCRs: load with the pcrs=", module.attribute("last_error"))
        vm.power_cut()
        vm.boot()
        # Known: root of the very configuration that was measured is as good as the driver.
        root.attack({
            "A24 pcrs=, before the load: root reads it by password": (READ, AUTH_UNAVAILABLE),
            "A24 pcrs=, before the load, PCRs as at init: with the policy": (READ_WITH_PCRS,),
            "A24 pcrs=: something else is booted, or a PCR extended": (
                f"tpm2_pcrextend 7:sha256={'11' * 32}; {READ_WITH_PCRS}", POLICY_FAIL),
        })
        vm.load_module(PCRS)
        with case("A24 pcrs=: then the driver does not get it either, and says so"):
            expect_equal(module.state, "failed")
            expect_match("the PCRs differ from those at init: start the configuration of then",
                         module.attribute("last_error"))
        with case("pcrs=: the way out is the configuration of then"):
            vm.power_cut()
            vm.boot()
            vm.load_module(PCRS)
            expect_equal(module.state, "detached")
            module.attach()
            expect_equal(module.state, "personalization")
        root.attack({"A24 pcrs=, loaded after a restart: root reads it with the policy":
                           (READ_WITH_PCRS, NV_LOCKED)})


unbound(Tpm())
bound_to_pcrs(Tpm())
