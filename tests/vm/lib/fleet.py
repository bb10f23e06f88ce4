# SPDX-License-Identifier: MIT
"""Several modules in one machine, and an access server with HSM 1 and KMS for them."""

import functools
import json
import sqlite3

from .cards import refusal
from .gp import Keyset, Talk
from .kms import Hsm1, Kms, ToolsHsm, kdf, open_cryptogram
from .paths import BIN
from .process import Process, host, shell_text, wait_for
from .tap import expect_equal, expect_rc
from .world import Central, Manufacturer, Unit


class Instance:
    """One of the machine's modules, with its agent."""

    def __init__(self, vm, number):
        self.vm, self.number = vm, number
        self.serial = f"SN-{number}"
        self.vault = f"/var/lib/secmod/secmod{number}.vault"
        self.agent = self.central = None
        self.before = 0
        self.through = []  # words in front of the agent's command line

    @property
    def device(self):
        return f"/dev/secmod{self.number}"

    def secmod(self, *words):
        return self.vm.sh([BIN / "secmod", "--device", self.device, *words])

    def lock(self, kvn):
        """Uses up the tries of a keyset."""
        talk, wrong = Talk(self.vm, self.device), Keyset(kvn)
        talk.select()

        def locked():
            sw = refusal(talk.initialize, wrong)
            if sw == 0x9000:
                talk.authenticate()
            return sw == 0x6983

        wait_for(locked, 60, f"the end of the tries of keyset {kvn:02X}")
        talk.close()

    def uid(self):
        return self.vm.sh(f"cat /sys/class/secmod/secmod{self.number}/uid").out.strip()

    def make(self, manufacturer, unit):
        self.secmod("init", manufacturer.guest_endpoint, "--root", manufacturer.root, "--serial",
                    self.serial, "--vault", self.vault)
        self.secmod("personalize", unit.guest_endpoint)

    @property
    def socket(self):
        return f"unix:/run/agent{self.number}.sock"

    def _admissions(self):
        """How often the server has admitted it: it is the later of the two to know."""
        lines = self.central.server.err.splitlines()
        return sum(f"module {self.serial} (" in line and "connected from" in line for line in lines)

    def connect(self, central, *options):
        self.central = central
        self.before = self._admissions()
        self.agent = self.vm.start(
            [*self.through, BIN / "secmod-agent", "--device", self.device, "--connect",
             central.guest_endpoint, "--listen", self.socket, "--retry", "200,1000",
             *options])

    def reconnects(self, act):
        """What is done has its agent connect again."""
        mark = self.agent.err.count("connected to")
        self.before = self._admissions()
        act()
        self.agent.wait_for("(?s)" + "connected to.*" * (mark + 1), 120)
        self._admitted()

    def connected(self):
        self.agent.wait_for("connected to", 120)
        self._admitted()

    def _admitted(self):
        wait_for(lambda: self._admissions() > self.before, 60, f"{self.serial} at the server")


class Site:
    """The central system with its HSM 1, and the key management server."""

    def __init__(self, tpm, modules, at_kms=False, policy=()):
        """@at_kms: the private half of the recovery key does not leave the KMS; @policy: of
        the personalizations, as options of the PU."""
        self.manufacturer = Manufacturer("fleet-manufacturer", ek_ca=tpm.ek_ca)
        self.manufacturer.serve(None, "--instances", str(modules))
        self.unit = Unit(self.manufacturer, "fleet-pu", in_tpm=False)
        self.central = Central(self.manufacturer, self.unit, "fleet-central")
        self.unit.serve(None, *policy)
        self.central.serve(None, "--register", "auto")
        self.tools = None
        self.kms = Kms()
        self.kms.generate("master", "replacement", "recovery")
        self.hsm1 = Hsm1(self.kms)
        self.kms.admit(self.hsm1)
        self.give("master", 1)
        self.give("replacement", 1)
        self.give("recovery", 1, *(["--public"] if at_kms else []))

    def give(self, kind, version, *options):
        expect_rc(self.hsm1.run("import", self.kms.give(kind, version, "hsm1", *options)))

    def next_master(self, version):
        self.kms.generate("master")
        self.give("master", version)

    def run(self, *words):
        return self.central.run(*words, "--hsm1", self.hsm1.dir, check=False)

    def words(self, *words):
        """The same as a command line."""
        argv = [BIN / "secmod-central", *words, "--hsm1", self.hsm1.dir, "--dir", self.central.dir]
        return [str(word) for word in argv]

    def campaign(self, *words):
        """In the background, to be killed."""
        return Process(self.words("campaign", *words))

    def campaign_on_terminal(self, *words):
        argv = self.words("campaign", *words)
        return host(["script", "-qec", shell_text(argv), "/dev/null"], check=False)

    def report(self):
        return json.loads(self.central.run("campaign", "status", "--json").out)

    def keysets(self, serial):
        """{KVN: (check values, failures)} as the module says."""
        keys = json.loads(self.central.run("status", "--keys", "--json", serial).out)["keys"]
        return {key["kvn"]: (key["kcv"], key["failures"]) for key in keys}

    def derived(self, uid, version):
        words = self.hsm1.run("derive", "--uid", uid, "--version", str(version)).out.split()
        return int(words[0], 16), "".join(words[1:])

    def true_keys(self, uid, *masters):
        """The replacement keyset of a module and its master keysets of these versions, as
        tools of others derive them where the KMS would have them as its HSM 1."""
        if not self.tools:
            self.tools = ToolsHsm("tools")
            self.kms.admit(self.tools)
        with sqlite3.connect(self.central.dir / "central.db") as db:
            (cms,) = db.execute("SELECT cms FROM cryptograms WHERE lower(hex(uid)) = ? ORDER BY"
                                " entry DESC", (uid,)).fetchone()
        recovery = self._load("recovery", 1)
        agree = lambda point: self.tools.agree(recovery, self.kms.authority, point)
        content = open_cryptogram(cms, agree)
        expect_equal(content[:16].hex(), uid)
        sources = [("replacement", 1, "KRK", 0x31, content[16:].hex())]
        sources += [("master", version, "MK", 0x37 + version, uid) for version in masters]
        return [kdf(self._block(kind, version), f"secmod {name} {key} {kvn:02X}", context)
                for kind, version, name, kvn, context in sources for key in ("ENC", "MAC", "DEK")]

    def _load(self, kind, version):
        return self.tools.load(self.kms.give(kind, version, "tools"))

    @functools.cache
    def _block(self, kind, version):
        return self.tools.unseal(self._load(kind, version), self.kms.authority)

    def expect_master(self, instance, uid, version):
        """One master keyset, and it is the one HSM 1 derives."""
        kvn, kcv = self.derived(uid, version)
        keysets = self.keysets(instance.serial)
        expect_equal(sorted(keysets), [0x31, kvn])
        expect_equal(keysets[kvn][0], kcv)


def start(vm, site, fleet):
    """The machine again, and all its modules at work."""
    vm.boot()
    vm.load_module(f"instances={len(fleet)}")
    for instance in fleet:
        instance.secmod("attach", "--vault", instance.vault)
        instance.connect(site.central)
    for instance in fleet:
        instance.connected()


def make(vm, site, count, through=()):
    """They are initialized, personalized and connected; the driver is loaded for them."""
    fleet = [Instance(vm, number) for number in range(count)]
    for instance in fleet:
        instance.through = list(through)
        instance.make(site.manufacturer, site.unit)
        instance.connect(site.central)
    for instance in fleet:
        instance.connected()
    return fleet
