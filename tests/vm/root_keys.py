#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Root uses the module's keys without the driver, before a reset and after it."""

import struct

from lib import VM, Bus, Module, Tpm, case, expect_equal, expect_rc, serving
from lib.powercut import EPOCH, IDENTITY, KEY
from lib.root import (
    AUTH_TYPE,
    AUTH_UNAVAILABLE,
    BAD_AUTH,
    BAD_AUTH_OF_SECOND,
    INTEGRITY,
    POLICY,
    POLICY_FAIL,
    RAW,
    Root,
)

CREATE = 0x153
SRK = "0x81000001"
SESSION = "tpm2_startauthsession -S s.ctx --policy-session -g sha256"
AUTH_VALUE = "tpm2_policyauthvalue -Q -S s.ctx"


def epoch_is(number, session="s.ctx"):
    return f"tpm2_policynv -Q -S {session} -i epoch{number} {EPOCH:#x} eq"


class Wire:
    """Takes down the wrapped private part of each key as the TPM hands it out."""

    def __init__(self, bus):
        self.keys = []
        bus.arm(on_answer=self._answer)

    def _answer(self, _number, command, answer):
        code, rc = (int.from_bytes(m[6:10], "big") for m in (command, answer))
        if code == CREATE and not rc:
            parts, at = [], 14  # behind the header and the size of the parameters
            for _ in ("private", "public"):
                (size,) = struct.unpack(">H", answer[at : at + 2])
                parts.append(answer[at : at + 2 + size])
                at += 2 + size
            self.keys.append(parts)


def sign(key, auth="", data="digest"):
    return f"tpm2_sign -Q -c {key} {auth} -g sha256 -s ecdsa -d -o signature {data}"


def with_policy(key, *steps, value=""):
    """Sign with the key in a session that has gone these steps."""
    return "; ".join([SESSION, *steps, sign(key, f"-p session:s.ctx{value}")])


def passwords(key):
    """Each use of a key there is: with an empty password and with a guessed one."""
    uses = {
        "signs": sign(key, "{}"),
        "agrees": f"tpm2_ecdhzgen -Q -c {key} {{}} -u point -o z",
        "attests": f"tpm2_quote -Q -c {key} {{}} -l sha256:0 -g sha256 -s sg -m m",
        "certifies": f"tpm2_certify -Q -c {SRK} -C {key} {{}} -g sha256 -o a -s sg",
        "changes it": f"tpm2_changeauth -Q -C {SRK} -c {key} {{}} -r new new",
    }
    for what, command in uses.items():
        yield what, command.format("")
        yield f"{what} with a guess", command.format("-p guess")


def near_misses(key, now, other):
    """Policy sessions that come near the key's policy, and what the TPM says."""
    return {
        "PolicyNV only": (with_policy(key, epoch_is(now)), POLICY_FAIL),
        "PolicyAuthValue only": (with_policy(key, AUTH_VALUE), POLICY_FAIL),
        "both, without the value": (with_policy(key, epoch_is(now), AUTH_VALUE), BAD_AUTH),
        "both, with a guess": (
            with_policy(key, epoch_is(now), AUTH_VALUE, value="+guess"),
            BAD_AUTH,
        ),
        "both, the other way round": (
            with_policy(key, AUTH_VALUE, epoch_is(now)),
            POLICY_FAIL,
        ),
        "PolicyPassword for PolicyAuthValue": (
            with_policy(key, epoch_is(now), "tpm2_policypassword -Q -S s.ctx", value="+guess"),
            BAD_AUTH,
        ),
        "PolicyNV of another epoch": (with_policy(key, epoch_is(other), AUTH_VALUE), POLICY),
    }


def under(what, attempts):
    """The same attempts, each with what it is about in its name."""
    return {f"{what}: {name}": words for name, words in attempts.items()}


def prepare(vm):
    """What the attempts need: a digest, epochs, a point, and a key of root's own."""
    vm.sh(
        "mkdir -p /tmp/root && cd /tmp/root && head -c 32 /dev/urandom >digest &&"
        " for i in 1 2; do printf '%016x' $i | xxd -r -p >epoch$i; done &&"
        " openssl ecparam -name prime256v1 -genkey -noout -out k.pem &&"
        " openssl ec -in k.pem -pubout -outform DER 2>/dev/null | tail -c 64 >xy &&"
        " { printf '\\0\\104\\0\\040'; head -c 32 xy; printf '\\0\\040'; tail -c 32 xy; } >point"
    )


def beside_the_driver(root):
    module_key, identity_key = f"{KEY:#x}", f"{IDENTITY:#x}"
    refusals = {"changes it": AUTH_TYPE}  # ADMIN role: needs a policy, and there is none
    attempts = {
        name: (command, refusals.get(name.split(" with")[0], AUTH_UNAVAILABLE))
        for name, command in passwords(module_key)
    }
    root.attack(under("A28 module key, by password", attempts))
    attempts = {
        name: (command, BAD_AUTH, BAD_AUTH_OF_SECOND)
        for name, command in passwords(identity_key)
    }
    root.attack(under("A8 identity key, by password", attempts))
    misses = near_misses(module_key, 1, 2)
    root.attack(under("A28 module key", misses))
    few = ("PolicyNV only", "both, without the value")
    raw = {name: misses[name] for name in few}
    raw["signs"] = (sign(module_key), AUTH_UNAVAILABLE)
    raw["identity key signs"] = (sign(identity_key), BAD_AUTH)
    root.attack(under("A28 module key, without a resource manager", raw), RAW)


def hoard(root, wire, module):
    """Everything root can lay by before the reset."""
    private, public = wire.keys[-1]
    share = root.vm.share
    (share / "private").write_bytes(private)
    (share / "public").write_bytes(public)
    policy = f"tpm2_startauthsession -S t.ctx -g sha256; {epoch_is(1, 't.ctx')} -L own.policy"
    own = "tpm2_create -Q -C %s -G ecc256 -u own.pub -r own.priv -L own.policy -p own" % SRK
    root.attack(under("A2 before the reset root can", {
        "load the wrapped key he saw on the bus": (
            f"tpm2_load -Q -C {SRK} -u {share}/public -r {share}/private -c copy.ctx",),
        "satisfy PolicyNV and PolicyAuthValue beforehand": (
            f"{SESSION.replace('s.ctx', 'copy.s')}; {epoch_is(1, 'copy.s')};"
            " tpm2_policyauthvalue -Q -S copy.s",),
        "make a key of his own with the module key's policy": (
            f"{policy}; tpm2_policyauthvalue -Q -S t.ctx -L own.policy;"
            f' {own} -a "fixedtpm|fixedparent|sensitivedataorigin|sign|noda"',),
        "satisfy its policy beforehand": (
            f"tpm2_load -Q -C {SRK} -u own.pub -r own.priv -c own.ctx;"
            f" {SESSION.replace('s.ctx', 'own.s')}; {epoch_is(1, 'own.s')};"
            " tpm2_policyauthvalue -Q -S own.s",),
    }))
    root.attack(under("A28 a copy of the module key", {
        "PolicyNV and PolicyAuthValue without the value": (
            with_policy("copy.ctx", epoch_is(1), AUTH_VALUE), BAD_AUTH),
    }))
    root.vm.sh(f"cp {module.vault} {module.vault}.old")


def after_the_reset(root, module):
    share = root.vm.share
    again = f"tpm2_load -Q -C {SRK} -u {share}/public -r {share}/private -c again.ctx"
    root.attack(under("A2 after the reset, a copy of the key", {
        "with a policy satisfied before": (sign("copy.ctx", "-p session:copy.s"), BAD_AUTH),
        "loaded again, under the old epoch": (
            f"{again}; {with_policy('again.ctx', epoch_is(1), AUTH_VALUE)}", POLICY),
        "loaded again, under the new epoch": (
            f"{again}; {with_policy('again.ctx', epoch_is(2), AUTH_VALUE)}", POLICY_FAIL),
    }))
    root.attack(under("A2 after the reset, a key whose authValue root knows", {
        "under the old epoch": (
            with_policy("own.ctx", epoch_is(1), AUTH_VALUE, value="+own"), POLICY),
        "under the new epoch": (
            with_policy("own.ctx", epoch_is(2), AUTH_VALUE, value="+own"), POLICY_FAIL),
    }))
    # This is why the module key's authValue is a secret that a reset wipes.
    root.attack(under("A2 after the reset", {
        "PolicyNV satisfied before it still counts for whom knows the authValue": (
            sign("own.ctx", "-p session:own.s+own"),),
    }))
    with case("A2 the old key, put back on its handle, with the old vault: refused"):
        module.secmod("detach")
        put = root.tries({"put": f"tpm2_evictcontrol -Q -C o -c copy.ctx {KEY:#x}"})["put"]
        put.expect_works()
        result = module.secmod("attach", "--vault", f"{module.vault}.old", check=False)
        expect_rc(result, 1, "vault: it holds content 3, the module is at 4: .*newest copy")
        expect_equal(module.state, "detached")
    with case("A2 the old key, put back on its handle, with the present vault: goes away"):
        module.attach()
        expect_equal(module.state, "personalization")
        root.tries({"read": f"tpm2_readpublic -Q -c {KEY:#x}"})["read"].expect(0x18B)


def after_a_restart(root, module):
    module.reboot()
    prepare(root.vm)
    share = root.vm.share
    root.vm.sh(f"cp {share}/hoard/* /tmp/root/")
    copy = f"{share}/public -r {share}/private"
    root.attack(under("A2 after a restart", {
        "a saved context of the key": (sign("copy.ctx"), INTEGRITY),
        "a saved session": (sign(f"{IDENTITY:#x}", "-p session:copy.s"), INTEGRITY),
        "the wrapped key, under the new epoch": (
            f"tpm2_load -Q -C {SRK} -u {copy} -c again.ctx;"
            + with_policy("again.ctx", epoch_is(2), AUTH_VALUE), POLICY_FAIL),
    }))
    with case("A2 the module goes on: a new key after all this"):
        module.attach()
        module.personalize(unit)
        expect_equal(module.state, "operating")


tpm = Tpm(bus=Bus())
manufacturer, unit = serving(tpm)
with VM(tpm=tpm) as vm:
    vm.load_module()
    module, root = Module(vm), Root(vm)
    module.init(manufacturer)
    wire = Wire(tpm.bus)
    module.personalize(unit)
    prepare(vm)
    beside_the_driver(root)
    hoard(root, wire, module)
    vm.sh(f"mkdir {vm.share}/hoard && cp /tmp/root/copy.* {vm.share}/hoard/")
    module.secmod("reset", "--yes")
    after_the_reset(root, module)
    after_a_restart(root, module)
