#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Yubico's host side of SCP03 and SCP11a, for the card in PC/SC's first reader.

One JSON list a line: what to do and with what, bytes in hexadecimal; the answer likewise, or
{"sw": …} of a refusal, {"error": …} of an answer that was wrong.

Debian's own interpreter, for its own package has the module for PC/SC.
"""

import json
import sys

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from smartcard.CardRequest import CardRequest
from yubikit.core.smartcard import ApduError, SmartCardConnection
from yubikit.core.smartcard.scp import (
    KeyRef,
    Scp03KeyParams,
    Scp11KeyParams,
    ScpKid,
    StaticKeys,
)
from yubikit.securitydomain import SecurityDomainSession


class Certificate:
    """It is passed on and not read, as little as the module's, whose public key is handed over
    instead: the library of Debian 12 parses no certificate with arcs as long as those of a UUID
    (2.25.UUID, X.667), in which the project's roles and extensions are."""

    subject = "host"

    def __init__(self, der):
        self._der = der

    def public_bytes(self, _):
        return self._der


class Connection(SmartCardConnection):
    transport = None

    def __init__(self):
        self._card = CardRequest(timeout=60).waitforcard().connection
        self._card.connect()

    def close(self):
        self._card.disconnect()

    def send_and_receive(self, apdu):
        data, sw1, sw2 = self._card.transmit(list(apdu))
        return bytes(data), sw1 << 8 | sw2


connection = Connection()
session = None


def select():
    global session
    session = SecurityDomainSession(connection)


def scp03(kvn, *keys):
    select()
    session.authenticate(Scp03KeyParams(KeyRef(1, kvn), StaticKeys(*map(bytes.fromhex, keys))))


def scp11a(key, module, *chain):
    select()
    curve = ec.SECP256R1()
    session.authenticate(
        Scp11KeyParams(
            KeyRef(ScpKid.SCP11a, 0),
            ec.EllipticCurvePublicKey.from_encoded_point(curve, bytes.fromhex(module)),
            KeyRef(0, 0),
            load_pem_private_key(key.encode(), None),
            [Certificate(bytes.fromhex(certificate)) for certificate in chain],
        )
    )


def send(head, data="", le=256):
    return session.protocol.send_apdu(*bytes.fromhex(head), bytes.fromhex(data), le).hex()


for line in sys.stdin:
    name, *arguments = json.loads(line)
    try:
        answer = globals()[name](*arguments)
    except ApduError as error:
        answer = {"sw": error.sw}
    except ValueError as error:
        answer = {"error": str(error.__context__ or error)}
    print(json.dumps(answer), flush=True)
