# SPDX-License-Identifier: MIT
"""What a TPM holds, what it says of itself, and initializations that are only begun."""

import struct

from .paths import BUILD
from .powercut import handles, tpm_command
from .tap import expect, expect_equal, expect_match

DISCARD, EK_RSA = 1, 2  # flags of SECMOD_IOC_INIT_BEGIN

ORDINARY = 0x02060006  # TPMA_NV: owner and authValue, noDA

_GET_CAPABILITY = 0x17A
_SIZES = {0: 6, 1: 4, 2: 4, 6: 8, 8: 2}  # of a list's element, by capability
_KINDS = (0x01000000, 0x02000000, 0x03000000, 0x80000000, 0x81000000)
_PASSWORD = struct.pack(">IIHBH", 9, 0x40000009, 0, 0, 0)
_P256 = bytes.fromhex("0023000b000300720000000600800043001000030010") + bytes(4)


def elements(bus, capability, first=0):
    """The numbers in a list of the TPM, and their bytes."""
    body = struct.pack(">III", capability, first, 254)
    return _elements(capability, bus.ask(tpm_command(_GET_CAPABILITY, body)))


def _number(capability, element):
    number = int.from_bytes(element[: 2 if capability in (0, 8) else 4], "big")
    return number & 0xFFFF if capability == 2 else number


def _elements(capability, answer):
    size = _SIZES[capability]
    parts = [answer[at : at + size] for at in range(19, len(answer), size)]
    return {_number(capability, part): part for part in parts}


class Lie:
    """For bus.arm(on_answer=): the TPM lacks an element, or has another property."""

    def __init__(self, capability, number, value=None):
        self.capability, self.number, self.value = capability, number, value
        self.told = 0

    def __call__(self, _number, command, answer):
        if command[6:10] != struct.pack(">I", _GET_CAPABILITY) or answer[6:10] != bytes(4):
            return None
        if command[10:14] != struct.pack(">I", self.capability):
            return None
        found = _elements(self.capability, answer)
        if self.number not in found:
            return None
        self.told += 1
        if self.value is None:
            del found[self.number]
        else:
            found[self.number] = struct.pack(">II", self.number, self.value)
        body = struct.pack(">I", len(found)) + b"".join(found.values())
        return answer[:2] + struct.pack(">I", 15 + len(body)) + answer[6:15] + body


class Holdings:
    """Everything in a TPM that stays, and every slot; equal when nothing has changed."""

    def __init__(self, tpm):
        self.handles = [tuple(handles(tpm.bus, kind)) for kind in _KINDS]
        self.memory = b"".join(
            path.read_bytes() for path in sorted(tpm.state.glob("*.permall"))
        )

    def expect(self, tpm, touched=False):
        """Nothing else is there; untouched: nothing was there in the meantime either."""
        now = Holdings(tpm)
        for kind, was, is_now in zip(_KINDS, self.handles, now.handles):
            expect_equal(
                [hex(h) for h in is_now], [hex(h) for h in was], f"handles from {kind:#x}"
            )
        if not touched:
            expect(now.memory == self.memory, "the TPM's memory was written")


class Fill:
    """Takes room in the TPM by commands of its own."""

    def __init__(self, bus):
        self.bus = bus

    def run(self, code, handles_, body, tag=0x8002):
        """The response code, and what follows it."""
        words = struct.pack(f">{len(handles_)}I", *handles_)
        words += _PASSWORD if tag == 0x8002 else b""
        answer = self.bus.ask(tpm_command(code, words + body, tag))
        return struct.unpack(">I", answer[6:10])[0], answer[10:]

    def session(self):
        body = struct.pack(">H16xHBHH", 16, 0, 1, 0x10, 0xB)
        rc, rest = self.run(0x176, (0x40000007, 0x40000007), body, tag=0x8001)
        expect_equal(rc, 0, "StartAuthSession")
        return struct.unpack(">I", rest[:4])[0]

    def key(self, hierarchy=0x40000001, template=_P256):
        body = struct.pack(">HHH", 4, 0, 0) + struct.pack(">H", len(template))
        rc, rest = self.run(0x131, (hierarchy,), body + template + bytes(6))
        expect_equal(rc, 0, "CreatePrimary")
        return struct.unpack(">I", rest[:4])[0]

    def flush(self, handle):
        self.run(0x165, (), struct.pack(">I", handle), tag=0x8001)

    def persist(self, key, handle):
        """Response code of EvictControl: to and from the handle."""
        return self.run(0x120, (0x40000001, key), struct.pack(">I", handle))[0]

    def define(self, index, size, attributes=ORDINARY):
        public = struct.pack(">IHIHH", index, 0xB, attributes, 0, size)
        body = struct.pack(">HH", 0, len(public)) + public
        return self.run(0x12A, (0x40000001,), body)[0]

    def undefine(self, index):
        return self.run(0x122, (0x40000001, index), b"")[0]

    def persist_all(self, first):
        """Persistent keys until no more fits; a function for each that removes it."""
        key, made = self.key(), []
        while self.persist(key, first + len(made)) == 0:
            made.append(first + len(made))
        self.flush(key)
        return [lambda handle=handle: self.persist(handle, handle) for handle in made]

    def define_all(self, first, sizes):
        """Indices until no more fits, the larger first; likewise."""
        made = []
        for size in sizes:
            while self.define(first + len(made), size) == 0:
                made.append(first + len(made))
        return [lambda index=index: self.undefine(index) for index in made]


class Begin:
    """Initializations in the guest, begun by a tool that waits for commands."""

    def __init__(self, vm, tpm, device="/dev/secmod0"):
        self.tpm = tpm
        self.count = 0
        self.tool = vm.start([BUILD / "vm/init_begin", device])

    def _ask(self, line):
        self.count += 1
        self.tool.write(line + "\n")
        return self.tool.wait_for(rf"^{self.count} (.*)\n", 60).group(1)

    def begin(self, flags=0):
        """"ok", or the errno and the reason; it stays until close()."""
        return self._ask(f"begin {flags}")

    def close(self):
        expect_equal(self._ask("close"), "ok")

    def refused(self, reason, flags=0, touched=False):
        """It is refused so, and nothing in the TPM has changed."""
        before = Holdings(self.tpm)
        try:
            expect_match(rf"^{reason}", self.begin(flags), "the answer")
            before.expect(self.tpm, touched)
        finally:
            self.close()

    def works(self, flags=0, *there):
        """It is taken, there are these handles, and closing takes it back."""
        before = Holdings(self.tpm)
        try:
            expect_equal(self.begin(flags), "ok")
            now = [h for kind in Holdings(self.tpm).handles for h in kind]
            for handle in there:
                expect(handle in now, f"{handle:#x} is missing")
        finally:
            self.close()
        before.expect(self.tpm, touched=True)
