# SPDX-License-Identifier: MIT
"""What each possible power cut during an operation leaves.

A power cut leaves the TPM's nonvolatile memory and what was flushed to the disk. A
Recorder holds the machine before each TPM command, after each, and at each write to the
disk, and keeps what would be left then. Most commands change neither: cuts that leave the
same are one Cut, and one boot tells what the module makes of it.
"""

import hashlib
import json
import shutil
import struct
import threading

from .agent import GuestDied
from .bus import Bus, tpm_command
from .nbd import Disk
from .paths import BIN, BUILD, MODULE, run_dir
from .process import CommandFailed, Timeout, host, wait_for
from .tap import case, expect, expect_equal, expect_match
from .tpm import Tpm
from .vm import VM
from .world import Central, Manufacturer, Module, Unit

COMMANDS = {
    0x11F: "NV_UndefineSpaceSpecial",
    0x120: "EvictControl",
    0x122: "NV_UndefineSpace",
    0x12A: "NV_DefineSpace",
    0x134: "NV_Increment",
    0x137: "NV_Write",
    0x14F: "NV_ReadLock",
}
EPOCH, ROOT = 0x01950000, 0x01950002  # of the default block of handles
VAULT_COUNTER = 0x01950001
IDENTITY, KEY = 0x81150000, 0x81150001
TRANSIENT, LOADED_SESSION, SAVED_SESSION = 0x80000000, 0x02000000, 0x03000000
DIRECTORY = "/var/lib/secmod"
_PERSISTENT = 0x81000000
_POLICY_FAILED = 0x126
_JBD2_COMMIT = struct.pack(">II", 0xC03B3998, 2)


def handles(bus, first):
    """All handles of the kind that first begins."""
    answer = bus.ask(tpm_command(0x17A, struct.pack(">III", 1, first, 64)))
    (count,) = struct.unpack(">I", answer[15:19])
    return [*struct.unpack(f">{count}I", answer[19 : 19 + 4 * count])]


def policy_allows(bus, epoch):
    """Does the TPM take it that the epoch counter is this, as a key's policy asks?"""
    start = struct.pack(">IIH", 0x40000007, 0x40000007, 16) + bytes(16)
    start += struct.pack(">HBHH", 0, 1, 0x10, 0xB)
    (session,) = struct.unpack(">I", bus.ask(tpm_command(0x176, start))[10:14])
    password = struct.pack(">IIHBH", 9, 0x40000009, 0, 0, 0)
    body = struct.pack(">III", EPOCH, EPOCH, session) + password
    body += struct.pack(">HQHH", 8, epoch, 0, 0)
    answer = bus.ask(tpm_command(0x149, body, tag=0x8002))
    bus.ask(tpm_command(0x165, struct.pack(">I", session)))
    (code,) = struct.unpack(">I", answer[6:10])
    expect(code in (0, _POLICY_FAILED), f"PolicyNV: {code:#x}")
    return code == 0


class Cut:
    """What is left, and the places where the power cut leaves it."""

    def __init__(self, tpm, durable, torn, extra, commits):
        self.tpm, self.durable, self.torn, self.extra = tpm, durable, torn, extra
        self.commits = commits  # indices raised or written so far
        self.places = []

    @property
    def name(self):
        """The places; of many the first and the last."""
        if len(self.places) < 4:
            return ", ".join(self.places)
        return f"{self.places[0]} to {self.places[-1]} ({len(self.places)} places)"


class Recorder:
    """Records an operation; stand is the Stand it runs on."""

    def __init__(self, stand):
        self.stand = stand
        self.cuts = []
        self._known = {}
        self._lock = threading.Lock()
        self.commits = []
        self._log, self._flushed = [], 0
        self.places = 0

    def _tpm_files(self):
        state = self.stand.tpm.state
        return {p.name: p.read_bytes() for p in sorted(state.glob("*.permall"))}

    def _cut(self, place, torn=None, kept=False):
        self.places += 1
        reached = len(self._log) if kept else self._flushed
        tpm, extra = self._tpm_files(), self.stand.extra()
        key = (*(hashlib.sha256(v).digest() for v in tpm.values()), reached)
        key += (torn, extra)
        cut = self._known.get(key)
        if not cut:
            durable = self._log[:reached]
            cut = Cut(tpm, durable, torn, extra, list(self.commits))
            self._known[key] = cut
            self.cuts.append(cut)
        cut.places.append(place)

    def _command(self, number, command):
        with self._lock:
            name = self._name(command)
            self._cut(f"before TPM command {number} {name}".rstrip())

    def _answer(self, number, command, answer):
        name = self._name(command)
        with self._lock:
            if name and answer[6:10] == bytes(4):
                # the auth handle comes first, or the object does
                (index,) = struct.unpack(">I", command[14:18])
                self.commits.append((name, index))
                self._cut(f"after TPM command {number} {name}")

    @staticmethod
    def _name(command):
        return COMMANDS.get(struct.unpack(">I", command[6:10])[0], "")

    def _write(self, number, offset, data):
        with self._lock:
            # ext4 relies on it that its commit block is written whole or not at all
            whole = data.startswith(_JBD2_COMMIT)
            for tear in sorted({0, 512, len(data) // 2}):
                if tear < len(data) and not (tear and whole):
                    torn = (offset, data[:tear]) if tear else None
                    self._cut(f"in write {number} after {tear} bytes", torn)
            self._cut(f"in write {number}, all before on the disk", kept=True)
            self._log.append((offset, data))

    def _flush(self):
        with self._lock:
            self._flushed = len(self._log)

    def record(self, operation):
        """Run it, uncut; returns what it returns."""
        stand = self.stand
        stand.vm.sh("sync")
        self.base = run_dir() / f"base-{id(self):x}"
        host(["cp", "--sparse=always", stand.vm.disk, self.base])
        self.operation = operation
        stand.bus.arm(self._command, self._answer)
        stand.disk.watch(self._write, self._flush)
        try:
            result = operation()
            with self._lock:
                self._cut("after the end")
        finally:
            stand.bus.arm()
            stand.disk.watch()
        return result

    def restore(self, cut):
        """The machine is off; give TPM and disk what the cut left."""
        host(["cp", "--sparse=always", self.base, self.stand.vm.disk])
        with open(self.stand.vm.disk, "r+b") as image:
            for offset, data in [*cut.durable, *filter(None, [cut.torn])]:
                image.seek(offset)
                image.write(data)
        for name, data in cut.tpm.items():
            (self.stand.tpm.state / name).write_bytes(data)
        self.stand.set_extra(cut.extra)


class Stand:
    """A module with everybody it meets, and a Recorder's hands in TPM and disk."""

    def __init__(self):
        self.bus, self.disk = Bus(), Disk()
        self.tpm = Tpm(bus=self.bus)
        self.manufacturer = Manufacturer(ek_ca=self.tpm.ek_ca)
        self.unit = Unit(self.manufacturer, in_tpm=False)
        self.central = Central(self.manufacturer, self.unit)
        self.manufacturer.serve()
        self.unit.serve()
        self.vm = VM(tpm=self.tpm, nbd=self.disk)
        self.module = Module(self.vm)
        self._register = self.manufacturer.dir / "issued.log"
        self._register.touch()
        (self.vm.share / "openssl.cnf").write_text(
            "openssl_conf = i\n[i]\nproviders = p\n[p]\ndefault = d\nsecmod = s\n"
            f"[d]\nactivate = 1\n[s]\nactivate = 1\n"
            f"module = {BUILD}/lib/ossl-modules/secmod.so\n"
        )

    def extra(self):
        """What else tells one cut from another: the manufacturer's register."""
        return self._register.read_bytes()

    def set_extra(self, register):
        self._register.write_bytes(register)

    @property
    def issued(self):
        """The manufacturer's last word on the serial number is that a module has it."""
        lines = self.extra().decode().splitlines()
        return bool(lines) and json.loads(lines[-1])["event"] == "issued"

    def boot(self):
        self.vm.boot()
        self.vm.load_module()

    def reload(self, change):
        """To the driver as good as a boot: it goes, the disk goes, change(), the TPM and
        they come again. Without a boot, which takes longer than most checks."""
        self.vm.sh(f"rmmod secmod && umount {DIRECTORY}")
        self.tpm.restart(change)
        self.disk.exchanged()
        self.vm.sh(
            f"mount -o commit=86400 /dev/vda {DIRECTORY} && insmod {MODULE} && test -c /dev/secmod0"
        )

    def status(self):
        return json.loads(self.module.secmod("status", "--json").out)

    def attach(self):
        """What a detached module is with its vault."""
        self.module.attach()
        return self.status()

    def expect_tidy(self, *persistent):
        """Nothing of an operation stays in the TPM but these handles, and the SRK."""
        for kind in (TRANSIENT, LOADED_SESSION, SAVED_SESSION):
            expect_equal(handles(self.bus, kind), [], f"handles from {kind:#x}")
        found = [h for h in handles(self.bus, _PERSISTENT) if h in (IDENTITY, KEY)]
        expect_equal(found, list(persistent), "persistent handles")

    def expect_signs(self):
        """Operating, and the module key makes signatures its certificate verifies."""
        share = self.vm.share
        (share / "message").write_text("message")
        shutil.rmtree(share / "certs", ignore_errors=True)
        (share / "certs").mkdir()
        self.vm.sh(
            f"cd {share} && {BIN}/secmod certs --out-dir certs >certs/list &&"
            f" {BIN}/secmod keyref module >key && OPENSSL_CONF={share}/openssl.cnf"
            " openssl dgst -sha256 -sign key -out signature message"
        )
        public = f"openssl x509 -in {share}/certs/module.pem -noout -pubkey"
        (share / "public").write_text(host(public.split()).out)
        verify = f"openssl dgst -sha256 -verify {share}/public"
        verify += f" -signature {share}/signature {share}/message"
        expect_match("OK", host(verify.split()).out)
        self.expect_tidy(IDENTITY, KEY)

    def expect_works(self):
        """It can be personalized, signs, and forgets its key again."""
        self.module.personalize(self.unit)
        expect_equal(self.module.state, "operating")
        self.expect_signs()


def each_cut(recorder, what, check):
    """A case for each cut: restore, boot or reload, check(cut)."""
    stand = recorder.stand
    for cut in recorder.cuts:
        with case(f"{what}: power cut {cut.name}"):
            try:
                if stand.vm.running:
                    stand.reload(lambda cut=cut: recorder.restore(cut))
                else:
                    recorder.restore(cut)
                    stand.boot()
                check(cut)
                stand.vm.check_kernel_log()
            except Exception:
                stand.vm.power_cut()
                raise
    stand.vm.power_cut()


def cut_for_real(recorder, what, prepare, arm, like, check):
    """A case in which the power fails in earnest: it leaves what was recorded.

    prepare() brings the module from boot to the operation, arm() sets the cut in
    bus or disk; like is the recorded place.
    """
    stand = recorder.stand
    (cut,) = [c for c in recorder.cuts if like in c.places]
    with case(f"{what}: power cut {like}, in earnest"):
        recorder.restore(recorder.cuts[0])
        stand.boot()
        prepare()
        stand.vm.sh("sync")
        arm()
        thread = threading.Thread(target=_until_death, args=(recorder.operation,))
        thread.start()
        try:
            wait_for(lambda: stand.bus.cut.is_set() or stand.disk.cut.is_set(), 60)
        finally:
            stand.vm.power_cut()
            thread.join(10)
            stand.bus.arm()
            stand.disk.arm()
        try:
            stand.boot()
            check(cut)
        finally:
            stand.vm.power_cut()


def _until_death(operation):
    try:
        operation()
    except (GuestDied, CommandFailed, Timeout):
        pass
