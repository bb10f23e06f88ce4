# SPDX-License-Identifier: MIT
"""What somebody in the relay looks for, and what he changes."""

from .extent import LONG, chance
from .gp import kcv
from .tap import expect

PIECE = 8  # bytes of a key that nobody is to see
SIDES = ("command", "answer")


def expect_unseen(wire, keys):
    """No piece of any key in what passed, forwards or backwards, as bytes or as digits."""
    seen = b"\0\0".join(message for exchange in wire for message in exchange)
    expect(len(wire) > 5 and len(seen) > 500, f"{len(wire)} commands were recorded")
    for key in keys:
        for at in range(len(key) - PIECE + 1):
            piece = key[at : at + PIECE]
            for form in (piece, piece[::-1], piece.hex().encode(), piece.hex().upper().encode()):
                expect(form not in seen, f"byte {at} of key {kcv(key).hex()}")


class Change:
    """One bit of one byte of one message."""

    def __init__(self, number, side, at, bit):
        self.number, self.side, self.at, self.mask = number, side, at, 1 << bit
        self.made = False

    def __str__(self):
        return f"{self.side} {self.number} byte {self.at} ^ {self.mask:#x}"

    def arm(self, middle):
        if self.side == "command":
            middle.arm(on_command=self._apply)
        else:
            middle.arm(on_answer=lambda number, _, answer: self._apply(number, answer))

    def _apply(self, number, message):
        if number != self.number or self.at >= len(message):
            return None
        self.made = True
        data = bytearray(message)
        data[self.at] ^= self.mask
        return bytes(data)


def changes(name, wire, few):
    """All that there can be, in a random order; the short form a few messages' of them."""
    luck = chance(name)
    messages = [(number, side, len(message)) for number, exchange in enumerate(wire, 1)
                for side, message in zip(SIDES, exchange)]
    if LONG:
        places = [(n, side, at) for n, side, size in messages for at in range(size)]
    else:
        places = [(n, side, luck.randrange(size)) for n, side, size in luck.sample(messages, min(few, len(messages)))]
    luck.shuffle(places)
    return [Change(*place, luck.randrange(8)) for place in places]


def is_put_key(command):
    return command[1] == 0xD8


def is_protected(command, side, at):
    """A MAC covers this byte, or it is of the MAC: all of a command in a channel but Le."""
    if not command[0] & 0x04:
        return False
    if command[4] or len(command) < 7:
        le = len(command) - 5 - command[4]
    else:
        le = len(command) - 7 - int.from_bytes(command[5:7], "big")
    return side == "answer" or at < len(command) - le
