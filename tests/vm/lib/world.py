# SPDX-License-Identifier: MIT
"""Everybody a module meets: manufacturer, personalization unit, central system.

They run on the host, each with files of its own; the module lives in a VM.
"""

import json
import shutil

from .paths import BIN, run_dir
from .process import Process, free_port, host
from .tpm import Tpm

VAULT = "/var/lib/secmod/secmod0.vault"


class Program:
    """A program of the project with its directory."""

    def __init__(self, program, name):
        self.program, self.name = program, name
        self.dir = run_dir() / name
        self.dir.mkdir(exist_ok=True)
        self.server = None
        self.endpoint = None

    def run(self, *words, check=True):
        """Run a subcommand; the directory goes with it."""
        command, *rest = words
        argv = [BIN / self.program, command, "--dir", self.dir, *rest]
        return host([str(word) for word in argv], check=check)

    def serve(self, endpoint=None, *options):
        """Start the server; its endpoint is self.endpoint (a free TCP port)."""
        self.endpoint = endpoint or f"tcp:127.0.0.1:{free_port()}"
        argv = [BIN / self.program, "serve", "--dir", self.dir, *options]
        self.server = Process([str(word) for word in argv + [self.endpoint]])
        self.server.wait_for(r"listening|ready|waiting", 20)
        return self.server

    @property
    def guest_endpoint(self):
        """The endpoint as the guest writes it."""
        return self.endpoint.replace("127.0.0.1", "10.0.2.2")

    def stop(self):
        if self.server and self.server.running:
            self.server.terminate()
        self.server = None


class Manufacturer(Program):
    """Owns a checking key; knows the CA of the TPMs' endorsement keys."""

    def __init__(self, name="manufacturer", ek_ca=None):
        super().__init__("secmod-manufacturer", name)
        self.ek_ca = ek_ca
        self.run("init", "--name", f"{name} of modules")
        self.root = self.dir / "root.pem"

    def serve(self, endpoint=None, *options):
        ca = ["--ek-ca", self.ek_ca] if self.ek_ca else []
        return super().serve(endpoint, *ca, *options)

    def certify_signer(self, csr, out, name, *options):
        self.run("certify-signer", "--csr", csr, "--name", name, "--out", out, *options)


class Unit(Program):
    """A personalization unit; its signing key is in a TPM of its own, or a file."""

    def __init__(self, manufacturer, name="pu", in_tpm=True):
        super().__init__("secmod-pu", name)
        self.tpm = Tpm(name=f"tpm-{name}") if in_tpm else None
        self.key = f"file:{self.dir}/signer.key"
        if in_tpm:
            self.key = f"tpm:0x81000100?tcti={self.tpm.serve()}"
        self.run("init", "--key", self.key, "--name", name)
        shutil.copy(manufacturer.root, self.dir / "root.pem")
        self.certificate = self.dir / "signer.pem"
        manufacturer.certify_signer(self.dir / "signer.csr", self.certificate, name)

    def certify_central(self, central):
        """The central system's certificate; goes into every bundle from now on."""
        self.run(
            *("add-central", "--csr", central.dir / "central.csr"),
            *("--name", central.name, "--out", central.dir / "central.pem"),
        )

    def log(self):
        """The personalizations, oldest first."""
        lines = (self.dir / "personalizations.log").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def stop(self):
        super().stop()
        if self.tpm:
            self.tpm.stop()


class Central(Program):
    """A central system that knows the signing keys it was told of."""

    def __init__(self, manufacturer, unit, name="central"):
        super().__init__("secmod-central", name)
        self.run("init", "--name", name, "--root", manufacturer.root)
        unit.certify_central(self)
        self.run("signer", "add", unit.certificate)

    def run(self, *words, check=True):
        argv = [BIN / self.program, *words, "--dir", self.dir]
        return host([str(word) for word in argv], check=check)

    def serve(self, endpoint=None, *options):
        return super().serve(endpoint, *options)

    def ledger(self):
        return json.loads(self.run("ledger", "--json").out)


def serving(tpm, *options, in_tpm=False):
    """A manufacturer and a unit for modules of @tpm, both serving.

    The unit's bundles have a central system's certificate. @options are those of the
    manufacturer; @in_tpm: the unit's key is in a TPM of its own.
    """
    manufacturer = Manufacturer(ek_ca=tpm.ek_ca)
    unit = Unit(manufacturer, in_tpm=in_tpm)
    Central(manufacturer, unit)
    manufacturer.serve(None, *options)
    unit.serve()
    return manufacturer, unit


class Module:
    """The module in a VM, by the programs an administrator uses."""

    def __init__(self, vm, vault=VAULT):
        self.vm, self.vault = vm, vault

    def secmod(self, *words, check=True, **options):
        argv = [BIN / "secmod", *words]
        return self.vm.sh([str(word) for word in argv], check=check, **options)

    @property
    def state(self):
        return self.attribute("state")

    def attribute(self, name):
        return self.vm.sh(["cat", f"/sys/class/secmod/secmod0/{name}"]).out.strip()

    def init_words(self, manufacturer, serial="SN-0001"):
        # the guest reads the host's files; the root is handed over by hand
        words = ("init", manufacturer.guest_endpoint, "--root", manufacturer.root)
        return *words, "--serial", serial, "--vault", self.vault

    def init(self, manufacturer, serial="SN-0001", *options, check=True):
        words = self.init_words(manufacturer, serial)
        return self.secmod(*words, *options, check=check)

    def personalize(self, unit, check=True):
        return self.secmod("personalize", unit.guest_endpoint, check=check)

    def attach(self, check=True):
        return self.secmod("attach", "--vault", self.vault, check=check)

    def reboot(self, cut=True):
        """Off and on again, driver loaded: detached."""
        if cut:
            self.vm.power_cut()
        else:
            self.vm.shutdown()
        self.vm.boot()
        self.vm.load_module()
