#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Somebody on the bus changes one byte, or gives an answer of another time or to another
command, while a module is initialized, personalized, loaded or reset: it is told of, or the
result is right all the same. After the next start the module is what it was before or what
it was to become, whole, and the way out works.

A few bytes and answers by chance; with SECMOD_LONG all of them in a random order, for a
quarter of an hour each.
"""

import struct
import time

from lib import LONG, MODULE, case, chance, comment, expect, expect_equal, expect_match
from lib.bus import command_code, tpm_command
from lib.interposer import flip
from lib.powercut import EPOCH, IDENTITY, KEY, ROOT, VAULT_COUNTER, Recorder, Stand

FEW, SECONDS = 2, 900  # changes of each operation; of the long form
SENTENCE = r"^secmod: \w.{15,}"
NV_READ_PUBLIC, READ_PUBLIC, START = 0x169, 0x173, 0x176
WITH_SESSIONS = b"\x80\2"
POINT = 2 * (2 + 32)  # at the end of a public area
READ_LOCKED = 0x10000000
SIDES = ("command", "answer")


def public(code, handle):
    """Public area of what is behind the handle; b"" when nothing is."""
    answer = stand.bus.ask(tpm_command(code, struct.pack(">I", handle)))
    if answer[6:10] != bytes(4):
        return b""
    (size,) = struct.unpack(">H", answer[10:12])
    return answer[12 : 12 + size]


def anatomy():
    """All that a change on the way could have made another thing of, but for the points."""
    indices = [public(NV_READ_PUBLIC, index) for index in (ROOT, EPOCH, VAULT_COUNTER)]
    return indices + [public(READ_PUBLIC, key)[:-POINT] for key in (IDENTITY, KEY)]


def root_is_locked():
    """Nobody reads the root secret until the TPM restarts."""
    (attributes,) = struct.unpack(">I", public(NV_READ_PUBLIC, ROOT)[6:10])
    return attributes & READ_LOCKED


class Change:
    """One bit of one byte of one message."""

    def __init__(self, number, side, at, bit):
        self.number, self.side, self.at = number, side, at
        self.mask = 1 << bit
        self.code = None  # of the command, once it has passed

    def __str__(self):
        return f"{self.side} {self.number} ({self.code or 0:#x}) byte {self.at} ^ {self.mask:#x}"

    def arm(self):
        if self.side == "command":
            stand.bus.arm(on_command=lambda n, command: self._apply(n, command, command))
        else:
            stand.bus.arm(on_answer=self._apply)

    def _apply(self, number, command, message):
        if number != self.number or self.at >= len(message):
            return None
        self.code = command_code(command)
        return flip(self.at, self.mask)(message)


class Replay:
    """One answer is that of an earlier time, or that to another command."""

    def __init__(self, number, at, answer):
        self.number, self.side, self.at, self.answer = number, "replay", at, answer
        self.code = None

    def __str__(self):
        return f"answer {self.number} ({self.code or 0:#x}) to one {self.at}"

    def arm(self):
        stand.bus.arm(on_answer=self._apply)

    def _apply(self, number, command, answer):
        if number != self.number:
            return None
        self.code = command_code(command)
        return self.answer


class Operation:
    """What is attacked: from which state, to which, and what it is then."""

    def __init__(self, name, before, after):
        self.name, self.before, self.after = name, before, after
        self.start = Recorder(stand)
        self.start.record(lambda: None)

    def run(self, check=False):
        raise NotImplementedError

    def begin(self):
        stand.reload(lambda: self.start.restore(self.start.cuts[0]))
        expect_equal(self.settle()["state"], self.before)

    def settle(self):
        """What a restart finds."""
        status = stand.status()
        return status if status["state"] == "virgin" else stand.attach()

    def told(self, result):
        if result.rc:
            expect_match(SENTENCE, result.err)
        return result.rc != 0

    def record(self):
        """Its messages, and what it makes."""
        wire = []
        self.begin()
        stand.bus.arm(on_answer=lambda _, command, answer: wire.append((command, answer)))
        self.run(check=True)
        stand.bus.arm()
        stand.reload(lambda: None)
        expect_equal(self.settle()["state"], self.after)
        return wire, anatomy()

    def check(self, result, made):
        """After a restart; whether it was told of."""
        told = self.told(result)
        stand.reload(lambda: None)
        status = self.settle()
        if status["state"] == self.after:
            expect_equal(anatomy(), made, "what the TPM holds")
        else:
            expect_equal(status["state"], self.before)
            expect(told, "it said that it is done, and is not")
            self.way_out()
        if stand.module.state == "operating":
            stand.expect_signs()
        else:
            stand.expect_tidy(IDENTITY)
        return told

    def way_out(self):
        """To do it again."""
        self.run(check=True)
        expect_equal(stand.module.state, self.after)


class Init(Operation):
    def run(self, check=False):
        if stand.issued:
            stand.manufacturer.run("release", "SN-0001")
        return stand.module.init(stand.manufacturer, check=check)

    def check(self, result, made):
        told = super().check(result, made)
        stand.expect_works()
        return told


class Personalize(Operation):
    def run(self, check=False):
        return stand.module.personalize(stand.unit, check=check)


class Reset(Operation):
    def run(self, check=False):
        return stand.module.secmod("reset", "--yes", check=check)


class Load(Operation):
    """The vault is attached later; nothing in the TPM is to change."""

    def begin(self):
        stand.vm.sh("rmmod secmod")
        stand.tpm.restart(lambda: None)

    def run(self, check=False):
        return stand.vm.sh(f"insmod {MODULE}", check=check)

    def told(self, result):
        if result.rc:  # a driver must be there for the restart to come
            stand.vm.sh(f"insmod {MODULE}")
            return True
        if stand.module.state == "failed":
            expect_match(r"\w.{15,}", stand.module.attribute("last_error"))
            return True
        expect(root_is_locked(), "the root secret can be read")
        attached = stand.module.attach(check=False)
        if attached.rc:
            expect_match(SENTENCE, attached.err)
        else:
            stand.expect_signs()
        return attached.rc != 0


def changes(name, wire):
    """All that there can be, in a random order; the short form a few messages' of them."""
    luck = chance(name)
    messages = [
        (number, side, message)
        for number, exchange in enumerate(wire, 1)
        for side, message in zip(SIDES, exchange)
    ]
    if not LONG:
        messages = luck.sample(messages, FEW)
    places = []
    for number, side, message in messages:
        # not so many that they cannot pass
        possible = [at for at in range(len(message)) if flip(at, 0x80)(message)]
        places += [(number, side, at) for at in (possible if LONG else luck.sample(possible, 1))]
    luck.shuffle(places)
    return [Change(*place, luck.randrange(8)) for place in places]


def replays(name, wire):
    """Answers recorded before, where they can be expected to differ; the short form one of
    each kind."""
    answers = [answer for _, answer in wire]
    earlier, others = [], []
    for number, (command, answer) in enumerate(wire, 1):
        if answer[:2] == WITH_SESSIONS or command_code(command) == START:
            earlier.append(Replay(number, "of an earlier time", answer))
        for at, other in (("of the command before", number - 1), ("of the next", number + 1)):
            if 1 <= other <= len(wire) and answers[other - 1] != answer:
                others.append(Replay(number, at, answers[other - 1]))
    luck = chance(f"{name} replays")
    return earlier + others if LONG else [luck.choice(earlier), luck.choice(others)]


def attempts(name, wire):
    both = changes(name, wire) + replays(name, wire)
    chance(f"{name} order").shuffle(both)
    return both


def attack(operation):
    wire, made = operation.record()
    told, right, harmless = 0, 0, {}
    end = time.monotonic() + SECONDS
    for change in attempts(operation.name, wire):
        if time.monotonic() > end:
            break
        operation.begin()
        change.arm()
        result = operation.run()
        stand.bus.arm()
        try:
            expect(change.code is not None, "nothing was changed")
            if operation.check(result, made):
                told += 1
            else:
                right += 1
                harmless.setdefault((change.side, change.code), set()).add(change.at)
            stand.vm.check_kernel_log()
        except Exception:
            comment(f"after a change of {change}")
            raise
    size = sum(len(message) for exchange in wire for message in exchange)
    comment(f"{operation.name}: of {size} bytes in {len(wire)} commands and answers "
            f"{told + right} changed or exchanged: {told} told of, {right} without meaning")
    for (side, code), places in sorted(harmless.items()):
        comment(f"without meaning in the {side} {code:#x}: {sorted(places)}")
    # a few may all be harmless
    expect(told or not LONG, "nothing was told of")


stand = Stand()
stand.boot()
operation = Init("init", "virgin", "personalization")
with case("A8 A24 bus: init: a change or replay is told of or harmless, nothing is half"):
    attack(operation)
operation.begin()
stand.module.init(stand.manufacturer)
operation = Personalize("personalize", "personalization", "operating")
with case("A1 A24 bus: personalize: a change or replay is told of or harmless, nothing is half"):
    attack(operation)
operation.begin()
stand.module.personalize(stand.unit)
operation = Reset("reset", "operating", "personalization")
with case("A2 A24 bus: reset: a change or replay is told of or harmless, nothing is half"):
    attack(operation)
operation.begin()
operation = Load("load", "operating", "operating")
with case("A24 bus: load: a change or replay is told of or harmless, the root secret is locked"):
    attack(operation)
with case("the module can be used"):
    stand.reload(lambda: None)
    stand.attach()
    stand.expect_signs()
stand.vm.shutdown()
