# SPDX-License-Identifier: MIT
"""Certificates that are well formed but for one field."""

from certs import malformed
from model import *


def in_module(reason, variants, **fixed):
    """@variants: what is wrong with it: the arguments of module() that make it so."""
    for what, arguments in variants.items():
        malformed(what, reason, module(**fixed, **arguments))


in_module("its version is not 3", {
    "version 1": {"version": b""},
    "version 2": {"version": tlv(0xA0, integer(1))},
    "version 4": {"version": tlv(0xA0, integer(3))},
    "version without a number": {"version": tlv(0xA0)},
    "version with something behind": {"version": tlv(0xA0, integer(2), integer(2))},
    "version as octet string": {"version": tlv(0xA0, tlv(4, b"\2"))},
    "version with implicit tag": {"version": tlv(0x80, b"\2")},
})
in_module("its serial number is malformed", {
    "no octet of serial number": {"serial": tlv(2)},
    "21 octets of serial number": {"serial": tlv(2, b"\x7f" * 21)},
    "20 octets of serial number after a zero": {"serial": tlv(2, b"\0\x80" + bytes(19))},
    "negative serial number": {"serial": tlv(2, b"\x80\1")},
    "serial number 0": {"serial": integer(0)},
    "padded serial number": {"serial": tlv(2, b"\0\1")},
    "serial number as octet string": {"serial": octets(b"\1")},
})
in_module("its issuer is malformed", {
    "issuer is a set": {"issuer_name": b"\x31" + PU.name[1:]},
    "issuer is missing": {"issuer_name": VALIDITY[0]},
})

# --- subject ------------------------------------------------------------------

DIGITS = UID.hex()


def subject(serial=utf8(SERIAL), uid=utf8(DIGITS), *more):
    return name(attribute(SERIAL_NUMBER, serial), attribute(USER_ID, uid), *more)


def with_digit(place, digit):
    return subject(uid=utf8(DIGITS[:place] + digit + DIGITS[place + 1 :]))


SUBJECTS = {
    "31 digits": subject(uid=utf8(DIGITS[:-1])),
    "33 digits": subject(uid=utf8(DIGITS + "0")),
    "upper-case high digit": with_digit(0, "A"),
    "upper-case low digit": with_digit(31, "F"),
    "digit before 0": with_digit(4, "/"),
    "digit after 9": with_digit(5, ":"),
    "digit before a": with_digit(6, "`"),
    "digit after f": with_digit(7, "g"),
    "octet string": subject(uid=octets(DIGITS.encode())),
    "UID twice": subject(utf8(SERIAL), utf8(DIGITS), attribute(USER_ID, utf8(DIGITS))),
}
for what, value in SUBJECTS.items():
    malformed(f"UID: {what}", "its subject is malformed", module(subject=value))
for what, value in {
    "none": subject(utf8("")),
    "33 characters": subject(utf8("X" * 33)),
    "blank": subject(utf8("TERMINAL 1")),
    "blank at the beginning": subject(utf8(" TERMINAL")),
    "control character": subject(utf8("TERMINAL\n1")),
    "NUL": subject(utf8("TERMINAL\0")),
    "DEL": subject(utf8("TERMINAL\x7f")),
    "not ASCII": subject(utf8("TERMINÄL")),
    "BMPString": subject(tlv(30, SERIAL.encode())),
    "constructed string": subject(tlv(0x2C, SERIAL.encode())),
    "twice": subject(
        utf8("A"), utf8(DIGITS), attribute(SERIAL_NUMBER, utf8("B"))),
}.items():
    malformed(f"serial number of the module: {what}", "its subject is malformed",
              identity(subject=value))
GOOD_NAME = module_name(SERIAL, UID)
CN = attribute(COMMON_NAME, utf8("x"))
for what, value in {
    "empty": name(),
    "a set": b"\x31" + GOOD_NAME[1:],
    "RDN is a sequence": sequence(GOOD_NAME[2:], sequence(CN)),
    "two attributes in an RDN": sequence(GOOD_NAME[2:], tlv(0x31, CN, CN)),
    "empty RDN": sequence(GOOD_NAME[2:], tlv(0x31)),
    "attribute is a set": sequence(GOOD_NAME[2:], tlv(0x31, b"\x31" + CN[1:])),
    "attribute without value": name(sequence(oid(COMMON_NAME))),
    "attribute with two values": name(sequence(CN[2:], utf8("y"))),
    "attribute without OID": name(sequence(utf8("x"), utf8("y"))),
    "value longer than its attribute": name(sequence(oid(COMMON_NAME), b"\x0c\5x")),
}.items():
    malformed(f"subject: {what}", "its subject is malformed", module(subject=value))

# --- key ------------------------------------------------------------------------

X, Y = KEYS["module"].point[:32], KEYS["module"].point[32:]
POINT = b"\4" + X + Y
COMPRESSED = bytes([2 | Y[-1] & 1]) + X
HYBRID = bytes([6 | Y[-1] & 1]) + X + Y


def generated(*options):
    pem = openssl("genpkey", "-quiet", "-algorithm", *options)
    return openssl("pkey", "-pubout", "-outform", "DER", stdin=pem)


SPKI = public(POINT)
assert SPKI == KEYS["module"].spki
ALGORITHM = SPKI[2 : 4 + SPKI[3]]
for what, spki in {
    "P-384": generated("EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
    "P-384 by its curve alone": public(POINT, parameters=oid(P384)),
    "RSA": generated("RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
    "ECDH by its algorithm alone": public(POINT, bytes.fromhex("2b8104010c")),
    "Ed25519": generated("ED25519"),
    "compressed point": public(COMPRESSED),
    "hybrid point": public(HYBRID),
    "point at infinity": public(b"\0"),
    "point without its first octet": public(POINT[1:]),
    "point with an octet too many": public(POINT + b"\0"),
    "point with an octet too few": public(POINT[:-1]),
    "no point": sequence(ALGORITHM, tlv(3)),
    "unused bits": public(POINT[:-1] + b"\0", unused=1),
    "point as octet string": sequence(ALGORITHM, octets(b"\0" + POINT)),
    "something behind the point": public(POINT, after=b"\5\0"),
    "no curve": public(POINT, parameters=b""),
    "curve NULL": public(POINT, parameters=b"\5\0"),
    "something behind the curve": public(POINT, parameters=oid(P256) + b"\5\0"),
    "algorithm is a set": sequence(b"\x31" + ALGORITHM[1:], bits(POINT)),
    "algorithm without OID": sequence(sequence(b"\5\0", oid(P256)), bits(POINT)),
    "a set": b"\x31" + SPKI[1:],
}.items():
    malformed(f"key: {what}", "its key is not an uncompressed point of P-256",
              module(spki=spki))

# --- extensions -----------------------------------------------------------------

in_module("it has no extensions, or something after them", {
    "no extensions": {"wrapped": b""},
    "something before the extensions": {"after_spki": b"\5\0"},
    "something behind the extensions": {"after_extensions": b"\5\0"},
    "extensions twice": {"after_extensions": tlv(0xA3, sequence(LEAF))},
    "issuerUniqueID": {"after_spki": tlv(0x81, b"\0x")},
    "subjectUniqueID": {"after_spki": tlv(0x82, b"\0x")},
})

EXTENSION = "an extension is malformed, repeated, or critical and unknown"
HEAD = [LEAF, SIGNS, roles(MODULE)]
ALL = sequence(*HEAD, *of_session())
in_module(EXTENSION, {
    "extensions: no sequence": {"wrapped": tlv(0xA3, b"\x31" + ALL[1:])},
    "extensions: something behind the sequence": {"wrapped": tlv(0xA3, ALL, b"\5\0")},
    "extensions: empty [3]": {"wrapped": tlv(0xA3)},
    "extensions: none in the sequence": {"wrapped": tlv(0xA3, sequence())},
})

malformed("basic constraints of an authority, not critical", EXTENSION, signer(
    [extension(BASIC_CONSTRAINTS, sequence(TRUE, integer(0))), BOTH, roles(SIGNER)]))

COPIES = {
    "basic constraints": LEAF,
    "key usage": SIGNS,
    "extended key usage": roles(),
    "nonce": of_session()[0],
    "salt": of_session()[1],
    "epoch": of_session()[2],
}
for what, copy in COPIES.items():
    malformed(f"{what}: twice", EXTENSION, module(extra=[copy]))

UNKNOWN = b"\x2a\x03"


def changed(without, instead):
    """The extensions of a module certificate, one replaced."""
    every = [*HEAD, *of_session()]
    assert without in every
    return [instead if e == without else e for e in every]


IN_EXTENSION = {
    "unknown and critical": (LEAF, extension(UNKNOWN, utf8("?"), TRUE)),
    "critical FALSE encoded": (LEAF, extension(BASIC_CONSTRAINTS, sequence(), FALSE)),
    "critical 01": (LEAF, extension(BASIC_CONSTRAINTS, sequence(), b"\1\1\1")),
    "critical of two octets":
        (LEAF, extension(BASIC_CONSTRAINTS, sequence(), b"\1\2\xff\xff")),
    "a set": (LEAF, b"\x31" + LEAF[1:]),
    "without OID": (LEAF, sequence(TRUE, octets(sequence()))),
    "without value": (LEAF, sequence(oid(BASIC_CONSTRAINTS), TRUE)),
    "value as bit string": (LEAF, sequence(oid(BASIC_CONSTRAINTS), TRUE, tlv(3, b"\x30\0"))),
    "something behind the value":
        (LEAF, sequence(oid(BASIC_CONSTRAINTS), TRUE, octets(sequence()), b"\5\0")),
}
IN_CONSTRAINTS = {
    "a set": tlv(0x31),
    "something behind": sequence() + b"\5\0",
    "CA FALSE encoded": sequence(FALSE),
    "CA 01": sequence(b"\1\1\1"),
    "CA of two octets": sequence(b"\1\2\xff\xff"),
    "path length without CA": sequence(integer(0)),
    "path length 256": sequence(TRUE, integer(256)),
    "negative path length": sequence(TRUE, integer(-1)),
    "path length as octet string": sequence(TRUE, octets(b"\0")),
    "two path lengths": sequence(TRUE, integer(0), integer(0)),
}
IN_USAGE = {
    "octet string": octets(b"\7\x80"),
    "no octet": tlv(3),
    "no bit": tlv(3, b"\0"),
    "eight unused bits": tlv(3, b"\x08\x80"),
    "trailing zero bits": tlv(3, b"\0\x80"),
    "bit set among the unused": tlv(3, b"\7\xc0"),
    "last bit set among the unused": tlv(3, b"\7\x81"),
    "trailing zero octet": tlv(3, b"\7\x80\0"),
    "something behind": tlv(3, b"\7\x80") + b"\5\0",
}
ROLE = oid(project(1, MODULE))
IN_EXTENDED_USAGE = {
    "empty": sequence(),
    "a set": tlv(0x31, ROLE),
    "no OID": sequence(octets(project(1, MODULE))),
    "something behind": sequence(ROLE) + b"\5\0",
    "A28 two roles": sequence(oid(project(1, SIGNER)), ROLE),
    "A28 two roles, one between others":
        sequence(ROLE, oid(CLIENT_AUTH), oid(project(1, CENTRAL))),
    "one role twice": sequence(ROLE, ROLE),
    "OID below a role": sequence(oid(project(1, MODULE, 1))),
    "the arc of the roles itself": sequence(oid(project(1))),
    "role 0": sequence(oid(project(1, 0)), ROLE),
    "role of an unfinished octet": sequence(oid(project(1, 0x83))),
    "role of the first octet that goes on": sequence(oid(project(1, 0x80))),
}
IN_NONCE = {
    "31 octets": octets(MODULE_NONCE[1:]),
    "33 octets": octets(MODULE_NONCE + b"\0"),
    "bit string": tlv(3, MODULE_NONCE),
    "something behind": octets(MODULE_NONCE) + b"\5\0",
}
IN_EPOCH = {
    "negative": integer(-1),
    "2^64": integer(1 << 64),
    "padded": tlv(2, b"\0\7"),
    "empty": tlv(2),
    "octet string": octets(b"\7"),
    "something behind": integer(7) + b"\5\0",
}
TABLES = (
    ("extension", IN_EXTENSION, None, b""),
    ("basic constraints", IN_CONSTRAINTS, LEAF, BASIC_CONSTRAINTS),
    ("key usage", IN_USAGE, SIGNS, KEY_USAGE),
    ("extended key usage", IN_EXTENDED_USAGE, HEAD[2], EXT_KEY_USAGE),
    ("nonce", IN_NONCE, of_session()[0], NONCE),
    ("salt", IN_NONCE, of_session()[1], SALT),
    ("epoch", IN_EPOCH, of_session()[2], EPOCH),
)
for kind, table, old, kind_oid in TABLES:
    for what, value in table.items():
        critical = TRUE if kind_oid == BASIC_CONSTRAINTS else b""
        old_one, new = value if old is None else (old, extension(kind_oid, value, critical))
        malformed(f"{kind}: {what}", EXTENSION, module(changed(old_one, new)))
