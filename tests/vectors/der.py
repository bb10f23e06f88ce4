# SPDX-License-Identifier: MIT
"""A DER writer that can also write what DER forbids."""

OID_ARC = bytes.fromhex("698294fca4f198c19297b789c9a9cbfa8ccdb044")


def length(n):
    if n < 0x80:
        return bytes([n])
    octets = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def tlv(tag, *parts):
    value = b"".join(parts)
    return bytes([tag]) + length(len(value)) + value


def sequence(*parts):
    return tlv(0x30, *parts)


def octets(value):
    return tlv(4, value)


def bits(value, unused=0):
    return tlv(3, bytes([unused]), value)


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, "big", signed=True))


def utf8(text):
    return tlv(12, text.encode())


def oid(content):
    return tlv(6, content)


def project(*numbers):
    """Content octets of an OID below the arc of the project."""
    return OID_ARC + bytes(numbers)


TRUE = bytes([1, 1, 0xFF])
FALSE = bytes([1, 1, 0])


def time(text):
    """YYMMDDHHMMSSZ: UTCTime; with four digits of the year: GeneralizedTime."""
    return tlv(0x17 if len(text) == 13 else 0x18, text.encode())
