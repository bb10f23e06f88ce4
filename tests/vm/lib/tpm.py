# SPDX-License-Identifier: MIT
"""TPMs: swtpm instances, each made like a chip leaves its factory."""

import shutil
import subprocess

from .paths import BUILD, locked, run_dir, socket_path
from .process import spawn, wait_for

CA = BUILD / "tpm-ca"

_CONFIG = {
    "setup.conf": f"""create_certs_tool = {shutil.which("swtpm_localca")}
create_certs_tool_config = {CA}/localca.conf
create_certs_tool_options = {CA}/localca.options
active_pcr_banks = sha256
""",
    "localca.conf": f"""statedir = {CA}
signingkey = {CA}/signkey.pem
issuercert = {CA}/issuercert.pem
certserial = {CA}/certserial
""",
    "localca.options": """--platform-manufacturer secmod
--platform-version 1
--platform-model test
""",
}


def _prepare_ca():
    with locked(CA / ".lock"):
        for name, text in _CONFIG.items():
            path = CA / name
            if not path.exists() or path.read_text() != text:
                path.write_text(text)


class Tpm:
    """One TPM. Its state directory outlives power cuts and VMs.

    New state gets endorsement keys (RSA 2048, ECC P-384) with certificates of
    a local CA (ek_ca), as swtpm_setup makes them: 0.6 s, a new EK each time.
    """

    _count = 0

    def __init__(self, state=None, name=None, bus=None):
        Tpm._count += 1
        self.bus = bus  # a Bus between it and the machine
        self.name = name or f"tpm{Tpm._count}"
        self.state = state or run_dir() / self.name
        self.log = run_dir() / f"{self.name}.log"
        self.child = None
        self.socket = None
        if not (self.state / "tpm2-00.permall").exists():
            self._manufacture()

    def _manufacture(self):
        _prepare_ca()
        self.state.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            setup = spawn(
                ["swtpm_setup", "--tpm2", "--tpmstate", self.state]
                + ["--create-ek-cert", "--create-platform-cert"]
                + ["--config", CA / "setup.conf", "--overwrite"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if setup.wait(60):
            raise RuntimeError(f"swtpm_setup failed:\n{self.log.read_text()}")

    @property
    def ek_ca(self):
        """PEM file: the CA of the endorsement certificates and its root."""
        bundle = CA / "ek-ca.pem"
        with locked(CA / ".lock"):
            if not bundle.exists():
                parts = ("issuercert.pem", "swtpm-localca-rootca-cert.pem")
                bundle.write_text("".join((CA / p).read_text() for p in parts))
        return bundle

    def _start(self, *arguments):
        assert not self.running, "this TPM is in use"
        with open(self.log, "ab") as log:
            self.child = spawn(
                ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.state}"]
                + ["--log", "level=1,fd=1", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

        def listening():
            if not self.running:
                raise RuntimeError(f"swtpm ended:\n{self.log.read_text()}")
            return all(path.exists() for path in self._sockets)

        wait_for(listening, 10, "swtpm")

    def _new_sockets(self, *names):
        self._sockets = [socket_path(name) for name in names]
        for path in self._sockets:
            path.unlink(missing_ok=True)
        return self._sockets

    @property
    def running(self):
        return self.child is not None and self.child.poll() is None

    def attach(self):
        """Power on inside a machine; returns the control socket for QEMU."""
        (control,) = self._new_sockets(f"{self.name}.ctl")
        self._start("--ctrl", f"type=unixio,path={control}", "--terminate")
        return self.bus.attach(control) if self.bus else control

    def serve(self):
        """Power on for programs of the host; returns their TCTI."""
        data, control = self._new_sockets(self.name + ".s", self.name + ".s.ctrl")
        self._start(
            *("--server", f"type=unixio,path={data}"),
            *("--ctrl", f"type=unixio,path={control}"),
            *("--flags", "not-need-init,startup-clear"),
        )
        return f"swtpm:path={data}"

    def restart(self, change):
        """Off and on again under a machine that goes on: the bus keeps it. change() is
        called while it is off."""
        with self.bus.exchange(lambda: self._sockets[0]):
            self.kill()
            change()
            self.serve()

    def stop(self, timeout=5):
        """Power off in good order (after QEMU has gone, or of serve())."""
        if not self.running:
            return
        try:
            if len(self._sockets) == 2:
                self.child.terminate()
            self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        """Power cut."""
        if self.running:
            self.child.kill()
            self.child.wait()
