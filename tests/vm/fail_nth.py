#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Memory that cannot be had, and copies from and to userspace that fail: in each ioctl
where it belongs, and while the driver is loaded, at every place in turn."""

import re

from lib import BIN, BUILD, LONG, MODULE, case, chance, comment, expect, expect_equal, needs
from lib.faults import prepare
from lib.powercut import IDENTITY, Stand

# From one place to the next, where SECMOD_LONG=1 takes all: calls have from ten places
# to several hundred, and some that succeed mean one more initialization.
STEPS = {"INIT_COMPLETE": 140, "PERSO_COMPLETE": 110, "LOAD": 41}
STEPS |= {"INFO": 3, "GET_CERT": 3, "DETACH": 3, "ATTEST": 5, "SIGN": 5}
# Seconds, of the 30 that manufacturer and unit wait for a message.
PEER_WAITS = 8


def step(call):
    return 1 if LONG else STEPS.get(call, 19)


class Log:
    """What the preloaded library says; see preload/fail_nth.c."""

    def __init__(self):
        self.path = stand.vm.share / "fail_nth.log"
        self.path.unlink(missing_ok=True)

    def read(self):
        text = self.path.read_text() if self.path.exists() else ""
        for line in text.splitlines():
            comment(line)
        wrong = [line for line in text.splitlines() if " at " in line]
        expect(not wrong, "\n".join(wrong))
        return text


def run(only, first, words, seconds):
    """The program with the library; its Result and the library's log."""
    log = Log()
    limit = [f"FAIL_NTH_SECONDS={seconds}"] if seconds else []
    result = stand.vm.sh(
        [
            *("env", f"LD_PRELOAD={BUILD}/vm/fail_nth.so", f"FAIL_NTH_LOG={log.path}"),
            *(f"FAIL_NTH_ONLY={only}", f"FAIL_NTH_FIRST={first}"),
            *(f"FAIL_NTH_STEP={step(only)}", f"FAIL_NTH_VAULT={stand.module.vault}"),
            *limit,
            *words,
        ],
        timeout=3600,
        check=False,
    )
    return result, log.read()


def each_place(what, only, words, take_back=None):
    """Until none is left; take_back() when the call succeeded, or its peer would not wait."""
    with case(f"{what}: {only} fails at any place"):
        first = 1 + chance(only).randrange(step(only))
        failed = False
        while True:
            result, text = run(only, first, words, PEER_WAITS if take_back else None)
            failed |= bool(re.search(rf"(?m)^{only} \d.*=", text))
            lost = re.search(rf"(?m)^{only} lost (\d+)$", text)
            if not lost:
                break
            take_back()
            first = int(lost[1]) + step(only)
        expect_equal(result.rc, 0, result)
        expect(failed, f"nothing failed in {only}: {result}")


def secmod(*words):
    return [str(word) for word in (BIN / "secmod", *words)]


def init_again():
    """Virgin again, whether it was initialized or not."""
    if stand.module.state != "virgin":
        stand.vm.sh("tpm2_clear -T device:/dev/tpmrm0 -c l && rmmod secmod")
        stand.vm.load_module()
    if stand.issued:
        stand.manufacturer.run("release", "SN-0001")
    stand.vm.sh(["rm", "-f", stand.module.vault])


def personalize_again():
    if stand.module.state == "detached":
        stand.module.attach()
    if stand.module.state == "operating":
        stand.module.secmod("reset", "--yes")
    expect_equal(stand.module.state, "personalization")


def life():
    init = secmod(*stand.module.init_words(stand.manufacturer))
    each_place("any state", "INFO", secmod("status"))
    for call in ("INIT_BEGIN", "INIT_ACTIVATE", "INIT_COMPLETE"):
        each_place("A8 virgin", call, init, init_again)
        if call != "INIT_COMPLETE":
            init_again()
    personalize = secmod("personalize", stand.unit.guest_endpoint)
    for call in ("PERSO_BEGIN", "PERSO_COMPLETE"):
        each_place("A1 personalization", call, personalize, personalize_again)
        if call != "PERSO_COMPLETE":
            personalize_again()


def operating():
    share = stand.vm.share
    (share / "certs").mkdir(exist_ok=True)
    each_place("A3", "ATTEST", secmod("attest", "--nonce", "11" * 32))
    each_place("A1", "GET_CERT", secmod("certs", "--out-dir", share / "certs"))
    sign = f"OPENSSL_CONF={share}/openssl.cnf exec openssl dgst -sha256 -sign {share}/key"
    each_place("A1", "SIGN", ["sh", "-c", f"{sign} -out /dev/null {share}/message"])
    each_place("A21", "DETACH", secmod("detach"))
    each_place("A21", "ATTACH", secmod("attach", "--vault", stand.module.vault))
    with case("A1 the module signs after all that, and nothing is left in the TPM"):
        stand.expect_signs()
    each_place("A2 A21", "RESET", secmod("reset", "--yes"))
    with case("A2 the key is gone, and a new one can be made"):
        expect_equal(stand.module.state, "personalization")
        stand.expect_tidy(IDENTITY)
        stand.module.personalize(stand.unit)
        stand.expect_signs()


needs("CONFIG_FAILSLAB")
stand = Stand()
# a failed allocation may be told with a stack
stand.vm.allow += ["Call Trace:"]
# before Linux 6.4 it forgets the name of the class when it fails late
stand.vm.allow_leaks += ["__class_register"]
stand.vm.boot()
prepare(stand.vm)
each_place("virgin", "LOAD", ["insmod", str(MODULE)])
life()
with case("A1 the module signs"):
    stand.expect_signs()
operating()
with case("nothing leaked"):
    stand.vm.shutdown()
