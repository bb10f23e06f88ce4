# SPDX-License-Identifier: MIT
"""Somebody on the bus who changes what passes, one message of one operation at a time."""

import re
import struct

from .bus import command_code, tpm_command
from .paths import BUILD
from .powercut import LOADED_SESSION, SAVED_SESSION, TRANSIENT, handles
from .process import host
from .tap import expect

_HEADER = struct.Struct(">HII")
_BUFFER = 3968  # of the TPM's interface
_SENTENCE = re.compile(r"E[A-Z]+ \w.{15,}")
_FLUSH = 0x165


def reframe(message):
    """As long as its header says, for that is how many bytes pass; None: never so many."""
    (size,) = struct.unpack(">I", message[2:6])
    if not 10 <= size <= _BUFFER:
        return None
    return message[:size] + bytes(max(0, size - len(message)))


def der_signature(raw):
    """An ECDSA signature of r and s as OpenSSL reads it."""
    def integer(data):
        data = data.lstrip(b"\0")
        data = b"\0" * (not data or data[0] >> 7) + data
        return bytes([2, len(data)]) + data

    both = integer(raw[:32]) + integer(raw[32:])
    return bytes([0x30, len(both)]) + both


class Operator:
    """Has a module do operations, and tells whether what comes of them is right."""

    MESSAGE = b"message to be signed by a module"  # tools/operate.c

    def __init__(self, module, bus):
        self.module, self.bus, self.vm = module, bus, module.vm
        argv = [BUILD / "vm/operate", "/dev/secmod0", module.vault]
        self._tool = self.vm.start([str(word) for word in argv])
        self.vm.sh(f"mkdir -p {self.vm.share}/certs")
        module.secmod("certs", "--out-dir", f"{self.vm.share}/certs")

    def ask(self, operation, timeout=60):
        """The answer: "ok" and what came of it, or errno and reason."""
        self._tool.write(operation + "\n")
        return self._tool.read_line(timeout)

    def record(self, operation):
        """Commands and answers of the operation, and its result."""
        wire = []
        self.bus.arm(on_answer=lambda _, command, answer: wire.append((command, answer)))
        result = self.ask(operation)
        self.bus.arm()
        expect(result.startswith("ok"), f"{operation}: {result}")
        return wire, result

    def _verify(self, certificate, message, signature):
        share = self.vm.share
        (share / "message").write_bytes(message)
        (share / "signature").write_bytes(der_signature(signature))
        public = f"openssl x509 -in {share}/certs/{certificate}.pem -noout -pubkey"
        return host(
            f"{public} >{share}/public && openssl dgst -sha256 -verify {share}/public"
            f" -signature {share}/signature {share}/message", check=False
        ).rc == 0

    def is_right(self, operation, result, good):
        """Is this as right as the good result?"""
        parts = [bytes.fromhex(part) for part in result.split()[1:]]
        if operation == "identity":
            return self._verify("identity", self.MESSAGE, parts[0])
        if operation == "sign":
            return self._verify_digest(parts[0])
        if operation == "attest":
            wanted = bytes.fromhex(good.split()[1])
            name, extra = 6 + 2 + 34, 34  # magic, type, qualifiedSigner; extraData
            same = parts[0][: name + extra] == wanted[: name + extra]
            # behind clock and firmware: which index, and what it holds
            same = same and parts[0][name + extra + 25 :] == wanted[name + extra + 25 :]
            return same and self._verify("identity", parts[0], parts[1])
        return result == good

    def _verify_digest(self, signature):
        share = self.vm.share
        (share / "message").write_bytes(self.MESSAGE)
        (share / "signature").write_bytes(der_signature(signature))
        public = f"openssl x509 -in {share}/certs/module.pem -noout -pubkey"
        return host(
            f"{public} >{share}/public && openssl pkeyutl -verify -pubin -inkey"
            f" {share}/public -sigfile {share}/signature -in {share}/message", check=False
        ).rc == 0

    def clean_up(self):
        """Flush what is left loaded in the TPM; how much it was."""
        left = [h for kind in (TRANSIENT, LOADED_SESSION, SAVED_SESSION)
                for h in handles(self.bus, kind)]
        for handle in left:
            self.bus.ask(tpm_command(_FLUSH, struct.pack(">I", handle)))
        return len(left)

    def with_command(self, operation, number, change):
        """Do it, with change(command) for the number-th command of it."""
        return self._armed(operation, on_command=_only(number, change))

    def with_answer(self, operation, number, change):
        """Do it, with change(answer) for the answer to the number-th command."""
        return self._armed(
            operation, on_answer=lambda n, _, answer: _only(number, change)(n, answer)
        )

    def with_answer_again(self, operation, number):
        """Do it, with the answer to the command before it for the number-th command."""
        answers = [b""]

        def repeat(n, _, answer):
            answers.append(answer)
            return answers[-2] if n == number else None

        return self._armed(operation, on_answer=repeat)

    def _armed(self, operation, **hooks):
        self.bus.arm(**hooks)
        try:
            return self.ask(operation)
        finally:
            self.bus.arm()

    def judge(self, operation, result, good, place, leaves):
        """None, or what is wrong; "right" when it succeeded and nothing is wrong.

        leaves: somebody who hides a handle leaves what is behind it in the TPM.
        """
        if result.startswith("ok"):
            verdict = "right" if self.is_right(operation, result, good) else "wrong result"
            if operation == "attach":
                self.ask("detach")
        else:
            verdict = None if _SENTENCE.match(result) else "no sentence"
        if self.clean_up() and not leaves:
            verdict = "something is left in the TPM"
        after = self.ask(operation)
        if operation == "attach" and after.startswith("ok"):
            self.ask("detach")
        if not after.startswith("ok"):
            verdict = f"the operation after it: {after}"
        if verdict in (None, "right"):
            return verdict
        return f"{place}: {verdict}: {result}"


def _only(number, change):
    return lambda n, message: change(message) if n == number else None


def positions(message, stride, luck):
    """One byte of each field of the header and each stride-th behind it; of a stride of 1
    all bytes. Which ones is left to luck."""
    if stride == 1:
        return range(len(message))
    fields = (range(0, 2), range(4, 6), range(6, 10))
    return [*map(luck.choice, fields), *range(10 + luck.randrange(stride), len(message), stride)]


def flip(at, mask):
    def change(message):
        data = bytearray(message)
        data[at] ^= mask
        return reframe(bytes(data))

    return change


def code_of(exchange):
    return command_code(exchange[0])
