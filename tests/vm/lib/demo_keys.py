# SPDX-License-Identifier: MIT
"""The demonstration's second act: keys from afar, for ten modules in one machine."""

import json

from .fleet import Site, make, start
from .gp import Keyset, Talk
from .paths import BIN, REPO, run_dir
from .process import host
from .show import Broken, on, on_host, show
from .tpm import Tpm
from .vm import VM

FLEET = 10
TRANSACTIONS = 1000
MANY = """
import sys
sys.path.insert(0, "{path}")
from messages import connect_unix
with connect_unix("{socket}") as agent:
    rows = [agent.book(b"withdraw %d EUR" % n).row for n in range({count})]
print(len(set(rows)), "rows")
"""
CENTRAL = BIN / "secmod-central"


class Keys:
    """The actors, and one method a step."""

    def __init__(self):
        self.tpm = Tpm(name="tpm-fleet")
        self.vm = VM(tpm=self.tpm)
        self.site = self.fleet = None

    def central(self, *words, expected=".*", fails=False):
        return on_host([CENTRAL, *words, "--dir", self.site.central.dir], expected, fails)

    def hsm1(self, *words, **options):
        return self.central(*words, "--hsm1", self.site.hsm1.dir, **options)

    def expect(self, what, condition):
        if not condition:
            raise Broken(what)
        show.result(what, ".*")

    def assemble(self):
        show.step("Ten modules in one machine; the key management server gives HSM 1 its blocks through TPM duplication")
        self.site = Site(self.tpm, FLEET)
        on_host([BIN / "secmod-hsm1", "status", "--dir", self.site.hsm1.dir], "replacement")
        self.vm.boot()
        self.vm.load_module(f"instances={FLEET}")
        self.fleet = make(self.vm, self.site, FLEET)
        admitted = self.site.central.server.err.splitlines()
        show.result("\n".join(line[:100] for line in admitted[-3:]), "module SN-. .*connected")

    def issue(self):
        show.step("Issuance: SCP11a puts a transport keyset, HSM 1 fills both slots under it")
        self.hsm1("issue", *[instance.serial for instance in self.fleet],
                  expected="SN-9 has replacement keyset 31 and master keyset 38")
        self.central("status", "--keys", "SN-0", expected="keyset +version 38")

    def transact(self):
        show.step(f"Transaction keys: {TRANSACTIONS} transactions sealed in the kernel, opened in the key process")
        self.fleet[0].agent.terminate()
        self.fleet[0].connect(self.site.central, "--seal", "-v")
        self.fleet[0].agent.wait_for("transaction key", 60)
        program = MANY.format(path=REPO / "tests/system", count=TRANSACTIONS,
                              socket=self.fleet[0].socket.removeprefix("unix:"))
        run = lambda w: self.vm.sh(["python3", "-c", program], check=False, timeout=300)
        on("guest", run, f"an application, {TRANSACTIONS} times: withdraw N EUR", "1000 rows")
        booked = {bytes.fromhex(row["payload"]) for row in self.site.central.ledger()}
        self.expect(f"{len(booked)} transactions are booked", len(booked) == TRANSACTIONS)
        self.central("key", "list", expected="SN-0 .*issued")

    def replace(self):
        show.step("Another master block: a campaign over ten modules, a power cut in its middle, resumed")
        self.site.next_master(2)
        process = self.site.campaign("start", "--parallel", "2")
        show.command("host", "secmod-central campaign start --parallel 2 &")
        process.wait_for("module SN-3: begun", 60)
        self.vm.power_cut()
        show.say("the power of the machine fails")
        process.wait(200)
        self.central("campaign", "status", expected="is running")
        start(self.vm, self.site, self.fleet)
        self.hsm1("campaign", "resume", expected=f"is done: {FLEET} done")
        for instance in self.fleet:
            self.site.expect_master(instance, instance.uid(), 2)
        show.result(f"{FLEET} modules have the master keyset that HSM 1 derives, and no other", ".*")

    def refuse(self):
        show.step("A wrong replacement key is refused and counted; the master keyset stays")
        show.say("a host with another keyset 31: SELECT, INITIALIZE UPDATE, EXTERNAL AUTHENTICATE")
        talk = Talk(self.vm, "/dev/secmod1")
        talk.select()
        talk.initialize(Keyset(0x31, 32))  # the card's cryptogram gives the host away already
        sw = talk.authenticate()
        talk.close()
        self.expect(f"the module answers {sw:04x}", sw in (0x6300, 0x63C9))
        self.central("status", "--keys", "SN-1", expected="version 31.* 1 of 10 tries")

    def reset(self):
        show.step("Reset from afar: ordered in SCP11a for this module and moment, proof stored and verified outside")
        self.fleet[1].secmod("certs", "--out-dir", self.vm.share)
        self.central("module", "identity", self.vm.share / "identity.pem")
        self.central("reset", "order", "--reason", "terminal is scrapped", "SN-1",
                     expected="key of epoch 1 destroyed")
        (order,) = json.loads(self.site.central.run("reset", "list", "--json").out)
        proof = run_dir() / "proof.der"
        host(f"{CENTRAL} reset proof --dir {self.site.central.dir} {order['order']} >{proof}")
        on_host([BIN / "secmod", "verify-proof", proof, "--root", self.site.manufacturer.root])
        self.central("status", "SN-1", expected="not connected", fails=True)

    def run(self):
        self.assemble()
        self.issue()
        self.transact()
        self.replace()
        self.refuse()
        self.reset()
        self.vm.shutdown()
