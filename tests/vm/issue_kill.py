#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The access server's command is killed at every step of an issuance (B5): before each commit of
the module, and before each step towards its own disk. The same command finishes it."""

import itertools
import json
import os
import signal
import sqlite3
import subprocess

from lib import BUILD, VM, Bus, Tpm, case, expect, expect_equal, expect_rc, wait_for
from lib.bus import Hold
from lib.fleet import Site, make
from lib.process import Process

NV_INCREMENT = 0x134  # the commit of a vault
# The transport keyset is put; a try with it counted, and taken back; KRK and MK are put; again a
# try counted, and taken back; the end of the first load.
COMMITS = 8
FLEET = COMMITS + 1


class Stand:
    """A fleet on a bus, and what is known of it."""

    def __init__(self, bus, site, fleet):
        self.bus, self.site, self.fleet = bus, site, fleet

    def command(self, serial):
        return self.site.words("issue", serial)

    def finish(self, serial, secured=False):
        """The same command once more; a module that was secured already has all."""
        self.site.hsm1.flush()
        result = self.site.run("issue", serial)
        if secured:
            expect_rc(result, 1, "has its keys already")
        else:
            expect_rc(result, 0, "replacement keyset 31 and master keyset 38")

    def slots(self, serial):
        return sorted(kvn for kvn in self.site.keysets(serial) if kvn > 0x30)

    def check(self, instance):
        """One KRK and one MK, no transport keyset, and the server knows these."""
        uid = instance.uid()
        self.site.expect_master(instance, uid, 1)
        has = {kvn: kcv for kvn, (kcv, _) in self.site.keysets(instance.serial).items()}
        with sqlite3.connect(self.site.central.dir / "central.db") as db:
            known = dict(db.execute("SELECT kvn, lower(hex(kcv)) FROM keysets WHERE "
                                    "lower(hex(uid)) = ?", (uid,)))
        expect_equal(known, has)
        status = json.loads(instance.secmod("status", "--json").out)
        expect_equal(status["state"], "operating")

    def kill_before(self, number, serial):
        """Killed while the TPM is about to do the commit of this number: it will be done, and
        nobody hears of it. False when there are not so many."""
        seen = itertools.count(1)
        hold = Hold(self.bus, lambda _, code: code == NV_INCREMENT and next(seen) == number)
        process = Process(self.command(serial))
        try:
            wait_for(lambda: hold.held.is_set() or not process.running, 120, "the commit")
            if hold.held.is_set():
                process.signal(signal.SIGKILL)
                process.wait(30)
        finally:
            hold.let_go()
        if hold.code is None:
            expect_equal(process.rc, 0, process.result())
        return hold.code is not None


def commits(stand):
    for number, instance in enumerate(stand.fleet[:COMMITS], 1):
        with case(f"B5 killed before commit {number}, the same command finishes the issuance"):
            expect(stand.kill_before(number, instance.serial), "it was over before")
            expect_equal(stand.slots(instance.serial),
                         [0x31, 0x38][:max(0, min(number - 3, 2))])
            stand.finish(instance.serial, secured=number == COMMITS)
            stand.check(instance)


def disk(stand):
    serial = stand.fleet[-1].serial
    killed = 0
    with case("B3 B5 killed before each step towards the disk, it goes on each time"):
        for step in range(1, 40):
            done = subprocess.run(
                stand.command(serial), check=False, capture_output=True, timeout=300,
                env={**os.environ, "KILL_AT": str(step), "LD_PRELOAD": f"{BUILD}/vm/kill_at.so"})
            stand.site.hsm1.flush()
            if done.returncode != -signal.SIGKILL:
                break
            killed += 1
        expect(killed > 2, f"killed {killed} times")
        expect_equal(done.returncode, 0, done.stderr)
        stand.check(stand.fleet[-1])


def main():
    bus = Bus()
    tpm = Tpm(bus=bus)
    site = Site(tpm, FLEET)
    with VM(tpm=tpm) as vm:
        vm.load_module(f"instances={FLEET}")
        stand = Stand(bus, site, make(vm, site, FLEET))
        commits(stand)
        disk(stand)
        with case("B5 B8 the replacement key that each has then is the right one"):
            site.next_master(2)
            expect_rc(site.run("campaign", "start"), 0, "is done")


if __name__ == "__main__":
    main()
