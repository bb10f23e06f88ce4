#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Random ioctls in every state, by several threads: the driver holds, the module lives.

SECMOD_LONG: an hour of them.
"""

import time

from lib import (
    BUILD,
    LONG,
    VM,
    Module,
    Tpm,
    case,
    chance,
    comment,
    expect,
    expect_equal,
    expect_rc,
    host,
    serving,
)
from lib.coverage import coverage
from lib.paths import kernel_has

TOOL = BUILD / "vm/ioctl_fuzz"
CALLS = 6000
HOUR = 3600
ALWAYS = {"ATTACH", "DETACH", "INIT_COMPLETE", "INIT_ACTIVATE", "PERSO_COMPLETE", "RESET", "USE_KEY"}
# where all that userspace says comes in, and what of it has to run
ENTRANCE, ENOUGH = ("kernel/call.c", "kernel/device.c", "kernel/messages.c"), 80


class Fuzzer:
    """Runs the tool on the module, again and again, and adds up what it says."""

    def __init__(self, module, seeds):
        self.module, self.seeds = module, seeds
        self.ends = {}
        self.samples = []

    def run(self, threads, calls):
        seed = self.seeds.getrandbits(32)
        words = [TOOL, "/dev/secmod0", self.module.vault, seed, threads, calls, *self.samples]
        result = self.module.vm.sh([str(w) for w in words], timeout=600, check=False)
        for line in result.out.splitlines():
            name, _, ends = line.partition(" ")
            for end in ends.split() if name != "bad:" else ():
                what, _, number = end.partition("=")
                of_name = self.ends.setdefault(name, {})
                of_name[what] = of_name.get(what, 0) + int(number)
        expect_rc(result, 0)

    def calls(self, what=None):
        """How many there were, or those that ended so."""
        return sum(
            number
            for ends in self.ends.values()
            for end, number in ends.items()
            if what in (None, end)
        )

    def succeeded(self):
        return {name for name, ends in self.ends.items() if ends.get("ok")}


def fetch_samples(fuzzer):
    """The module's certificates, so that what is pointed to is right now and then."""
    module = fuzzer.module
    module.secmod("certs", "--out-dir", module.vm.share)
    for pem in sorted(module.vm.share.glob("*.pem")):
        der = pem.with_suffix(".der")
        host(["openssl", "x509", "-in", pem, "-outform", "DER", "-out", der])
        fuzzer.samples.append(der)


def settle(module, unit):
    """To operating from wherever the calls left it; only documented ways."""
    if module.state == "detached":
        module.attach()
    if module.state == "personalization":
        module.personalize(unit)
    expect_equal(module.state, "operating")


def fuzz_states(fuzzer, module, unit, calls):
    with case(f"UAPI fuzzed, operating: {calls} calls"):
        fuzzer.run(3, calls)
        expect(module.state in ("operating", "personalization", "detached"), module.state)
        settle(module, unit)
    with case(f"UAPI fuzzed by one thread, operating: {calls} calls"):
        fuzzer.run(1, calls)
        settle(module, unit)
    with case(f"UAPI fuzzed, personalization: {calls} calls"):
        module.secmod("reset", "--yes")
        fuzzer.run(3, calls)
        expect(module.state in ("personalization", "detached"), module.state)
        settle(module, unit)


def expect_reached():
    """The kernel's own counters, where it has them."""
    if not kernel_has("CONFIG_GCOV_KERNEL"):
        return
    with case(f"UAPI the fuzzer runs {ENOUGH} % of the lines that take the calls"):
        reached = coverage(vm)
        for source, (lines, branches) in sorted(reached.items()):
            took = "" if branches is None else f", {branches:.0f} % of its branches"
            comment(f"{source}: {lines:.0f} % of its lines ran{took}")
        too_few = [s for s in ENTRANCE if reached[s][0] < ENOUGH]
        expect_equal(too_few, [])


tpm = Tpm()
manufacturer, unit = serving(tpm)
with VM(tpm=tpm) as vm:
    vm.load_module()
    module = Module(vm)
    fuzzer = Fuzzer(module, chance())
    with case(f"UAPI fuzzed, virgin: {CALLS // 5} calls"):
        fuzzer.run(2, CALLS // 5)
        expect_equal(module.state, "virgin")
    module.init(manufacturer)
    module.personalize(unit)
    fetch_samples(fuzzer)
    until = time.monotonic() + (HOUR if LONG else 0)
    fuzz_states(fuzzer, module, unit, CALLS)
    while time.monotonic() < until:
        fuzz_states(fuzzer, module, unit, 20 * CALLS)
    with case("UAPI the fuzzer reaches what it is to reach"):
        missing = set(fuzzer.ends) - fuzzer.succeeded()
        expect_equal(missing - ALWAYS, set())
    with case("UAPI after it the key signs, and attests"):
        module.secmod("attest", "--nonce", "00" * 32)
    expect_reached()
    print(f"# {fuzzer.calls()} ioctls, {fuzzer.calls('ok')} of them successful")
    for name, ends in fuzzer.ends.items():
        print(f"# {name}: " + ", ".join(f"{number} {end}" for end, number in ends.items()))
