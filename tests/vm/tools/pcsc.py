#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Commands in hexadecimal, one a line, to the card in PC/SC's first reader; "reset",
"off" and "on" too.

Debian's own interpreter, for its own package has the module for PC/SC.
"""

import sys

from smartcard.scard import (
    SCARD_LEAVE_CARD,
    SCARD_PCI_T1,
    SCARD_PROTOCOL_T1,
    SCARD_RESET_CARD,
    SCARD_SCOPE_USER,
    SCARD_SHARE_EXCLUSIVE,
    SCARD_UNPOWER_CARD,
    SCardConnect,
    SCardDisconnect,
    SCardEstablishContext,
    SCardGetErrorMessage,
    SCardListReaders,
    SCardReconnect,
    SCardTransmit,
)


def check(result):
    code, *rest = result if isinstance(result, (list, tuple)) else [result]
    if code:
        sys.exit(SCardGetErrorMessage(code))
    return rest[0] if rest else None


context = check(SCardEstablishContext(SCARD_SCOPE_USER))
reader = check(SCardListReaders(context, []))[0]
mode = (SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T1)
card = check(SCardConnect(context, reader, *mode))
for line in sys.stdin:
    if line.strip() == "reset":
        check(SCardReconnect(card, *mode, SCARD_RESET_CARD))
        print("9000", flush=True)
    elif line.strip() == "off":
        check(SCardDisconnect(card, SCARD_UNPOWER_CARD))
        print("9000", flush=True)
    elif line.strip() == "on":
        card = check(SCardConnect(context, reader, *mode))
        print("9000", flush=True)
    else:
        command = list(bytes.fromhex(line))
        print(bytes(check(SCardTransmit(card, SCARD_PCI_T1, command))).hex(), flush=True)
SCardDisconnect(card, SCARD_LEAVE_CARD)
