# SPDX-License-Identifier: MIT
"""TPMs: swtpm instances, each made like a chip leaves its factory."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from .paths import BUILD, locked, run_dir, socket_path
from .process import spawn, wait_for

CA = BUILD / "tpm-ca"
_ACCEPTS = "00010000"  # SO_ACCEPTCON in /proc/net/unix
_EK_RSA, _EK_P256 = "0x01c00002", "0x01c0000a"  # indices of certificates

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


def _listening():
    """Paths of the sockets that take connections: one may be there before it does."""
    rows = (line.split() for line in Path("/proc/net/unix").read_text().splitlines())
    return {row[7] for row in rows if len(row) == 8 and row[3] == _ACCEPTS}


class Tpm:
    """One TPM. Its state directory outlives power cuts and VMs.

    New state gets endorsement keys (RSA 2048, ECC P-384) with certificates of
    a local CA (ek_ca), as swtpm_setup makes them: 0.6 s, a new EK each time.

    ek         whose certificate it has: "rsa" (and P-384), "p384", "p256", "none"
    pcr_banks  "sha256", "sha1,sha384" …
    version    2, or 1 for a TPM 1.2, which has nothing of the above
    """

    _count = 0

    def __init__(
        self, state=None, name=None, bus=None, ek="rsa", pcr_banks="sha256", version=2
    ):
        Tpm._count += 1
        self.bus = bus  # a Bus between it and the machine
        self.name = name or f"tpm{Tpm._count}"
        self.state = state or run_dir() / self.name
        self.log = run_dir() / f"{self.name}.log"
        self.child = None
        self.socket = None
        self._kind = ["--tpm2"] if version == 2 else []
        if version == 1:
            self.state.mkdir(parents=True, exist_ok=True)
        elif not (self.state / "tpm2-00.permall").exists():
            self._manufacture(ek, pcr_banks)

    def _manufacture(self, ek, pcr_banks):
        _prepare_ca()
        self.state.mkdir(parents=True, exist_ok=True)
        certificates = ["--create-ek-cert", "--create-platform-cert"]
        self._tool(
            ["swtpm_setup", "--tpm2", "--tpmstate", self.state]
            + (certificates if ek in ("rsa", "p384") else [])
            + ["--pcr-banks", pcr_banks]
            + ["--config", CA / "setup.conf", "--overwrite"]
        )
        if ek == "p384":
            self._with_tools(f"tpm2_nvundefine -C p {_EK_RSA}")
        elif ek == "p256":
            self._certify_p256()

    def _tool(self, command, **kwargs):
        with open(self.log, "ab") as log:
            child = spawn(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **kwargs
            )
        if child.wait(60):
            raise RuntimeError(f"{command[0]} failed:\n{self.log.read_text()}")

    def _with_tools(self, *commands):
        environment = {**os.environ, "TPM2TOOLS_TCTI": self.serve()}
        for command in commands:
            self._tool(shlex.split(command), env=environment, cwd=self.state)
        self.stop()

    def _certify_p256(self):
        """A certificate for the key of template L-2, where its maker puts it."""
        self._with_tools("tpm2_createek -G ecc -c ek.ctx -u ek.point")
        public = (self.state / "ek.point").read_bytes()  # ends with the point
        x, y = public[-66:-34].hex(), public[-32:].hex()
        with locked(CA / ".lock"):
            self._tool(
                ["swtpm_localca", "--type", "ek", "--ek", f"x={x},y={y},id=secp256r1"]
                + ["--dir", self.state, "--vmid", self.name, "--tpm2"]
                + ["--tpm-spec-family", "2.0", "--tpm-spec-level", "0"]
                + ["--tpm-spec-revision", "164", "--tpm-manufacturer", "id:00001014"]
                + ["--tpm-model", "swtpm", "--tpm-version", "id:20191023"]
                + ["--configfile", CA / "localca.conf"]
                + ["--optsfile", CA / "localca.options"]
            )
        size = (self.state / "ek.cert").stat().st_size
        self._with_tools(
            f"tpm2_nvdefine {_EK_P256} -C o -s {size}"
            " -a ownerread|ownerwrite|authread|authwrite|no_da",
            f"tpm2_nvwrite {_EK_P256} -C o -i ek.cert",
        )

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
                ["swtpm", "socket", *self._kind, "--tpmstate", f"dir={self.state}"]
                + ["--log", "level=1,fd=1", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

        def listening():
            if not self.running:
                raise RuntimeError(f"swtpm ended:\n{self.log.read_text()}")
            return set(map(str, self._sockets)) <= _listening()

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
