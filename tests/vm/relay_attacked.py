#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Somebody has the relay of a module: he records all APDUs between the central system with
its HSM 1, or a host that is not the project's, and the driver; he changes one byte; he kills
it in the middle. He learns no key, changes nothing, and costs a session.

A few bytes by chance; with SECMOD_LONG all in a random order, for two hours.
"""

import os
import threading
import time

from lib import (
    LONG,
    VM,
    Tpm,
    case,
    chance,
    comment,
    expect,
    expect_equal,
    expect_match,
    expect_rc,
    wait_for,
)
from lib.attack import SIDES, Change, changes, expect_unseen, is_protected, is_put_key
from lib.fleet import Site, make
from lib.gp import Keyset, Talk, kcv
from lib.middle import Middle
from lib.relay import Conversation
from lib.relay import Refused as Broken

SECONDS = 7200  # of the long form


class RelayedTalk(Talk):
    """The other host, at the central system's end of the relay."""

    def __init__(self, directory, uid):
        self.conversation = Conversation(directory, uid)
        self.level = 0

    def raw(self, command):
        (answer,) = self.conversation.say(command.hex())
        return bytes.fromhex(answer[:-4]), int(answer[-4:], 16)

    def close(self):
        self.conversation.close()

    @property
    def session(self):
        """Keys of the channel that is open."""
        return [self.enc, self.mac, self.rmac, self.dek]


class Stand:
    """Two modules behind a relay in bad hands: the first with keys of HSM 1, the second
    with keys of the other host."""

    def __init__(self, vm, site, middle):
        self.vm, self.site, self.middle = vm, site, middle
        self.first, self.second = make(vm, site, 2, middle.words)
        self.uids = [instance.uid() for instance in (self.first, self.second)]
        self.kdc, self.krk, self.mk = Keyset(0x30, 32), Keyset(0x31, 32), Keyset(0x38, 32)
        self.version = 0  # of the first one's master keyset

    def talk(self):
        return RelayedTalk(self.site.central.dir, self.uids[1])

    def campaign(self, *words):
        return self.site.run("campaign", *words)


def other_host(stand):
    talk = stand.talk()
    stand.middle.arm()
    keys = [*stand.kdc.keys, *stand.krk.keys, *stand.mk.keys]
    with case("B8 relay: SCP11a and SCP03 through it, and all that is put is recorded"):
        talk.open_central(stand.site.central.dir)
        keys += talk.session
        talk.put_keys(stand.kdc)
        talk.open(stand.kdc)
        keys += talk.session
        for keyset in (stand.krk, stand.mk):
            talk.put_keys(keyset)
        talk.open(stand.krk)
        keys += talk.session
        new = Keyset(0x39, 32)
        talk.put_keys(new, old=0x38)
        keys += new.keys
        stand.mk = new
    talk.close()
    with case("A11 B8 relay: no piece of a key is in the record, static or of a session"):
        expect_equal(len(keys), 24)
        expect_unseen(stand.middle.wire, keys)
    with case("relay: the record would show a key"):
        leak = os.urandom(40)
        wire = stand.middle.wire + [(b"", leak)]
        expect_match("byte 0 of key", _failure(lambda: expect_unseen(wire, [leak[4:36]])))


def _failure(function):
    try:
        function()
    except Exception as failed:  # pylint: disable=broad-except
        return str(failed)
    return "nothing"


def programs(stand):
    site, first, uid = stand.site, stand.first, stand.uids[0]
    with case("B5 B8 relay: the central system issues and replaces through it"):
        stand.middle.arm()
        expect_rc(site.run("issue", first.serial), 0)
        keysets = site.keysets(first.serial)
        stand.replacement = keysets[0x31][0]
        site.next_master(2)
        expect_rc(stand.campaign("start"), 0)
        site.expect_master(first, uid, 2)
        stand.version = 2
        wire = stand.middle.wire
    with case("B4 B5 B8 relay: no piece of a master or a replacement key is in the record"):
        keys = site.true_keys(uid, 1, 2)
        expect_equal("".join(kcv(key).hex() for key in keys[:6]),
                     stand.replacement + keysets[0x38][0])
        expect_unseen(wire, keys)


class Replacement:
    """A master keyset is replaced, again and again, by whom and how a subclass knows."""

    few = 3  # changes

    def __init__(self, stand):
        self.stand, self.middle = stand, stand.middle
        self.middle.arm()
        expect(self.run(), "it does not work")
        self.wire = list(self.middle.wire)
        self.settle()
        self.put = next(n for n, (command, _) in enumerate(self.wire, 1) if is_put_key(command))

    def reached(self, change):
        """The module has got the keys as they were sent."""
        return (change.number, SIDES.index(change.side)) >= (self.put, 1)

    def judge(self, change, done):
        """In peace again: what the module has. A key that is replaced, or is not: no third
        thing, and no try too many."""
        old, new = self.keysets
        failed = self.failures()
        has = self.has()
        if done:
            expect_equal(has, new, "it said that it is done")
            command = self.wire[change.number - 1][0]
            expect(not is_protected(command, change.side, change.at), "it was not told of")
        else:
            expect_equal(has, new if self.reached(change) else old, "what the module has")
        expect(failed <= 1, f"{failed} tries are gone")

    def always(self):
        """Changes that are worth it."""
        return []

    def attack(self):
        told = tries = harmless = 0
        end = time.monotonic() + SECONDS
        for change in self.always() + changes(type(self).__name__, self.wire, self.few):
            if time.monotonic() > end:
                break
            change.arm(self.middle)
            done = self.run()
            self.middle.arm()
            try:
                expect(change.made or not done, "nothing was changed")
                self.judge(change, done)
                tries += self.failures()
                self.settle()
            except Exception:
                comment(f"after a change of {change}")
                raise
            told += not done
            harmless += done
        size = sum(len(message) for exchange in self.wire for message in exchange)
        comment(f"of {size} bytes in {len(self.wire)} commands and answers {told + harmless} "
                f"changed: {told} told of, {harmless} without meaning, {tries} tries taken")
        expect(told, "nothing was told of")


class ByCampaign(Replacement):
    """The programs, on the first module: versions 1 and 2 in turn."""

    def always(self):
        """A byte of the answer to PUT KEY: what it says is not believed, but asked for."""
        return [Change(self.put, "answer", 0, 0)]

    @property
    def keysets(self):
        return [self.stand.site.derived(self.stand.uids[0], version)
                for version in (self.stand.version, 3 - self.stand.version)]

    def run(self):
        result = self.stand.campaign("start", "--version", str(3 - self.stand.version))
        if result.rc:
            (left,) = [m for m in self.stand.site.report()["left"]
                       if m["serial"] == self.stand.first.serial] or [{"cause": result.err}]
            expect_match(r"\w.{15,}", left["cause"])
        # an answer that cannot be believed: it has asked what the module has
        return result.rc == 0 and "done: the answer was lost: " not in result.out

    def asked(self):
        found = self.stand.site.keysets(self.stand.first.serial)
        expect_equal(found[0x31][0], self.stand.replacement)
        return found

    def has(self):
        ((kvn, (values, _)),) = [row for row in self.asked().items() if row[0] != 0x31]
        return kvn, values

    def failures(self):
        return self.asked()[0x31][1]

    def settle(self):
        """The next one works."""
        wait_for(lambda: self.stand.campaign("resume", "--failed").rc == 0 or
                 self.stand.site.report()["state"] == "done", 60, "the end of the campaign")
        self.stand.version = 3 - self.stand.version
        expect_equal(self.has(), self.keysets[0])


class ByOtherHost(Replacement):
    """The other host, on the second module: a fresh keyset each time."""

    few = 8

    def __init__(self, stand):
        self.new = None
        super().__init__(stand)

    def always(self):
        """The last byte of each MAC, the old number in PUT KEY, a key in it."""
        size = len(self.wire[self.put - 1][0])
        return [Change(self.put - 1, "command", len(self.wire[self.put - 2][0]) - 1, 0),
                Change(self.put, "command", size - 3, 0), Change(self.put, "command", 2, 0),
                Change(self.put, "command", 40, 7),
                Change(self.put, "answer", len(self.wire[self.put - 1][1]) - 3, 0)]

    @property
    def keysets(self):
        return [(keyset.kvn, keyset.kcvs) for keyset in (self.stand.mk, self.new)]

    def run(self):
        self.new = self.new or Keyset(0x77 - self.stand.mk.kvn, 32)  # 39 and 3E in turn
        try:
            talk = self.stand.talk()
            try:
                talk.open(self.stand.krk)
                talk.put_keys(self.new, old=self.stand.mk.kvn)
            finally:
                talk.close()
        except Exception as told:  # pylint: disable=broad-except
            expect(not isinstance(told, (TypeError, NameError)), told)
            return False
        return True

    def _rows(self):
        talk = self.stand.talk()
        talk.open_central(self.stand.site.central.dir)
        data = talk.ask("80CADF22")[3:]
        talk.close()
        return {data[n]: data[n : n + 13] for n in range(0, len(data), 13)}

    def has(self):
        rows = self._rows()
        expect_equal(rows.pop(0x30)[4:], self.stand.kdc.kcvs)
        expect_equal(rows.pop(0x31)[4:], self.stand.krk.kcvs)
        ((kvn, row),) = rows.items()
        return kvn, row[4:]

    def failures(self):
        return self._rows()[0x31][2]

    def settle(self):
        if self.has() != self.keysets[1]:
            wait_for(self.run, 60, "a replacement that works")
            expect_equal(self.has(), self.keysets[1])
        self.stand.mk, self.new = self.new, None


class Stop:
    """At one message; .release() lets it go on."""

    def __init__(self, middle, number, side):
        self.reached, self.go = threading.Event(), threading.Event()
        self.at = (number, side)
        middle.arm(lambda n, _: self._wait(n, "command"), lambda n, _c, _a: self._wait(n, "answer"))

    def _wait(self, number, side):
        if (number, side) == self.at:
            self.reached.set()
            self.go.wait(120)


def killed(stand, replacement):
    """The agent is killed when one message of a replacement is in its hands."""
    luck = chance("killed")
    first = next(n for n, (command, _) in enumerate(replacement.wire, 1) if command[1] == 0x50)
    places = [(n, side) for n in range(first, replacement.put + 1) for side in SIDES]
    for number, side in places if LONG else luck.sample(places, 1) + [(replacement.put, "command")]:
        stop = Stop(stand.middle, number, side)
        process = stand.site.campaign("start", "--version", str(3 - stand.version))
        expect(stop.reached.wait(120), f"{side} {number} does not come")
        stand.first.agent.kill()
        stop.go.set()
        expect_equal(process.wait(200), 1)
        stand.middle.arm()
        stand.first.connect(stand.site.central)
        stand.first.connected()
        replacement.settle()


def others_go_on(stand):
    local = Talk(stand.vm, "/dev/secmod1")
    local.open(stand.mk)
    talk = stand.talk()
    talk.open(stand.krk)
    with case("B9 relay: killed in a channel, it loses this one; a local one goes on"):
        stand.second.agent.kill()
        try:
            talk.ask("80CADF22")
            expect(False, "it goes on")
        except Broken as why:
            expect_match("connection", str(why))
        expect_equal(local.ask("80CA0045")[2:].hex(), stand.uids[1])
    local.close()
    talk.close()
    stand.second.connect(stand.site.central)
    stand.second.connected()
    with case("B9 relay: nothing is left of the channel that was lost, and the next one works"):
        talk = stand.talk()
        expect_equal(talk.sw("80CADF22"), 0x6985)
        talk.select()
        expect_equal(talk.sw("80CADF22"), 0x6982)
        talk.open(stand.krk)
        talk.close()


def main():
    tpm = Tpm()
    site = Site(tpm, 2)
    with VM(tpm=tpm) as vm:
        vm.load_module("instances=2")
        stand = Stand(vm, site, Middle())
        other_host(stand)
        with case("B8 relay: a changed byte of the other host's is told of, nothing is half"):
            ByOtherHost(stand).attack()
        others_go_on(stand)
        programs(stand)
        with case("B8 relay: a changed byte of a campaign's replacement is told of, nothing is half"):
            campaign = ByCampaign(stand)
            campaign.attack()
        with case("B9 B11 relay: killed in the middle of a replacement, the next session works"):
            killed(stand, campaign)


if __name__ == "__main__":
    main()
