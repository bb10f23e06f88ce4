#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The module as a card: pcscd, a virtual reader, and programs that are not ours."""

from lib import BIN, VM, Module, Tpm, case, expect, expect_equal, expect_match, serving

ISSUER = "A000000151000000"
SELECT = f"00A4040008{ISSUER}00"


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


def seen_by_others(reader, module):
    vm = reader.vm
    with case("vpicc: the answer to reset says what the card can"):
        atr = vm.sh("opensc-tool --atr").out.strip()
        text = vm.sh(f"unshare --net ATR_analysis '{atr}'").out
        expect_match("correct checksum", text)
        for word in ("Extended Lc and Le fields", "- Command chaining", "73 65 63 6D 6F 64", "Protocol T = 1"):
            expect(word in text, f"{word}: {text}")
    with case("B1 vpicc: another program selects the issuer security domain and reads the UID"):
        fci, uid = reader.send(SELECT, "80CA004500")
        expect_equal(fci, "6f118408a000000151000000a5059f650210009000")
        expect_equal(uid, "4510" + module.attribute("uid") + "9000")
    with case("vpicc: a reset ends the conversation"):
        expect_equal(reader.send("80CA004500")[0][-4:], "9000")
        vm.sh("opensc-tool --reset")
        expect_equal(reader.send("80CA004500"), ["6985"])


tpm = Tpm()
manufacturer, unit = serving(tpm)
with VM(tpm=tpm) as vm:
    vm.load_module()
    module = Module(vm)
    module.init(manufacturer)
    module.personalize(unit)
    reader = Reader(vm)
    seen_by_others(reader, module)
