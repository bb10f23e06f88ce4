#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The executive's channels and keysets: from the central system's key to a new master key."""

import ssl

from lib import Central, Unit, case, expect, expect_equal, expect_match, host
from lib.cards import TRIES, cards_of_a_module, refusal
from lib.gp import ISSUER, Keyset, certificate_of, derive

def agreement(cards):
    with case("A11 SCP11a opens a channel, with MACs alone and with encryption, AES-128 and 256"):
        for usage, size in ((0x34, 16), (0x34, 32), (0x3C, 16), (0x3C, 32)):
            talk = cards.talk()
            talk.open_central(cards.central, usage, size)
            expect_equal(talk.ask("80CA0045")[2:].hex(), cards.uid)
            expect_equal(talk.ask("80CADF22"), b"\xdf\x22\0")
            talk.close()
    with case("A11 SCP11a: who has another private key gets no channel"):
        talk = cards.talk()
        talk.select()
        talk.certificate(cards.central)
        other = cards.central.parent / "other.key"
        host(f"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {other}")
        expect(not talk.agree(_named(cards.central, "central.pem", key=other)), "receipt")
        expect_equal(talk.sw("80CADF22"), 0x6982)
        talk.close()


def _named(directory, certificate, key=None):
    """A central system's directory made of other files."""
    made = directory.parent / f"{directory.name}-{certificate}{'-key' if key else ''}"
    made.mkdir(exist_ok=True)
    (made / "central.pem").write_bytes((directory / certificate).read_bytes())
    source = key or directory / "central.key"
    if source.exists():
        (made / "central.key").write_bytes(source.read_bytes())
    return made


def _changed(central):
    """Its directory, with one bit of the certificate's signature changed."""
    # the first of the file is its own
    der = bytearray(certificate_of(central / "central.pem"))
    der[-1] ^= 1
    made = central.parent / "changed"
    made.mkdir()
    (made / "central.pem").write_text(ssl.DER_cert_to_PEM_cert(bytes(der)))
    return made


def certificates(cards):
    vm, central = cards.module.vm, cards.central
    cards.module.secmod("certs", "--out-dir", vm.share)
    others = Unit(cards.manufacturer, "pu2", in_tpm=False)
    strange = Central(cards.manufacturer, others, "central2")
    wrong = (
        ("A28 SCP11a takes no certificate of another role",
         _named(vm.share, "module.pem"), "role is module, not central"),
        ("A22 SCP11a takes no central system of another signer",
         strange.dir, "its issuer is not the certificate"),
        ("A28 SCP11a takes no certificate that was changed",
         _changed(central), "signature is wrong"),
    )
    talk = cards.talk()
    talk.select()
    for name, directory, reason in wrong:
        with case(name):
            talk.certificate(central)
            expect_equal(refusal(talk.certificate, directory), 0x6982)
            expect_match(reason, cards.module.attribute("last_error"))
            # nor is the one before it remembered
            expect_equal(talk.sw("80820000", bytes(8)), 0x6985)
    with case("A11 SCP11a takes a chain that begins with the module's signer"):
        talk.certificate(_named(cards.unit.dir, "signer.pem"), "802A0090")
        expect_equal(talk.sw("80820000", bytes(8)), 0x6985)
        talk.certificate(central)
        expect_equal(talk.sw("80820080", bytes(8)), 0x6A86)
        expect(talk.agree(central), "receipt")
        expect_equal(talk.ask("80CA0045")[2:].hex(), cards.uid)
    with case("A28 SCP11a takes no chain that begins with another"):
        for head in ("802A0080", "802A0090"):
            first = _named(others.dir, "signer.pem")
            expect_equal(refusal(talk.certificate, first, head), 0x6982)
            expect_match("begins with another", cards.module.attribute("last_error"))
            expect_equal(talk.sw("80820000", bytes(8)), 0x6985)
    talk.close()


def issuance(cards, kdc, krk, mk):
    with case("B5 the central system puts the transport keyset"):
        talk = cards.talk()
        talk.open_central(cards.central)
        expect_equal(talk.put_keys(kdc), bytes([0x30]) + kdc.kcvs)
        talk.close()
        expect_equal(cards.keysets(), {0x30: (16, 0, TRIES, kdc.kcvs)})
    with case("B1 INITIALIZE UPDATE of number 0 is that of the first keyset there is"):
        talk = cards.talk()
        talk.select()
        expect(talk.initialize(kdc, kvn=0), "cryptogram")
        expect_equal(talk.info[0], 0x30)
        expect_equal(talk.authenticate(), 0x9000)
        talk.close()
    with case("B5 the transport keyset loads both slots; before, the load cannot be ended"):
        talk = cards.talk()
        talk.open(kdc)
        expect_equal(talk.sw("80F0800F"), 0x6985)
        expect_equal(talk.put_keys(krk), bytes([krk.kvn]) + krk.kcvs)
        expect_equal(talk.sw("80F0800F"), 0x6985)
        # in two parts, each with its own protection
        expect_equal(talk.put_keys(mk, first=20), bytes([mk.kvn]) + mk.kcvs)
        expect_equal(talk.ask("80CA0045")[2:].hex(), cards.uid)
        talk.close()
        expect_equal(sorted(cards.keysets()), [0x30, krk.kvn, mk.kvn])
    with case("B5 the key information template names the keysets"):
        talk = cards.talk()
        talk.select()
        data = talk.ask("80CA00E0")
        talk.close()
        expected = "".join(
            f"c004{n:02x}{k.kvn:02x}88{len(k.enc):02x}" for k in (kdc, krk, mk) for n in (1, 2, 3)
        )
        expect_equal(data.hex(), "e036" + expected)


def levels(cards, mk):
    for level in (0x01, 0x03, 0x11, 0x13, 0x33):
        with case(f"B8 SCP03 at level {level:02x}, S8 and S16"):
            for size in (8, 16):
                talk = cards.talk()
                talk.open(mk, level, size)
                expect_equal(talk.info, bytes([mk.kvn, 3, 0x60 | (size == 16)]))
                expect_equal(talk.ask("80CA0045")[2:].hex(), cards.uid)
                expect_equal(talk.ask("80CADF20")[3], 3)
                talk.close()
    with case("B8 SCP03: other levels are none"):
        talk = cards.talk()
        talk.select()
        talk.initialize(mk)
        expect_equal(talk.authenticate(0x23), 0x63C0 | (TRIES - 1))
        talk.close()
        expect_equal(cards.opens(mk), 0x9000)


def protection(cards, mk):
    talk = cards.talk()
    command = "80CADF22"

    def changed(change):
        """What the module says to a wrapped command that is not as it was sealed."""
        talk.open(mk, 0x33)
        head = bytes.fromhex("84CADF22")
        data = talk.wrap(head, b"")
        sent = bytearray(head + b"\0" + len(data).to_bytes(2, "big") + data + b"\0\0")
        return talk.raw(bytes(change(sent)))[1], talk.sw(command)

    with case("B8 one changed byte of a protected command ends the channel"):
        for at in (0, 1, 2, 3, 7, 14):
            def flip(sent, at=at):
                sent[at] ^= 0x01 if at else 0x80
                return sent
            first, then = changed(flip)
            expect(first in (0x6982, 0x6A86, 0x6D00), f"byte {at}: {first:04x}")
            expect_equal(then, 0x6982)
    with case("B8 a protected command that is cut ends the channel"):
        cut = lambda sent: sent[:5] + bytes([0, 7]) + sent[7:14] + b"\0\0"
        expect_equal(changed(cut), (0x6982, 0x6982))
    with case("B8 a command without protection ends the channel"):
        talk.open(mk, 0x01)
        expect_equal(talk.raw(bytes.fromhex(command + "00")), (b"", 0x6982))
        expect_equal(talk.sw(command), 0x6982)
    with case("B8 a command said again ends the channel"):
        talk.open(mk, 0x01)
        head = bytes.fromhex("84CA0045")
        data = talk.wrap(head, b"")
        sent = head + b"\0" + len(data).to_bytes(2, "big") + data + b"\0\0"
        expect_equal(talk.raw(sent)[1], 0x9000)
        expect_equal(talk.raw(sent)[1], 0x6982)
    with case("B8 a part of a chain without protection ends the channel"):
        talk.open(mk, 0x33)
        talk.ask("90E28000", bytes(4))
        expect_equal(talk.raw(bytes.fromhex("80E2800004") + bytes(4)), (b"", 0x6982))
        expect_equal(talk.sw(command), 0x6982)
    with case("B8 a protected response is fetched in pieces, and the channel goes on"):
        talk.select()
        whole = talk.ask("80CABF21")
        talk.open(mk, 0x33)
        expect_equal(talk.ask("80CABF21", piece=100), whole)
        expect(talk.pieces > len(whole) // 100, f"{talk.pieces} pieces")
        expect_equal(talk.ask("80CA0045")[2:].hex(), cards.uid)
    with case("B8 EXTERNAL AUTHENTICATE comes once, and only after INITIALIZE UPDATE"):
        talk.open(mk, 0x01)
        expect_equal(talk.authenticate(), 0x6985)
        talk.level = 0
        expect_equal(talk.sw(command), 0x6982)
        talk.select()
        expect(talk.initialize(mk), "cryptogram")
        talk.ask("80CA0045")
        expect_equal(talk.authenticate(), 0x6985)
    with case("B8 a channel ends with its file"):
        talk.open(mk, 0x01)
        other = cards.talk()
        expect_equal(other.sw("80CADF22"), 0x6985)
        other.select()
        expect_equal(other.sw("80CADF22"), 0x6982)
        other.close()
    with case("B8 SELECT ends a channel"):
        talk.open(mk, 0x01)
        talk.select()
        expect_equal(talk.sw("80CADF22"), 0x6982)
    talk.close()


# command, its data, what it is answered where the rules allow it, and where that is. Without
# an answer: it is tried only where it is refused, for the rest needs it all again.
RULES = (
    ("80CADF22", "", 0x9000, "transport replacement master central"),
    ("80F28002", "4F00", 0x9000, "transport replacement master central"),
    ("80D80081", "", 0x6A80, "transport replacement central"),
    ("80E40000", "", 0x6A80, "transport master"),
    ("80E40000", "D20130", None, "transport master"),
    ("80E40000", "D20131", None, ""),
    ("80E40000", "D20138", None, ""),
    ("80E40000", "D20140", 0x6A88, "central"),
    ("80E60100", "", 0x6A86, "transport master"),
    ("80E28000", "", 0x6985, "transport master"),
    ("80F08055", "", 0x6A86, "transport master central"),
    ("80F0800F", "", None, "transport master"),
    ("80F0807F", "", 0x6700, "central"),
    ("80840000", "", 0x9000, "central"),
)


def rules(cards, keysets):
    for channel in ("nobody", "transport", "replacement", "master", "central"):
        with case(f"B1 the executive's rules: what {channel} may"):
            talk = cards.talk()
            talk.select()
            if channel == "central":
                talk.open_central(cards.central)
            elif channel != "nobody":
                talk.open(keysets[channel])
            answers, right = [], []
            for head, data, sw, allowed in RULES:
                may = channel in allowed.split()
                if sw or not may:
                    got = talk.sw(head, bytes.fromhex(data))
                    answers.append(f"{head} {data} {got:04x}")
                    right.append(f"{head} {data} {sw if may else 0x6982:04x}")
            expect_equal(answers, right)
            talk.close()
    with case("B1 what was refused has changed nothing"):
        expect_equal(sorted(cards.keysets()), sorted(k.kvn for k in keysets.values()))
        expect_equal([cards.opens(k) for k in keysets.values()], [0x9000] * 3)


def pseudo_random(cards, mk):
    vm = cards.module.vm

    def restart():
        vm.power_cut()
        vm.boot()
        vm.load_module("pseudo_random=1")
        cards.module.attach()

    restart()
    with case("B8 SCP03 with pseudo-random challenges: each follows from a counter"):
        for count in (1, 2):
            for size in (8, 16):
                talk = cards.talk()
                talk.open(mk, 0x33, size)
                number = 2 * count - 1 + (size == 16)
                expect_equal(talk.info[2], 0x70 | (size == 16))
                expect_equal(int.from_bytes(talk.sequence, "big"), number)
                expect_equal(talk.card, derive(mk.enc, 2, talk.sequence + ISSUER, size))
                talk.close()
    with case("B8 the counter of challenges does not go back in a power cut"):
        talk = cards.talk()
        talk.select()
        talk.initialize(mk)
        restart()
        talk = cards.talk()
        talk.open(mk)
        expect_equal(int.from_bytes(talk.sequence, "big"), 6)
        talk.close()


with cards_of_a_module() as cards:
    kdc, krk, mk = Keyset(0x30), Keyset(0x31), Keyset(0x38)
    agreement(cards)
    certificates(cards)
    issuance(cards, kdc, krk, mk)
    levels(cards, mk)
    protection(cards, mk)
    rules(cards, {"transport": kdc, "replacement": krk, "master": mk})
    pseudo_random(cards, mk)
