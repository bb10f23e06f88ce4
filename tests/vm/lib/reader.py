# SPDX-License-Identifier: MIT
"""A virtual reader of smart cards, with the module in it."""

from .paths import BIN


class Reader:
    """pcscd with the virtual reader, and the bridge that puts the module into it."""

    def __init__(self, vm):
        self.vm = vm
        vm.sh("mkdir -p /run/pcscd")
        self.pcscd = vm.start(["/usr/sbin/pcscd", "--foreground", "--error"])
        self.bridge = self.insert()

    def insert(self):
        bridge = self.vm.start([BIN / "secmod-vpicc"])
        bridge.wait_for("is in the reader")
        self.vm.wait_for("opensc-tool --atr", timeout=120)
        return bridge

    def open_files(self):
        """What the bridge has open."""
        return self.vm.sh("ls -l /proc/$(pidof secmod-vpicc)/fd").out

    def send(self, *commands):
        """The responses to a conversation, hexadecimal with their status words."""
        options = " ".join(f"-s {command}" for command in commands)
        out = self.vm.sh(f"opensc-tool --card-driver default {options}").out
        answers, status = [], None
        for line in out.splitlines():
            if line.startswith("Received"):
                status = line.split("SW1=0x")[1].replace(", SW2=0x", "")[:4]
                answers.append(status.lower())
            elif line.startswith("Sending"):
                status = None
            elif status:
                # bytes in hexadecimal come first, 16 in a line
                data = line[: 16 * 3].replace(" ", "").lower()
                answers[-1] = answers[-1][:-4] + data + status.lower()
        return answers
