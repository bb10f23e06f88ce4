#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""make demo: the whole life of a module, every command shown, every result checked."""

import re
import shutil
import sys
import time

from lib import (
    BIN,
    BUILD,
    VM,
    Bus,
    Central,
    CommandFailed,
    Failed,
    GuestDied,
    Manufacturer,
    Module,
    Process,
    Timeout,
    Tpm,
    Unit,
    free_port,
    host,
    run_dir,
)
from lib.demo_keys import Keys
from lib.paths import keep_run_dir
from lib.show import Broken, on, on_host, show

SOCKET = "/run/secmod-agent.sock"
SYSFS = "/sys/class/secmod/secmod0"
OLD_VAULT = "/var/lib/secmod/older-copy"
CLIENT = BUILD / "vm/perso_client"
EVIL = BUILD / "vm/evil_pu"


class Play:
    """The actors, and one method a step."""

    def __init__(self):
        self.bus = Bus()
        self.tpm = Tpm(bus=self.bus)
        self.vm = VM(tpm=self.tpm)
        self.module = Module(self.vm)
        self.manufacturer = self.unit = self.central = self.agent = None

    def guest(self, words, expected=".*", fails=False):
        run = lambda w: self.vm.sh(w, check=False, timeout=120)
        return on("guest", run, words, expected, fails)

    def secmod(self, *words, expected=".*", fails=False):
        return self.guest([BIN / "secmod", *words], expected, fails)

    def state(self, expected):
        self.guest(["cat", f"{SYSFS}/state"], f"^{expected}$")

    def tpm_commands(self):
        return self.bus.commands

    def load(self):
        """insmod needs what depmod would find for an installed module."""
        show.command("guest", "insmod build/module/secmod.ko instances=2")
        self.vm.load_module("instances=2")

    def power_on(self):
        show.step("A machine with a virgin TPM: the driver loads and finds no module")
        self.vm.boot()
        show.say(f"booted in {self.vm.boot_time:.1f} s")
        self.guest("uname -r; tpm2_getcap -T device:/dev/tpmrm0 properties-fixed | grep -A2 PT_MANUFACTURER")
        self.load()
        self.state("virgin")

    def initialize(self):
        show.step("The manufacturer's root exists; secmod init makes the identity key, certified after credential activation")
        self.manufacturer = Manufacturer("manufacturer", ek_ca=self.tpm.ek_ca)
        on_host(["openssl", "x509", "-in", self.manufacturer.root, "-noout", "-subject"])
        server = self.manufacturer.serve()
        show.command("host", f"secmod-manufacturer serve --dir manufacturer --ek-ca ek-ca.pem {self.manufacturer.endpoint} &")
        self.secmod(
            *("init", self.manufacturer.guest_endpoint, "--serial", "SN-0001"),
            *("--root", self.manufacturer.root, "--vault", self.module.vault),
            expected="certified",
        )
        server.wait_for("certified module")
        show.result(server.out + server.err, "certified module")
        self.manufacturer.stop()
        self.guest("tpm2_readpublic -T device:/dev/tpmrm0 -c $(cat " + SYSFS + "/tpm/identity_handle) | grep -A1 attributes", "restricted")
        self.state("personalization")

    def unit_with_tpm(self):
        show.step("A personalization unit outside the VM; its signing key is in a TPM of its own")
        self.unit = Unit(self.manufacturer, "pu")
        show.command("host", f"secmod-pu init --dir pu --key '{self.unit.key}' --name pu")
        on_host(
            ["openssl", "verify", "-CAfile", self.manufacturer.root, self.unit.certificate],
            "OK",
        )
        self.central = Central(self.manufacturer, self.unit)
        show.command("host", "secmod-pu add-central --dir pu --csr central/central.csr --name central --out central/central.pem")
        on_host(["openssl", "x509", "-in", self.central.dir / "central.pem", "-noout", "-issuer", "-subject"], "central")

    def personalize_by_wire(self):
        show.step("Personalization over a serial line: fresh key, salt, nonce, certificate; then the line is cleared down")
        events = self.vm.start(["udevadm", "monitor", "--kernel", "--property", "--subsystem-match=secmod"])
        events.wait_for("KERNEL - the kernel uevent")
        self.unit.serve(f"serial:{self.vm.serial}")
        show.command("host", f"secmod-pu serve --dir pu serial:{self.vm.serial} &")
        self.secmod("personalize", "serial:/dev/ttyS1", expected="state operating")
        self.state("operating")
        events.wait_for("SECMOD_STATE=operating")
        show.say("the kernel told everybody by a uevent:")
        show.result("\n".join(re.findall("SECMOD_STATE=.*", events.out)), "SECMOD_STATE=operating")
        events.terminate()
        self.guest(["cat", f"{SYSFS}/module_key"], "^[0-9a-f]{64}$")

    def key_name(self):
        return self.vm.sh(["cat", f"{SYSFS}/module_key"]).out.strip()

    def connect(self):
        """The agent connects; it was shown before if this is not the first time."""
        words = [BIN / "secmod-agent", "--connect", self.central.guest_endpoint,
                 "--listen", f"unix:{SOCKET}", "--retry", "200,1000"]
        show.command("guest", [*words, "&"])
        self.agent = self.vm.start([str(w) for w in words])
        self.agent.wait_for("connected to", 60)
        show.result(self.agent.err + self.agent.out, "connected to")

    def operate(self):
        show.step("Operating: TLS 1.3 with the module key, the central system checks certificate, role and registry")
        uid = self.vm.sh(["cat", f"{SYSFS}/uid"]).out.strip()
        out = self.central.run("module", "add", uid, "SN-0001")
        show.command("host", f"secmod-central module add {uid} SN-0001 --dir central")
        show.result(out.out + out.err, ".*")
        self.central.serve()
        show.command("host", f"secmod-central serve --dir central {self.central.endpoint} &")
        self.connect()
        self.secmod("transact", "--socket", f"unix:{SOCKET}", "withdraw 100 EUR", expected="row 1")
        on_host(f"sqlite3 {self.central.dir}/*.db 'select entry, hex(uid), cast(payload as text) from ledger'", "withdraw 100 EUR")

    def lose_power(self):
        show.step("Power cut: VM and TPM are killed; after the boot the same module goes on with the same key")
        before = self.key_name()
        self.vm.power_cut()
        self.vm.boot()
        self.load()
        self.state("detached")
        self.secmod("attach", "--vault", self.module.vault, expected="operating")
        if self.key_name() != before:
            raise Broken("another key")
        show.result(f"module key {before}: the same", "the same")
        self.connect()
        self.secmod("transact", "--socket", f"unix:{SOCKET}", "after the cut", expected="row 2")

    def try_evil(self, title, *options, expected):
        """A unit that is wrong in one point meets a client that checks nothing."""
        show.say(title + ":")
        endpoint = f"tcp:127.0.0.1:{free_port()}"
        words = [EVIL, "--dir", self.unit.dir, "--manufacturer", self.manufacturer.dir]
        words += [*options, endpoint]
        show.command("host", [*words, "&"])
        server = Process([str(word) for word in words])
        server.wait_for("listening", 20)
        self.guest([CLIENT, "/dev/secmod1", endpoint.replace("127.0.0.1", "10.0.2.2")], expected)
        server.wait(30)

    def refuse(self):
        show.step("Refusals: each input is good but for one point, and the module says which")
        self.agent.terminate()
        self.second_instance()
        other = Manufacturer("other-manufacturer")
        rogue = Unit(other, "rogue", in_tpm=False)
        Central(other, rogue, "rogue-central")
        rogue.serve()
        show.say("a personalization unit of another manufacturer:")
        self.secmod(
            *("--device", "/dev/secmod1", "personalize", rogue.guest_endpoint),
            expected="refused|not|signature",
            fails=True,
        )
        rogue.stop()
        self.try_evil("the same, asked of the kernel directly", "--evil", "signer-foreign",
                      expected="^begin: EKEYREJECTED: signing certificate")
        self.try_evil("a module certificate posing as a signer", "--evil", "signer-is-module",
                      expected="^begin: EKEYREJECTED: signing certificate: role is module")
        tape = run_dir() / "recorded.bundle"
        self.try_evil("a good bundle, recorded on the way", "--record", tape,
                      expected="^state: operating")
        self.secmod("--device", "/dev/secmod1", "reset", "--yes", expected="epoch is")
        self.try_evil("the recorded bundle played again", "--replay", tape,
                      expected="^complete: ESTALE: bundle:")
        self.old_vault()
        self.foreign_central()

    def second_instance(self):
        """Another module on the same TPM, to play the victim."""
        show.say("a second module (the driver was loaded with instances=2) plays the victim:")
        self.manufacturer.serve(None, "--instances", "2")
        self.secmod(
            *("--device", "/dev/secmod1", "init", self.manufacturer.guest_endpoint),
            *("--serial", "SN-0002", "--root", self.manufacturer.root),
            *("--vault", "/var/lib/secmod/secmod1.vault"),
            expected="certified",
        )
        self.manufacturer.stop()

    def old_vault(self):
        show.say("an older copy of the vault:")
        self.secmod("detach")
        self.secmod("attach", "--vault", OLD_VAULT, expected="newest copy", fails=True)
        self.secmod("attach", "--vault", self.module.vault, expected="operating")

    def foreign_central(self):
        show.say("a central system that the same unit certified, but not for this module:")
        foreign = Central(self.manufacturer, self.unit, "foreign")
        foreign.serve(None, "--register", "auto")
        words = [BIN / "secmod-agent", "--connect", foreign.guest_endpoint]
        words += ["--listen", f"unix:{SOCKET}"]
        show.command("guest", words)
        agent = self.vm.start([str(word) for word in words])
        agent.wait_for("foreign central system", 60)
        show.result(agent.err + agent.out, "foreign central system")
        agent.terminate()
        foreign.stop()

    def reset(self):
        show.step("Reset: the epoch goes up, the key is dead, and the proof of it verifies outside")
        self.connect()
        certificate = self.vm.share / "module.pem"
        self.secmod("certs", "--out-dir", self.vm.share, expected="module")
        words = [BIN / "secmod-central", "certificate", "disable", "--reason", "terminal was opened"]
        on_host([*words, certificate, "--dir", self.central.dir])
        self.secmod("transact", "--socket", f"unix:{SOCKET}", "from an opened terminal",
                    expected="terminal was opened|refused", fails=True)
        self.agent.terminate()
        before, proof = self.key_name(), self.vm.share / "erasure.der"
        self.guest(f"cp {self.module.vault} {OLD_VAULT} && sync")
        self.secmod("reset", "--yes", "--proof", proof, expected="epoch is 2")
        on_host([BIN / "secmod", "verify-proof", proof, "--root", self.manufacturer.root])
        self.secmod("detach")
        show.say("the vault of before the reset, in which the key was still alive:")
        self.secmod("attach", "--vault", OLD_VAULT, expected="newest copy", fails=True)
        self.secmod("attach", "--vault", self.module.vault, expected="personalization")
        self.unit.server.terminate()
        self.unit.serve()
        show.command("host", f"secmod-pu serve --dir pu {self.unit.endpoint} &")
        self.secmod("personalize", self.unit.guest_endpoint, expected="epoch 2, state operating")
        if self.key_name() == before:
            raise Broken("the same key")
        show.result(f"module key {self.key_name()}: a new one", "new")
        self.connect()
        self.secmod("transact", "--socket", f"unix:{SOCKET}", "with the new key", expected="row")

    def run(self):
        self.power_on()
        self.initialize()
        self.guest(f"cp {self.module.vault} {OLD_VAULT} && sync")
        self.unit_with_tpm()
        self.personalize_by_wire()
        self.operate()
        self.lose_power()
        self.refuse()
        self.reset()


def main():
    if not all(shutil.which(p) for p in ("qemu-system-x86_64", "swtpm")):
        sys.exit("demo: QEMU or swtpm is missing: run make deps first")
    play = Play()
    try:
        play.run()
        play.vm.shutdown()
        Keys().run()
    except KeyboardInterrupt:
        sys.exit("\ndemo: interrupted; nothing was left running")
    except (Broken, CommandFailed, Failed, Timeout, GuestDied) as failure:
        keep_run_dir()
        print(f"\n\033[31mstep {len(show.steps)} did not hold: {failure}\033[0m")
        print(f"logs are in {run_dir()}")
        sys.exit(1)
    seconds = time.monotonic() - show.start
    print("\n\033[1mSummary\033[0m")
    for number, title in enumerate(show.steps, 1):
        print(f"    ok {number} {title}")
    print(f"    {len(show.steps)} steps, {show.checks} results checked, {seconds:.0f} s, "
          f"{play.tpm_commands()} TPM commands")


if __name__ == "__main__":
    main()
