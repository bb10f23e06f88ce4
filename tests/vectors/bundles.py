# SPDX-License-Identifier: MIT
"""Personalization bundles: good ones, and such that are good but for one thing."""

from model import *

GOOD, MALFORMED, REFUSED, ZERO = [], [], [], []
ELSE_UID = digest("else uid")[:16]
ELSE = digest("else")
OTHER = KEYS["other"]


def good(name, der):
    GOOD.append((name, None, 0, der))


def malformed(name, reason, der):
    MALFORMED.append((name, f"bundle: {reason}", "EBADMSG", der))


def refused(name, error, reason, **parts):
    REFUSED.append((name, reason, error, bundle(**parts)))


CENTRAL_CERT = TBS["central"][0]
GOOD_BUNDLE = bundle()
good("A1 bundle with one central certificate", GOOD_BUNDLE)
good("A5 bundle with four central certificates", bundle(central=[CENTRAL_CERT] * 4))
good("policy with all at its most",
     bundle(policy=policy(64, 0xFFFFFFFF, (1 << 63) - 1, 255)))
good("policy with all at its least", bundle(policy=policy(0, 0, 0, 1)))
good("time at its most", bundle(time=integer((1 << 63) - 1)))

# --- envelope -------------------------------------------------------------------

BODY = GOOD_BUNDLE[4:]
malformed("trailing byte", "bytes follow it", GOOD_BUNDLE + b"\0")
malformed("truncated by a byte", "it is no DER sequence", GOOD_BUNDLE[:-1])
malformed("empty", "it is no DER sequence", b"")
malformed("BER: indefinite length", "it is no DER sequence", b"\x30\x80" + BODY + b"\0\0")
malformed("BER: length in three octets", "it is no DER sequence",
          b"\x30\x83\0" + GOOD_BUNDLE[2:])
malformed("a set", "it is no DER sequence", b"\x31" + GOOD_BUNDLE[1:])
NOT_SIGNED = "it is not signed content and signature"
malformed("signed content is a set", NOT_SIGNED, bundle(tbs=lambda *p: tlv(0x31, *p)))
malformed("no signature", NOT_SIGNED, bundle(signature=lambda s: b""))
malformed("signature of 63 octets", NOT_SIGNED, bundle(signature=lambda s: octets(s[1:])))
malformed("signature of 65 octets", NOT_SIGNED,
          bundle(signature=lambda s: octets(b"\0" + s)))
malformed("signature as bit string", NOT_SIGNED, bundle(signature=lambda s: tlv(3, s)))
malformed("something behind the signature", NOT_SIGNED, bundle(after_signature=b"\5\0"))

# --- fields ---------------------------------------------------------------------

FIELDS = "UID, epoch, nonce, salt or time is malformed"
NUMBERS = {
    "negative": integer(-1),
    "2^63": integer(1 << 63),
    "2^64": integer(1 << 64),
    "padded": tlv(2, b"\0\7"),
    "as octet string": octets(b"\7"),
}
for reason, table in {
    "its type is not that of a bundle": {
        "A28 message of another type": {"type": oid(project(3, 2))},
        "type that begins as the right one": {"type": oid(project(3, 1, 1))},
        "role as type": {"type": oid(project(1, 1))},
        "type as octet string": {"type": octets(project(3, 1))},
        "no type": {"type": b""},
    },
    "its version is not 1": {
        "version 0": {"version": integer(0)},
        "version 2": {"version": integer(2)},
        "version as octet string": {"version": octets(b"\1")},
        "padded version": {"version": tlv(2, b"\0\1")},
    },
    FIELDS: {
        "UID of 15 octets": {"uid": octets(UID[1:])},
        "UID of 17 octets": {"uid": octets(UID + b"\0")},
        "nonce of 31 octets": {"module_nonce": octets(MODULE_NONCE[1:])},
        "nonce of 33 octets": {"module_nonce": octets(MODULE_NONCE + b"\0")},
        "salt of 31 octets": {"salt": octets(SALT_VALUE[1:])},
        "salt of 33 octets": {"salt": octets(SALT_VALUE + b"\0")},
        "salt as bit string": {"salt": tlv(3, SALT_VALUE)},
        **{f"epoch {what}": {"epoch": der} for what, der in NUMBERS.items()},
        **{f"time {what}": {"time": der} for what, der in NUMBERS.items()},
    },
    "it has no module certificate": {
        "module certificate as a set": {"module": b"\x31" + TBS["module"][1:]},
        "no module certificate, nor anything else": {
            "module": b"", "central": b"", "policy": b""},
    },
    "it does not have one to four central certificates": {
        "no central certificate": {"central": []},
        "five central certificates": {"central": [CENTRAL_CERT] * 5},
        "central certificate as a set": {"central": [b"\x31" + CENTRAL_CERT[1:]]},
        "second central certificate as a set": {
            "central": [CENTRAL_CERT, b"\x31" + CENTRAL_CERT[1:]]},
        "central certificates as a set": {"central": tlv(0x31, CENTRAL_CERT)},
        "second central certificate truncated": {
            "central": sequence(CENTRAL_CERT, CENTRAL_CERT[:-1])},
    },
    "its policy is malformed": {
        "policy is a set": {"policy": b"\x31" + policy()[1:]},
        "65 keys": {"policy": policy(max_keys=65)},
        "lifetime of 2^32 seconds": {"policy": policy(max_lifetime=1 << 32)},
        "2^63 messages": {"policy": policy(max_messages=1 << 63)},
        "no try": {"policy": policy(tries=0)},
        "256 tries": {"policy": policy(tries=256)},
        "negative number of keys": {"policy": policy(max_keys=-1)},
        "negative lifetime": {"policy": policy(max_lifetime=-1)},
        "negative number of messages": {"policy": policy(max_messages=-1)},
        "negative number of tries": {"policy": policy(tries=-1)},
        "policy without tries": {"policy": sequence(*[integer(1)] * 3)},
        "something behind the tries": {"policy": policy(after=integer(1))},
    },
    "something follows the policy": {
        "something behind the policy": {"after": b"\5\0"},
    },
}.items():
    for what, parts in table.items():
        malformed(what, reason, bundle(**parts))

# --- made for something else ----------------------------------------------------

refused("A7 a bundle signed by another unit is refused", "EKEYREJECTED",
        "bundle: signature is wrong", key=OTHER)
refused("A28 a bundle signed by a module is refused", "EKEYREJECTED",
        "bundle: signature is wrong", key=KEYS["module"])
refused("A28 a bundle for another module is refused", "ESTALE",
        "bundle: made for another module", uid=octets(ELSE_UID))
refused("A9 a bundle for an epoch before is refused", "ESTALE",
        "bundle: made for epoch 6, not 7", epoch=integer(EPOCH_VALUE - 1))
refused("A9 a bundle for an epoch to come is refused", "ESTALE",
        "bundle: made for epoch 8, not 7", epoch=integer(EPOCH_VALUE + 1))
refused("A9 a bundle for the last epoch there may be is refused", "ESTALE",
        "bundle: made for epoch 9223372036854775807, not 7",
        epoch=integer((1 << 63) - 1))
refused("A9 a bundle for another nonce is refused", "ESTALE",
        "bundle: answers another module nonce, it may be a replay",
        module_nonce=octets(ELSE))
refused("A10 a bundle for another salt is refused", "ESTALE",
        "bundle: made for another salt", salt=octets(ELSE))

OF_MODULE = "module certificate: "
refused("A28 a module certificate over another key is refused", "EKEYREJECTED",
        OF_MODULE + "it is over another key than the one just made",
        module=module(key=OTHER))
refused("A28 a module certificate for another UID is refused", "ESTALE",
        OF_MODULE + "UID is another module's",
        module=module(subject=module_name(SERIAL, ELSE_UID)))
for what, session, reason in (
    ("A9 a module certificate for another nonce", of_session(nonce=ELSE),
     "module nonce is another"),
    ("A9 a module certificate without nonce", of_session(nonce=None),
     "module nonce is another"),
    ("A10 a module certificate for another salt", of_session(salt=ELSE),
     "salt is another"),
    ("A10 a module certificate without salt", of_session(salt=None), "salt is another"),
    ("A9 a module certificate for another epoch", of_session(epoch=EPOCH_VALUE - 1),
     "epoch is another"),
    ("A9 a module certificate without epoch", of_session(epoch=None),
     "epoch is another"),
):
    refused(what + " is refused", "ESTALE", OF_MODULE + reason,
            module=module(session=session))
refused("A28 a central certificate in the module's place is refused", "EKEYREJECTED",
        OF_MODULE + "role is central, not module", module=CENTRAL_CERT)
refused("A7 a module certificate of another signer is refused", "EKEYREJECTED",
        OF_MODULE + "signature is wrong", module=module(signer=OTHER))
refused("a module certificate that ran out is refused", "EKEYEXPIRED",
        OF_MODULE + "not valid after 1735689599, clock says 1893456000",
        module=module(validity=(time("200101000000Z"), time("241231235959Z"))))
refused("a malformed module certificate is refused", "EBADMSG",
        OF_MODULE + "its version is not 3", module=module(version=b""))

OF_CENTRAL = "central certificate: "
SAME_NAME = central(signer=OTHER)
refused("A5 a central certificate of another signer is refused", "EKEYREJECTED",
        OF_CENTRAL + "its issuer is not the certificate it came with",
        central=[central(issuer=Authority("Else PU", OTHER))])
refused("A5 a central certificate of another signer of the same name is refused",
        "EKEYREJECTED", OF_CENTRAL + "signature is wrong", central=[SAME_NAME])
refused("A5 each central certificate is checked: the fourth", "EKEYREJECTED",
        OF_CENTRAL + "signature is wrong", central=[CENTRAL_CERT] * 3 + [SAME_NAME])
refused("A5 each central certificate is checked: the first of two", "EKEYREJECTED",
        OF_CENTRAL + "signature is wrong", central=[SAME_NAME, CENTRAL_CERT])
refused("A28 a module certificate as a central one is refused", "EKEYREJECTED",
        OF_CENTRAL + "role is module, not central", central=[TBS["module"]])
refused("A28 a unit TLS certificate as a central one is refused", "EKEYREJECTED",
        OF_CENTRAL + "role is unit-tls, not central", central=[central(role=UNIT_TLS)])
refused("a malformed central certificate is refused", "EBADMSG",
        OF_CENTRAL + "its version is not 3", central=[central(version=b"")])

# --- a session whose nonce, salt and epoch are all 0 ----------------------------------

NOTHING = bytes(32)
for what, missing, reason in (
    ("A9 no nonce is not the nonce 0", "nonce", "module nonce"),
    ("A10 no salt is not the salt 0", "salt", "salt"),
    ("A9 no epoch is not the epoch 0", "epoch", "epoch"),
):
    zeros = {"nonce": NOTHING, "salt": NOTHING, "epoch": 0, missing: None}
    ZERO.append((what, f"{OF_MODULE}{reason} is another", "ESTALE", bundle(
        module_nonce=octets(NOTHING), salt=octets(NOTHING), epoch=integer(0),
        module=module(session=of_session(**zeros)))))
