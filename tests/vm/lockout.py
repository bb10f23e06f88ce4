#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Dictionary attacks: the module neither adds to the TPM's lockout nor minds it."""

import struct

from lib import Tpm, case, expect, expect_equal, expect_match, expect_rc, host
from lib.bus import command_code, tpm_command
from lib.powercut import EPOCH, IDENTITY, KEY, ROOT, VAULT_COUNTER, Stand
from lib.world import Program

TOOLS = "export TPM2TOOLS_TCTI=device:/dev/tpmrm0"
PROTECTED = 0x81000200  # a key of the test's own that counts
SRK = 0x81000001
CREATE, LOCKOUT = 0x153, 0x921
SIGNING = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign"
STORAGE = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt"


def make_key(handle, attributes, options=""):
    return (
        f"tpm2_createprimary -Q -C o -G ecc -a '{attributes}' {options} -c /run/k.ctx &&"
        f" tpm2_evictcontrol -Q -C o -c /run/k.ctx {handle:#x}"
    )


def sign_with(handle, auth):
    return f"tpm2_sign -Q -c {handle:#x} -p {auth} -g sha256 -s ecdsa -o /run/s /etc/hostname"


def failures():
    """The count, by the driver and by tpm2-tools."""
    counter, flag, listing = stand.vm.sh(
        f"cd /sys/class/secmod/secmod0/tpm && cat lockout_counter in_lockout &&"
        f" {TOOLS} && tpm2_getcap properties-variable"
    ).out.split("\n", 2)
    counted = int(expect_match(r"TPM2_PT_LOCKOUT_COUNTER: (\w+)", listing)[1], 0)
    expect_equal(int(counter), counted)
    expect_equal(flag, expect_match(r"inLockout: +(\d)", listing)[1])
    return counted


def tpm2(command):
    stand.vm.sh(f"{TOOLS}; {command}")


def guess(command, answer):
    result = stand.vm.sh(f"{TOOLS}; {command}", check=False)
    expect(result.rc > 0, result)
    expect_match(f"(?i){answer}", result.err)


def clear():
    tpm2("tpm2_dictionarylockout -Q --clear-lockout")


def lock_out():
    """By somebody else's key; its right password does not help any more."""
    guess(sign_with(PROTECTED, "wrong"), "0x98E|0x921")
    guess(sign_with(PROTECTED, "wrong"), "0x98E|0x921")
    guess(sign_with(PROTECTED, "right"), "0x921")
    expect_equal(failures(), 2)


def expect_locked():
    expect_equal(stand.module.attribute("tpm/in_lockout"), "1")


def guesses():
    (stand.vm.share / "epoch").write_bytes(struct.pack(">Q", stand.status()["epoch"]))
    policy = (
        "tpm2_startauthsession -Q --policy-session -S /run/p &&"
        f" tpm2_policynv -Q -S /run/p -C {EPOCH:#x} -i {stand.vm.share}/epoch {EPOCH:#x} eq &&"
        " tpm2_policypassword -Q -S /run/p && "
    )
    forget = "rc=$?; tpm2_flushcontext /run/p; exit $rc"
    objects = {
        "the identity key": sign_with(IDENTITY, "wrong"),
        "the module key": f"{policy}{sign_with(KEY, 'session:/run/p+wrong')}; {forget}",
        "the epoch counter": f"tpm2_nvincrement -C {EPOCH:#x} -P wrong {EPOCH:#x}",
        "the vault counter": f"tpm2_nvincrement -C {VAULT_COUNTER:#x} -P wrong {VAULT_COUNTER:#x}",
        "the root secret": f"tpm2_nvread -C {ROOT:#x} -P wrong {ROOT:#x}",
        "the storage root key": f"tpm2_create -Q -G ecc -C {SRK:#x} -P wrong",
    }
    for name, command in objects.items():
        with case(f"A24 a wrong authorization for {name} does not count"):
            guess(command, "0x0*9A2")  # BAD_AUTH, not AUTH_FAIL
            expect_equal(failures(), 0)
    with case("A24 one for a key that is not the module's does"):
        guess(sign_with(PROTECTED, "wrong"), "0x98E")
        expect_equal(failures(), 1)
        clear()
        expect_equal(failures(), 0)


def limits():
    with case("an administrator sees what the TPM makes of failures"):
        tpm2("tpm2_dictionarylockout -Q -s -n 2 -t 86400 -l 43200")
        got = [stand.module.attribute(f"tpm/lockout_{n}") for n in ("max", "interval", "recovery")]
        expect_equal(got, ["2", "86400", "43200"])


def locked():
    with case("A1 in lockout the module signs, is reset and personalized"):
        lock_out()
        stand.expect_signs()
        stand.module.secmod("attest")
        stand.module.secmod("reset", "--yes")
        stand.expect_works()
        expect_locked()
    with case("A2 in lockout the module starts and attaches"):
        stand.module.reboot()
        expect_locked()
        expect_equal(stand.attach()["state"], "operating")
        stand.expect_signs()
    with case("A8 in lockout a module is initialized anew"):
        initialize()
        expect_locked()


def initialize():
    stand.module.secmod("detach")
    stand.manufacturer.run("release", "SN-0001")
    stand.vm.sh(f"rm {stand.module.vault}")
    stand.module.init(stand.manufacturer, "SN-0001", "--discard", "--yes")


def protected_srk():
    with case("A1 a storage root key that counts is not used: a module of its own goes on"):
        clear()
        tpm2(f"tpm2_evictcontrol -Q -C o -c {SRK:#x} && " + make_key(SRK, STORAGE))
        initialize()
        lock_out()
        stand.expect_works()
        expect_locked()


def refusal():
    """No command of the driver can be refused so: the bus says it in the TPM's place."""
    with case("A1 a refusal of a TPM in lockout is named, with the way out"):
        stand.module.secmod("reset", "--yes")
        stand.bus.arm(on_answer=lambda _, command, answer: locked_out(command))
        result = stand.module.personalize(stand.unit, check=False)
        stand.bus.arm()
        expect_rc(result, 1, "in dictionary attack lockout")
        expect_match("tpm/lockout_interval.*tpm2_dictionarylockout", result.err)
        expect_match("in dictionary attack lockout", stand.module.attribute("last_error"))
    with case("A1 and the same command succeeds afterwards"):
        stand.expect_works()


def locked_out(command):
    return tpm_command(LOCKOUT, b"") if command_code(command) == CREATE else None


def disorderly():
    """A TPM counts a disorderly end as a failure if what counts was in use."""
    with case("a power cut does not count while only the module used the TPM"):
        stand.module.reboot(cut=False)
        expect_equal(failures(), 0)
        stand.attach()
        stand.expect_signs()
        stand.module.secmod("reset", "--yes")
        stand.expect_works()
        stand.module.reboot()
        expect_equal(failures(), 0)
    with case("it does when a protected key was used, which this TPM knows of"):
        tpm2(sign_with(PROTECTED, "right"))
        stand.module.reboot()
        expect_equal(failures(), 1)
        clear()


def typed():
    """Keys of the programs for servers."""
    tpm = Tpm(name="tpm-typed")
    tcti = tpm.serve()
    password = Program("secmod-pu", "typed").dir / "password"
    password.write_text("1234\n")

    def init(handle, name, *options, auth=""):
        key = f"tpm:{handle:#x}?tcti={tcti}{auth}"
        words = ("init", "--key", key, "--name", name, *options)
        return Program("secmod-pu", name).run(*words, check=False)

    def sign(name):
        """Asks for a certificate by the key, which is there."""
        return init(0x81000100, name, "--existing", auth=auth)

    def attributes(handle):
        return host(["tpm2_readpublic", "-T", tcti, "-c", f"{handle:#x}"]).out

    def count():
        found = host(["tpm2_getcap", "-T", tcti, "properties-variable"]).out
        return int(expect_match(r"TPM2_PT_LOCKOUT_COUNTER: (\w+)", found)[1], 0)

    auth = f"&auth={password}"
    with case("A25 a signing key with a password counts wrong ones"):
        expect_rc(init(0x81000100, "right", auth=auth))
        expect("noda" not in attributes(0x81000100), "it has noDA")
        password.write_text("4321\n")
        expect_rc(sign("wrong-1"), 1)
        expect_equal(count(), 1)
    with case("A25 locked out, the signing key says so and names the way out"):
        expect_rc(sign("wrong-2"), 1)
        expect_rc(sign("wrong-3"), 1)
        password.write_text("1234\n")
        expect_rc(sign("again"), 1, "in dictionary attack lockout.*tpm2_dictionarylockout")
    with case("A25 one without a password has noDA: it goes on in lockout"):
        expect_rc(init(0x81000101, "open"))
        expect_match("noda", attributes(0x81000101))
    tpm.stop()


typed()
stand = Stand()
stand.boot()
stand.module.init(stand.manufacturer)
stand.module.personalize(stand.unit)
tpm2(make_key(PROTECTED, SIGNING, "-p right"))
guesses()
limits()
locked()
protected_srk()
refusal()
clear()
disorderly()
stand.vm.shutdown()
