# SPDX-License-Identifier: MIT
"""Certificates: good ones, and such whose envelope, signature or validity is not."""

import calendar
import time as clock

from model import *

NOW = 1893456000  # 2030-01-01
GOOD, MALFORMED, REFUSED = [], [], []


def good(name, der, role, issuer, now=NOW):
    GOOD.append((name, None, 0, der, issuer, role, now))


def malformed(name, reason, der):
    MALFORMED.append((name, reason, "EBADMSG", der, b"", 0, 0))


def refused(name, reason, der, role, issuer, now=NOW, error="EKEYREJECTED"):
    REFUSED.append((name, reason, error, der, issuer, role, now))


def seconds(text):
    """Of a GeneralizedTime."""
    return calendar.timegm(clock.strptime(text, "%Y%m%d%H%M%SZ"))


def replaced(data, old, new):
    assert data.count(old) == 1, (data.count(old), old.hex())
    return data.replace(old, new)


# --- good -------------------------------------------------------------------

def limited(text, path_len):
    """The manufacturer under another name, with a path length."""
    own = Authority(text, KEYS["checking"])
    extensions = [constraints(TRUE, integer(path_len)), CERTIFIES]
    extensions += own.identifiers(own.key.spki)
    own.der = certificate(own, own.name, own.key, extensions)
    return own


NARROW = limited("Narrow Manufacturer", 0)
WIDER = limited("Wider Manufacturer", 1)

good("checking certificate", ROOT.der, 0, ROOT.der)
good("A8 identity certificate", identity(), IDENTITY, ROOT.der)
good("A7 signing certificate", PU.der, SIGNER, ROOT.der)
good("A1 module certificate", TBS["module"], MODULE, PU.der)
good("A5 central certificate", TBS["central"][0], CENTRAL, PU.der)
good("unit TLS certificate", central(role=UNIT_TLS), UNIT_TLS, PU.der)
good("recovery certificate", central(role=RECOVERY, issuer=ROOT), RECOVERY, ROOT.der)
good("unknown extension that is not critical",
     module(extra=[extension(b"\x2a\x03", utf8("?"))]), MODULE, PU.der)
good("manufacturer of path length 0", NARROW.der, 0, None)
good("manufacturer of path length 255", limited("Wide Manufacturer", 255).der, 0, None)
good("signer under a root of path length 1", signer(issuer=WIDER), SIGNER, WIDER.der)
good("identity under a root of path length 0", identity(issuer=NARROW), IDENTITY,
     NARROW.der)
good("one octet of serial number", module(serial=integer(1)), MODULE, PU.der)
good("twenty octets of serial number", module(serial=tlv(2, b"\x7f" * 20)), MODULE,
     PU.der)
good("PrintableStrings in the subject", identity(subject=name(
    attribute(SERIAL_NUMBER, tlv(19, SERIAL.encode())),
    attribute(USER_ID, tlv(19, UID.hex().encode())))), IDENTITY, ROOT.der)
good("serial number of 32 characters", identity(subject=module_name("X" * 32, UID)),
     IDENTITY, ROOT.der)
good("serial number of one character", identity(subject=module_name("A", UID)),
     IDENTITY, ROOT.der)
good("serial number of the first and the last character there may be",
     identity(subject=module_name("!~", UID)), IDENTITY, ROOT.der)
good("key usage of nine bits", module(
    [LEAF, usage(7, 0x80, 0x80), roles(MODULE), *PU.identifiers(KEYS["module"].spki),
     *of_session()]), MODULE, PU.der)


def of_length(size):
    """A module certificate of just so many octets; that of its signature varies."""
    fill = size - len(module(extra=[extension(b"\x2a\x03", octets(bytes(1000)))])) + 1000
    for _ in range(100):
        der = module(extra=[extension(b"\x2a\x03", octets(bytes(fill)))])
        if len(der) == size:
            return der
    raise RuntimeError("no such length")


good("certificate of 2048 octets", of_length(2048), MODULE, PU.der)
malformed("certificate of 2049 octets", "it is too long", of_length(2049))

# --- validity -----------------------------------------------------------------

EDGES = [  # notBefore, notAfter and both as GeneralizedTime
    ("300101000000Z", "300101000000Z", "20300101000000Z", "20300101000000Z"),
    ("240229000000Z", "240229235959Z", "20240229000000Z", "20240229235959Z"),
    ("491231235959Z", "20500101000000Z", "20491231235959Z", "20500101000000Z"),
    ("700101000000Z", "991231235959Z", "19700101000000Z", "19991231235959Z"),
    ("000229120000Z", "20960229120001Z", "20000229120000Z", "20960229120001Z"),
    ("490101000000Z", "99991231235959Z", "20490101000000Z", "99991231235959Z"),
]
for first, last, begin, end in EDGES:
    der = module(validity=(time(first), time(last)))
    begin_at, end_at = seconds(begin), seconds(end)
    good(f"valid in its first second {begin}", der, MODULE, PU.der, begin_at)
    good(f"valid in its last second {end}", der, MODULE, PU.der, end_at)
    if begin_at:
        refused(f"not valid a second before {begin}",
                f"not valid before {begin_at}, clock says {begin_at - 1}",
                der, MODULE, PU.der, begin_at - 1, "EKEYEXPIRED")
    refused(f"not valid a second after {end}",
            f"not valid after {end_at}, clock says {end_at + 1}",
            der, MODULE, PU.der, end_at + 1, "EKEYEXPIRED")

BAD_TIMES = {
    "GeneralizedTime before 2050": "20491231235959Z",
    "year before 1970": "691231235959Z",
    "year 1950, the first that UTCTime puts there": "500101000000Z",
    "29 February of no leap year": "230229000000Z",
    "29 February 2100": "21000229000000Z",
    "month 0": "240001000000Z",
    "month 13": "241301000000Z",
    "day 0": "240100000000Z",
    "hour 24": "240101240000Z",
    "minute 60": "240101006000Z",
    "second 60": "240101000060Z",
    "no Z": "2401010000000",
    "lower-case z": "240101000000z",
    "letter in the year": "2A0101000000Z",
    "sign in the year": "-10101000000Z",
    "blank in the day": "2401 1000000Z",
    "letter in the century": "2O500101000000Z",
    "colon in the second": "24010100000:Z",
    "slash in the hour": "2401011/0000Z",
}
for month, days in enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), 1):
    BAD_TIMES[f"{days + 1} of month {month}"] = f"24{month:02}{days + 1}000000Z"
for what, text in BAD_TIMES.items():
    malformed(f"validity: {what}", "its validity is malformed",
              module(validity=(time(text), VALIDITY[1])))
for what, encoded in {
    "no seconds": tlv(0x17, b"2401010000Z"),
    "time zone": tlv(0x17, b"240101000000+0000"),
    "fraction of a second": tlv(0x18, b"20500101000000.5Z"),
    "something behind a UTCTime": tlv(0x17, b"240101000000Z0"),
    "something behind a GeneralizedTime": tlv(0x18, b"20500101000000Z0"),
    "UTCTime with a century": tlv(0x17, b"20240101000000Z"),
    "GeneralizedTime without a century": tlv(0x18, b"240101000000Z"),
    "UTF8String": tlv(12, b"240101000000Z"),
    "UTF8String with a century": tlv(12, b"20500101000000Z"),
}.items():
    malformed(f"validity: {what}", "its validity is malformed",
              module(validity=(encoded, VALIDITY[1])))
malformed("validity: malformed end", "its validity is malformed",
          module(validity=(VALIDITY[0], time("241301000000Z"))))
malformed("validity: no end", "its validity is malformed",
          module(validity=(VALIDITY[0],)))
malformed("validity: three times", "its validity is malformed",
          module(validity=(*VALIDITY, VALIDITY[1])))

# --- envelope -----------------------------------------------------------------

WHOLE = TBS["module"]
BODY = WHOLE[4:]
malformed("trailing byte", "bytes follow it", WHOLE + b"\0")
malformed("a second certificate behind", "bytes follow it", WHOLE + WHOLE)
malformed("truncated by a byte", "it is no DER sequence", WHOLE[:-1])
malformed("empty", "it is no DER sequence", b"")
malformed("BER: length in three octets", "it is no DER sequence",
          b"\x30\x83\x00" + WHOLE[2:])
malformed("BER: indefinite length", "it is no DER sequence",
          b"\x30\x80" + BODY + b"\0\0")
for what, head in {"two octets": b"\x82\0", "one octet": b"\x81"}.items():
    malformed(f"BER: needless {what} of length", "it is no certificate",
              module(signature=lambda s: b"\3" + head + bits(s)[1:]))
malformed("a set", "it is no DER sequence", b"\x31" + WHOLE[1:])
malformed("something after the signature", "it is no certificate",
          module(after_signature=b"\x05\x00"))
malformed("no signature", "it is no certificate", module(signature=lambda s: b""))
malformed("signature as octet string", "it is no certificate",
          module(signature=lambda s: octets(b"\0" + s)))
malformed("signed content is a set", "it is no certificate",
          replaced(WHOLE, BODY[:4], b"\x31" + BODY[1:4]))
malformed("signature algorithm is a set", "it is no certificate",
          module(outer_algorithm=b"\x31" + ECDSA_SHA256[1:]))

# --- signature ----------------------------------------------------------------

ALGORITHM = "its signature algorithm is not ecdsa-with-SHA256"
malformed("ecdsa-with-SHA384", ALGORITHM, module(algorithm=ECDSA_SHA384))
malformed("ecdsa-with-SHA384 outside, SHA256 inside", ALGORITHM,
          module(outer_algorithm=ECDSA_SHA384))
malformed("sha256WithRSAEncryption", ALGORITHM, module(
    algorithm=sequence(oid(bytes.fromhex("2a864886f70d01010b")), b"\5\0")))
malformed("algorithm with parameters NULL", ALGORITHM,
          module(algorithm=sequence(ECDSA_SHA256[2:], b"\5\0")))
malformed("algorithm without OID", ALGORITHM, module(algorithm=sequence(b"\5\0")))
DIFFER = "its two signature algorithms differ"
malformed("ecdsa-with-SHA256 outside, SHA384 inside", DIFFER,
          module(algorithm=ECDSA_SHA384, outer_algorithm=ECDSA_SHA256))
malformed("parameters NULL inside", DIFFER, module(
    algorithm=sequence(ECDSA_SHA256[2:], b"\5\0"), outer_algorithm=ECDSA_SHA256))
malformed("algorithm inside is a set", DIFFER, module(
    algorithm=b"\x31" + ECDSA_SHA256[1:], outer_algorithm=ECDSA_SHA256))


def pair(r, s, after=b""):
    return lambda made: bits(sequence(tlv(2, r), tlv(2, s), after))


POSITIVE = b"\x7f" * 32
for what, make in {
    "unused bits": lambda s: bits(s[:-1] + b"\0", 1),
    "empty": lambda s: tlv(3),
    "no octet after the count of unused bits": lambda s: tlv(3, b"\0"),
    "bytes behind": lambda s: bits(s + b"\0"),
    "no sequence": lambda s: bits(b"\x31" + s[1:]),
    "three integers": lambda s: bits(sequence(s[2:], integer(1))),
    "one integer": lambda s: bits(sequence(integer(1))),
    "negative r": pair(b"\x80" + POSITIVE[1:], POSITIVE),
    "negative s": pair(POSITIVE, b"\x80" + POSITIVE[1:]),
    "padded r": pair(b"\0" + POSITIVE, POSITIVE),
    "padded s": pair(POSITIVE, b"\0" + POSITIVE),
    "r of 33 octets": pair(POSITIVE + b"\1", POSITIVE),
    "s of 33 octets": pair(POSITIVE, POSITIVE + b"\1"),
    "empty r": pair(b"", POSITIVE),
}.items():
    malformed(f"signature: {what}", "its signature is malformed",
              module(signature=make))
