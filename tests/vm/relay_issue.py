#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Somebody has the relay of a module that gets its first keysets: he records all, and changes one
byte of one message after the other. He learns no key, also not the transport keyset that
the central system makes; what he breaks off is half done in the order that there is, and the
same command finishes it.

A few bytes by chance; with SECMOD_LONG all of them, for two hours.
"""

import os
import time

from lib import BUILD, LONG, VM, Tpm, case, comment, expect, expect_equal, expect_match, expect_rc
from lib import host, run_dir
from lib.attack import SIDES, Change, changes, expect_unseen, is_protected, is_put_key
from lib.fleet import Site, make
from lib.gp import derive, kcv
from lib.middle import Middle

SECONDS = 7200  # of the long form
FEW = 10
KRK, MK = 0x31, 0x38
SLOTS = [KRK, MK]


class Stand:
    """A module without keysets, behind a relay in bad hands."""

    def __init__(self, vm, site, middle):
        self.site, self.middle = site, middle
        (self.module,) = make(vm, site, 1, middle.words)
        self.uid = self.module.uid()

    def issue(self, env=None):
        return host(self.site.words("issue", self.module.serial), check=False, env=env)

    def has(self):
        """{KVN: check values} and the tries that are gone."""
        found = self.site.keysets(self.module.serial)
        return ({kvn: values for kvn, (values, _) in found.items()},
                sum(failures for _, failures in found.values()))

    def begin_anew(self):
        """Reset, and personalized: no keysets."""
        self.module.secmod("reset", "--yes")
        self.module.reconnects(lambda: self.module.secmod(
            "personalize", self.site.unit.guest_endpoint))


def made_by_central(stand, log):
    """The transport keyset: three of the keys that the program has made."""
    keys = [bytes.fromhex(line) for line in log.read_text().split()]
    expect_equal({len(key) for key in keys}, {32})
    initialize, answer = next(
        exchange for exchange in stand.middle.wire if exchange[0][1:3] == b"\x50\x30")
    context = initialize[5:13] + answer[13:21]
    for key in keys:
        if derive(derive(key, 6, context, 32), 0, context, 8) == answer[21:29]:
            return keys
    raise AssertionError("none of them gives the card's cryptogram")


def in_peace(stand):
    log = run_dir() / "random"
    stand.middle.arm()
    with case("B5 relay: the central system issues through it"):
        record = {**os.environ, "LD_PRELOAD": f"{BUILD}/vm/random.so", "RANDOM_LOG": str(log)}
        expect_rc(stand.issue(record), 0)
        stand.wire = list(stand.middle.wire)
    with case("B5 relay: no piece of the transport keyset is in the record"):
        expect_unseen(stand.wire, made_by_central(stand, log))
    with case("B4 B5 relay: no piece of a replacement or a master key is"):
        keys = stand.site.true_keys(stand.uid, 1)
        values = ["".join(kcv(key).hex() for key in three) for three in (keys[:3], keys[3:])]
        expect_equal(stand.has(), (dict(zip(SLOTS, values)), 0))
        expect_unseen(stand.wire, keys)
    stand.begin_anew()


class OfKind(Change):
    """Of the last byte of a MAC, in the message of this kind that comes as the nth."""

    def __init__(self, name, ins, nth, side):
        super().__init__(0, side, 0, 0)
        self.name, self.ins, self.nth = name, ins, nth

    def __str__(self):
        return self.name

    def arm(self, middle):
        seen = []

        def meet(number, command):
            if command[1] == self.ins and number not in seen:
                seen.append(number)
            return len(seen) == self.nth and seen[-1] == number

        def at_command(number, command):
            return self._flip(command, 3) if meet(number, command) else None

        def at_answer(number, command, answer):
            return self._flip(answer, 3) if meet(number, command) else None

        if self.side == "command":
            middle.arm(on_command=at_command)
        else:
            middle.arm(on_answer=at_answer)

    def _flip(self, message, behind):
        """@behind: of Le, or of the status word and the MAC's last byte"""
        self.made = True
        data = bytearray(message)
        data[-behind] ^= 1
        return bytes(data)


# What each step leaves is the beginning of the next.
STEPS = [
    # name, INS, which one, side; what stands in the slots then
    ("PUT KEY of the transport keyset", 0xD8, 1, "command", []),
    ("its answer", 0xD8, 1, "answer", []),
    ("INITIALIZE UPDATE's answer", 0x50, 1, "answer", []),
    ("EXTERNAL AUTHENTICATE", 0x82, 3, "command", []),
    ("PUT KEY of the replacement keyset", 0xD8, 2, "command", []),
    ("its answer", 0xD8, 2, "answer", [KRK]),
    ("PUT KEY of the master keyset", 0xD8, 2, "command", [KRK]),
    ("its answer", 0xD8, 2, "answer", SLOTS),
    ("SET STATUS", 0xF0, 1, "command", SLOTS),
    ("its answer", 0xF0, 1, "answer", SLOTS),
]


class Attack:
    """Issuances of which one message is changed."""

    def __init__(self, stand):
        self.stand, self.done, self.replacement = stand, False, None
        self.secured = False  # it has all, whatever was said
        self.wire = []  # of the last one
        self.told = self.harmless = self.tries = 0

    def make(self, change):
        """Whether somebody was told of it."""
        change.arm(self.stand.middle)
        result = self.stand.issue()
        self.wire = self.stand.middle.wire
        self.stand.middle.arm()
        if result.rc:
            expect_match(r"module SN-0: \w.{15,}", result.err)
        self.done = result.rc == 0
        # what was lost on the way is said once more
        told = not self.done or "once more" in result.err
        self.told += told
        self.harmless += not told
        return told

    def judge(self, told, change):
        """In peace again: KRK and then MK, each the right one or not there, and the transport
        keyset goes when both are."""
        has, failed = self.stand.has()
        slots = [kvn for kvn in SLOTS if kvn in has]
        expect(slots in ([], [KRK], SLOTS), slots)
        expect(set(has) <= {0x30, *SLOTS}, sorted(has))
        expect(failed <= 1, f"{failed} tries are gone")
        self.tries += failed
        if KRK in has:
            expect_equal(has[KRK], self.replacement or has[KRK], "its replacement keyset")
            self.replacement = has[KRK]
        if MK in has:
            expect_equal((MK, has[MK]), self.stand.site.derived(self.stand.uid, 1))
        self.secured = sorted(has) == SLOTS
        expect(self.secured or not self.done, "it said that it is done")
        if not told:
            command = self.wire[change.number - 1][0]
            expect(not change.made or not is_protected(command, change.side, change.at),
                   "it was not told of")
        return slots

    def settle(self):
        """The same command finishes it; the replacement keyset is what the cryptogram says."""
        result = self.stand.issue()
        if self.secured:
            expect_rc(result, 1, "has its keys already")
        else:
            expect_rc(result, 0)
        self.done = True
        self.judge(True, None)
        keys = self.stand.site.true_keys(self.stand.uid)
        expect_equal(self.replacement, "".join(kcv(key).hex() for key in keys))
        self.stand.begin_anew()
        self.done, self.secured, self.replacement = False, False, None


def steps(stand):
    attack = Attack(stand)
    with case("B5 B8 relay: each step of an issuance is broken off where a message was changed"):
        for name, ins, nth, side, left in STEPS:
            change = OfKind(name, ins, nth, side)
            try:
                told = attack.make(change)
                expect(change.made, "it did not come")
                expect(told, "it was not told of")
                expect_equal(attack.judge(told, change), left)
            except Exception:
                comment(f"after a change of: {name}")
                raise
    with case("B5 B8 relay: and the same command has finished it, with the keys of its cryptogram"):
        attack.settle()


def anywhere(stand):
    attack = Attack(stand)
    end = time.monotonic() + SECONDS
    some = changes("issue", stand.wire, FEW)
    if not LONG:  # each finds what the one before has left
        some.sort(key=lambda change: (change.number, SIDES.index(change.side)))
    with case("B5 B8 relay: a changed byte of an issuance is told of, nothing is half"):
        for change in some:
            if time.monotonic() > end:
                break
            try:
                told = attack.make(change)
                attack.judge(told, change)
                if LONG or attack.secured:
                    attack.settle()
            except Exception:
                comment(f"after a change of {change}")
                raise
        attack.settle()
        size = sum(len(message) for exchange in stand.wire for message in exchange)
        comment(f"of {size} bytes in {len(stand.wire)} commands and answers {len(some)} changed: "
                f"{attack.told} told of, {attack.harmless} without meaning, {attack.tries} tries taken")


def main():
    tpm = Tpm()
    site = Site(tpm, 1)
    with VM(tpm=tpm) as vm:
        vm.load_module("instances=1")
        stand = Stand(vm, site, Middle())
        in_peace(stand)
        expect_equal(sum(is_put_key(command) for command, _ in stand.wire), 3)
        steps(stand)
        anywhere(stand)


if __name__ == "__main__":
    main()
