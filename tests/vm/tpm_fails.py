#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The TPM fails at the n-th command, for every n: no half state, and a way out."""

import struct

from lib import BIN, BUILD, LONG, MODULE, case, chance, comment
from lib import expect, expect_equal, expect_match, expect_rc
from lib.bus import command_code
from lib.powercut import IDENTITY, KEY, Stand
from lib.powercut import TRANSIENT, LOADED_SESSION, handles, tpm_command

BOUNDED = 3  # of each operation and kind, where SECMOD_LONG=1 takes all
FAILURE, RETRY = 0x101, 0x922
FLUSH_CONTEXT = 0x165
NOTHING = tpm_command(0, b"")  # no such command: the TPM does nothing


# A handle that the TPM has given and nobody was told stays until the TPM restarts.
MAKE_HANDLES = {
    0x131: "CreatePrimary",
    0x157: "Load",
    0x161: "ContextLoad",
    0x167: "LoadExternal",
    0x176: "StartAuthSession",
    0x191: "CreateLoaded",
}


def answer(code):
    return struct.pack(">HII", 0x8001, 10, code)


class Fails:
    """Command number at is not done: the TPM is in failure mode for its length."""

    name = "answers TPM_RC_FAILURE"

    def __init__(self, at):
        self.at = at
        stand.bus.arm(self.on_command, self.on_answer)

    def on_command(self, number, command):
        return NOTHING if number == self.at else command

    def on_answer(self, number, _, answered):
        return answer(FAILURE) if number == self.at else answered


class Garbles:
    """Command number at is done; its answer is cut after the header."""

    name = "is done, its answer cut short"

    def __init__(self, at):
        self.at = at
        stand.bus.arm(on_answer=self.on_answer)

    def on_answer(self, number, _, answered):
        return answer(0) if number == self.at else answered


class Retries:
    """Every command is answered once with "try again"."""

    def __init__(self):
        self.refused = None
        stand.bus.arm(self.on_command, self.on_answer)

    def on_command(self, _, command):
        self.now = command != self.refused
        self.refused = command if self.now else None
        return NOTHING if self.now else command

    def on_answer(self, _number, _, answered):
        return answer(RETRY) if self.now else answered


def chosen(kind, what, total, few):
    """All numbers, or a few by chance; others with the next commit."""
    numbers = range(1, total + 1)
    if LONG or total <= few:
        return numbers
    return sorted(chance(f"{what} {kind.name}").sample(numbers, few))


def may_be_lost(kind, code):
    """What was made and not told, or was to be flushed and was not."""
    return code in MAKE_HANDLES if kind is Garbles else code == FLUSH_CONTEXT


def flush_lost(may_be):
    """What the failure leaves in the TPM until it restarts; nothing else may be left."""
    lost = handles(stand.bus, TRANSIENT) + handles(stand.bus, LOADED_SESSION)
    for handle in lost:
        stand.bus.ask(tpm_command(FLUSH_CONTEXT, struct.pack(">I", handle)))
    expect(len(lost) <= may_be, f"left in the TPM: {[hex(h) for h in lost]}")


def each_failure(what, operation, check, few=BOUNDED):
    """check(result) tells whether all is well, and goes back to where operation starts."""
    with case(f"{what} when every command has to be sent twice"):
        Retries()
        result = operation()
        codes = stand.bus.codes[1::2]
        expect_equal(stand.bus.codes[::2], codes, "what was sent, and sent again")
        stand.bus.arm()
        expect_equal(result.rc, 0, result)
        check(result)
    total = len(codes)
    for kind in (Fails, Garbles):
        numbers = chosen(kind, what, total, few)
        comment(f"{what}: {len(numbers)} of {total} commands")
        for number in numbers:
            with case(f"{what}: TPM command {number} of {total} {kind.name}"):
                one_failure(kind, number, operation, check)


def one_failure(kind, number, operation, check):
    kind(number)
    result = operation()
    codes = stand.bus.codes
    stand.bus.arm()
    try:
        comment(result.err.strip().rpartition("\n")[2] or "succeeded")
        expect(len(codes) >= number, f"only {len(codes)} commands")
        expect(result.rc in (0, 1), result)
        if result.rc:
            expect_match("[a-z]{4}", result.err, "the reason")
        flush_lost(may_be_lost(kind, codes[number - 1]))
    finally:
        check(result)


def unchecked(*words):
    return lambda: stand.module.secmod(*words, check=False)


def init():
    return stand.module.init(stand.manufacturer, check=False)


def check_init(result):
    """Taken back; or done, then it is taken away for the next."""
    if stand.issued:
        stand.manufacturer.run("release", "SN-0001")
    stand.vm.sh(["rm", "-f", stand.module.vault])
    if result.rc == 0:
        expect_equal(stand.module.state, "personalization")
        stand.expect_tidy(IDENTITY)
        stand.vm.sh("tpm2_clear -T device:/dev/tpmrm0 -c l && rmmod secmod")
        stand.vm.load_module()
    expect_equal(stand.module.state, "virgin")


# what a completion does to the root secret, in this order
ROOT_STEPS = {0x137: "write", 0x138: "write lock"}


class Loses:
    """The first command of this code is done; its answer is cut after the header."""

    def __init__(self, code):
        self.code, self.lost = code, 0
        stand.bus.arm(on_answer=self.on_answer)

    def on_answer(self, _, command, answered):
        if self.lost or command_code(command) != self.code:
            return answered
        self.lost = 1
        return answer(0)


def init_completed_again():
    """In the same session, where the driver knows the root secret it has written."""
    for code, step in ROOT_STEPS.items():
        with case(f"A8 init: the answer to the {step} of the root secret is lost, then again"):
            loses = Loses(code)
            words = [BIN / "secmod", *stand.module.init_words(stand.manufacturer)]
            words = ["env", f"LD_PRELOAD={BUILD}/vm/again.so", *map(str, words)]
            result = stand.vm.sh(words, check=False)
            stand.bus.arm()
            expect_equal(loses.lost, 1)
            expect_rc(result, 0, "once more")
            check_init(result)


def unload():
    stand.vm.sh("rmmod secmod")
    stand.tpm.restart(lambda: None)


def load():
    return stand.vm.sh(f"insmod {MODULE}", check=False)


def check_load(result):
    """It says what is wrong or is whole; a restart of the TPM is the way out."""
    if result.rc == 0:
        expect(stand.module.state in ("failed", "detached"), stand.module.state)
    if result.rc == 0 and stand.module.state == "failed":
        expect_match("[a-z]{4}", stand.module.attribute("last_error"))
    if result.rc:
        stand.vm.sh(f"insmod {MODULE}")
    stand.reload(lambda: None)
    expect_equal(stand.attach()["state"], "personalization")
    unload()


def settle(before):
    """The way out of "detached" is to attach."""
    if stand.module.state == "detached":
        return stand.attach()
    expect(stand.module.state in before, stand.module.state)
    return stand.status()


def check_attach(result):
    expect_equal(stand.module.state, "detached" if result.rc else "personalization")
    if result.rc:
        stand.module.attach()
    stand.module.secmod("detach")


def check_personalize(result):
    status = settle(("personalization", "operating"))
    if status["state"] == "operating":
        stand.expect_signs()
        stand.module.secmod("reset", "--yes")
    else:
        expect_equal(result.rc, 1, result)
        # a key that could not be removed goes with the next personalization
    # the first commit after an attach takes more commands than others
    stand.module.secmod("detach")
    expect_equal(stand.attach()["state"], "personalization")


def sign():
    script = f"OPENSSL_CONF={stand.vm.share}/openssl.cnf openssl dgst -sha256"
    script += f" -sign {stand.vm.share}/key -out /dev/null {stand.vm.share}/message"
    return stand.vm.sh(script, check=False)


def check_unchanged(_):
    expect_equal(lasting(stand.status()), lasting(before[0]))
    stand.expect_tidy(IDENTITY, KEY)


def lasting(status):
    """Without what tells only how often something happened, and why it last did not."""
    return {k: v for k, v in status.items() if k not in ("generation", "last_error")}


def check_detach(_):
    """The vault is let go of, whatever the TPM says."""
    expect_equal(stand.module.state, "detached")
    expect_equal(lasting(stand.attach()), lasting(before[0]))
    before[0] = stand.status()


def check_reset(result):
    """Nothing has happened, or the key is dead; and then it is made anew."""
    status = settle(("personalization", "operating"))
    epoch, before[0] = before[0]["epoch"], status
    erased = status["epoch"] != epoch
    expect_equal(status["state"], "personalization" if erased else "operating")
    expect(erased or result.rc, result)
    if erased:
        expect_equal(status["epoch"], epoch + 1)
        stand.module.personalize(stand.unit)
    stand.expect_signs()
    before[0] = stand.status()


stand = Stand()
stand.boot()
each_failure("A8 init", init, check_init)
init_completed_again()
expect_equal(init().rc, 0)
unload()
each_failure("load", load, check_load)
stand.vm.load_module()
each_failure("attach", unchecked("attach", "--vault", stand.module.vault), check_attach)
stand.module.attach()
each_failure(
    "A1 personalize",
    unchecked("personalize", stand.unit.guest_endpoint),
    check_personalize,
)
with case("A1 the module can be personalized after all that"):
    stand.module.personalize(stand.unit)
    stand.expect_signs()
before = [stand.status()]
each_failure("sign", sign, check_unchanged)
each_failure("A3 attest", unchecked("attest", "--nonce", "11" * 32), check_unchanged)
each_failure("A21 detach", unchecked("detach"), check_detach)
each_failure("A2 A21 reset", unchecked("reset", "--yes"), check_reset)
stand.vm.shutdown()
