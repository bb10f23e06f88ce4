# SPDX-License-Identifier: MIT
"""Keys, certificates and bundles of a small site, each part of which can be replaced."""

import base64
import hashlib
import subprocess

from der import (
    FALSE, OID_ARC, TRUE, bits, integer, octets, oid, project, sequence, time, tlv, utf8,
)

IDENTITY, SIGNER, MODULE, CENTRAL, UNIT_TLS, RECOVERY = range(1, 7)

EC_KEY = bytes.fromhex("2a8648ce3d0201")
P256 = bytes.fromhex("2a8648ce3d030107")
P384 = bytes.fromhex("2b81040022")
ECDSA_SHA256 = sequence(oid(bytes.fromhex("2a8648ce3d040302")))
ECDSA_SHA384 = sequence(oid(bytes.fromhex("2a8648ce3d040303")))
COMMON_NAME = bytes.fromhex("550403")
SERIAL_NUMBER = bytes.fromhex("550405")
USER_ID = bytes.fromhex("0992268993f22c640101")
CLIENT_AUTH = bytes.fromhex("2b06010505070302")
SERVER_AUTH = bytes.fromhex("2b06010505070301")
BASIC_CONSTRAINTS = bytes.fromhex("551d13")
KEY_USAGE = bytes.fromhex("551d0f")
EXT_KEY_USAGE = bytes.fromhex("551d25")
SUBJECT_KEY_ID = bytes.fromhex("551d0e")
AUTHORITY_KEY_ID = bytes.fromhex("551d23")
NONCE, SALT, EPOCH = project(2, 1), project(2, 2), project(2, 3)


def digest(label):
    return hashlib.sha256(label.encode()).digest()


def openssl(*args, stdin=b""):
    return subprocess.run(
        ["openssl", *args], input=stdin, stdout=subprocess.PIPE, check=True
    ).stdout


class Key:
    """A key of P-256 whose private half is the hash of its name."""

    def __init__(self, name):
        der = sequence(integer(1), octets(digest(name)), tlv(0xA0, oid(P256)))
        body = base64.encodebytes(der).decode()
        pem = f"-----BEGIN EC PRIVATE KEY-----\n{body}-----END EC PRIVATE KEY-----\n"
        self.pem = pem.encode()
        self.spki = openssl("pkey", "-pubout", "-outform", "DER", stdin=self.pem)
        self.point = self.spki[-64:]

    def sign(self, data):
        """ECDSA-Sig-Value; the key comes by a pipe, it needs no file."""
        command = ["openssl", "dgst", "-sha256", "-sign", "/dev/fd/{}", "-binary"]
        return pipe_key(command, self.pem, data)

    def sign_raw(self, data):
        return raw(self.sign(data))


def pipe_key(command, pem, data):
    import os

    read, write = os.pipe()
    os.write(write, pem)
    os.close(write)
    command = [word.format(read) for word in command]
    done = subprocess.run(
        command, input=data, pass_fds=[read], stdout=subprocess.PIPE, check=True
    )
    os.close(read)
    return done.stdout


def signature_integers(der):
    """The values of the two INTEGERs."""
    r_len = der[3]
    return der[4 : 4 + r_len], der[6 + r_len :]


def raw(der):
    return b"".join(i.lstrip(b"\0").rjust(32, b"\0") for i in signature_integers(der))


def public(point, algorithm=EC_KEY, parameters=oid(P256), unused=0, after=b""):
    """SubjectPublicKeyInfo; @point with its leading 04."""
    alg = sequence(oid(algorithm), parameters)
    return sequence(alg, bits(point, unused), after)


def attribute(kind, value):
    return sequence(oid(kind), value)


def name(*attributes):
    return sequence(*(tlv(0x31, a) for a in attributes))


def common(text):
    return name(attribute(COMMON_NAME, utf8(text)))


def module_name(serial, uid):
    return name(
        attribute(SERIAL_NUMBER, utf8(serial)), attribute(USER_ID, utf8(uid.hex()))
    )


def extension(kind, value, critical=b""):
    return sequence(oid(kind), critical, octets(value))


def constraints(*parts):
    return extension(BASIC_CONSTRAINTS, sequence(*parts), TRUE)


def usage(*octets_of_string):
    """KeyUsage: count of unused bits, then the octets."""
    return extension(KEY_USAGE, tlv(3, bytes(octets_of_string)), TRUE)


def roles(*numbers, others=(CLIENT_AUTH,)):
    oids = [oid(project(1, n)) for n in numbers] + [oid(o) for o in others]
    return extension(EXT_KEY_USAGE, sequence(*oids))


def key_id(spki):
    return hashlib.sha256(spki[-65:]).digest()[:20]


LEAF = constraints()
SIGNS = usage(7, 0x80)  # digitalSignature
CERTIFIES = usage(1, 0x06)  # keyCertSign, cRLSign
BOTH = usage(1, 0x86)


class Authority:
    """An issuer: its name, key and, once made, certificate."""

    def __init__(self, common_name, key):
        self.name = common(common_name)
        self.key = key
        self.der = None

    def identifiers(self, spki):
        """SKI of a subject and AKI of this issuer: extensions that nobody asks for."""
        return [
            extension(SUBJECT_KEY_ID, octets(key_id(spki))),
            extension(AUTHORITY_KEY_ID, sequence(tlv(0x80, key_id(self.key.spki)))),
        ]


VALIDITY = (time("200101000000Z"), time("20991231235959Z"))


def certificate(
    issuer, subject, key, extensions,
    version=tlv(0xA0, integer(2)),
    serial=None,
    algorithm=ECDSA_SHA256,
    outer_algorithm=None,
    issuer_name=None,
    validity=VALIDITY,
    spki=None,
    after_spki=b"",
    wrapped=None,
    after_extensions=b"",
    signer=None,
    signature=lambda s: bits(s),
    after_signature=b"",
):
    """
    A certificate signed by @issuer (or its stand-in @signer) over what it says.
    @wrapped replaces the extensions with their tag, @signature makes the bit string.
    """
    spki = spki or key.spki
    if serial is None:
        label = b"".join(extensions) + subject + spki + b"".join(validity)
        serial = tlv(2, bytes(1), b"\x80", hashlib.sha256(label).digest()[1:16])
    if wrapped is None:
        wrapped = tlv(0xA3, sequence(*extensions))
    tbs = sequence(
        version, serial, algorithm, issuer_name or issuer.name, sequence(*validity),
        subject, spki, after_spki, wrapped, after_extensions,
    )
    signed = (signer or issuer.key).sign(tbs)
    outer = outer_algorithm or algorithm
    return sequence(tbs, outer, signature(signed), after_signature)


# The site: what a bundle has to fit, and who is there.
UID = digest("uid")[:16]
MODULE_NONCE = digest("module nonce")
SALT_VALUE = digest("salt")
EPOCH_VALUE = 7
SERIAL = "TERMINAL-0001"

KEYS = {
    n: Key(n)
    for n in ("checking", "identity", "signer", "module", "central", "tls", "other")
}
ROOT = Authority("Test Manufacturer", KEYS["checking"])
PU = Authority("Test PU", KEYS["signer"])


def of_session(nonce=MODULE_NONCE, salt=SALT_VALUE, epoch=EPOCH_VALUE):
    """The extensions of a module certificate that tie it to its session; None: not there."""
    found = []
    if nonce is not None:
        found.append(extension(NONCE, octets(nonce)))
    if salt is not None:
        found.append(extension(SALT, octets(salt)))
    if epoch is not None:
        found.append(extension(EPOCH, integer(epoch)))
    return found


def root(extensions=None, key=KEYS["checking"], **other):
    own = Authority("Test Manufacturer", key)
    if extensions is None:
        extensions = [constraints(TRUE), CERTIFIES, *own.identifiers(key.spki)]
    return certificate(own, own.name, key, extensions, **other)


def identity(extensions=None, subject=module_name(SERIAL, UID), issuer=ROOT, **other):
    key = KEYS["identity"]
    if extensions is None:
        extensions = [LEAF, SIGNS, roles(IDENTITY), *issuer.identifiers(key.spki)]
    return certificate(issuer, subject, key, extensions, **other)


def signer(extensions=None, issuer=ROOT, own=PU, **other):
    spki = own.key.spki
    if extensions is None:
        extensions = [constraints(TRUE, integer(0)), BOTH, roles(SIGNER)]
        extensions += issuer.identifiers(spki)
    return certificate(issuer, own.name, own.key, extensions, **other)


def module(
    extensions=None, session=None, subject=module_name(SERIAL, UID), issuer=PU,
    key=KEYS["module"], extra=(), **other,
):
    if extensions is None:
        extensions = [LEAF, SIGNS, roles(MODULE), *issuer.identifiers(key.spki)]
        extensions += of_session() if session is None else session
    return certificate(issuer, subject, key, [*extensions, *extra], **other)


def central(extensions=None, issuer=PU, role=CENTRAL, **other):
    key = KEYS["central"]
    if extensions is None:
        extensions = [LEAF, SIGNS, roles(role, others=[SERVER_AUTH])]
        extensions += issuer.identifiers(key.spki)
    return certificate(issuer, common("central.test"), key, extensions, **other)


def policy(max_keys=16, max_lifetime=86400, max_messages=1000000, tries=10, after=b""):
    return sequence(
        integer(max_keys), integer(max_lifetime), integer(max_messages),
        integer(tries), after,
    )


TBS = {
    "type": oid(project(3, 1)),
    "version": integer(1),
    "uid": octets(UID),
    "epoch": integer(EPOCH_VALUE),
    "module_nonce": octets(MODULE_NONCE),
    "salt": octets(SALT_VALUE),
    "time": integer(1893456000),
    "module": None,
    "central": None,
    "policy": policy(),
    "after": b"",
}


def bundle(
    key=KEYS["signer"], signature=octets, after_signature=b"", tbs=sequence, **parts
):
    """@parts replace those of TBS; a list under "central" becomes their SEQUENCE."""
    fields = {**TBS, **parts}
    if isinstance(fields["central"], list):
        fields["central"] = sequence(*fields["central"])
    signed = tbs(*fields.values())
    return sequence(signed, signature(key.sign_raw(signed)), after_signature)


ROOT.der = root()
PU.der = signer()
TBS["module"] = module()
TBS["central"] = [central()]
