#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The security executive, as anybody may speak to it: APDUs through the relay."""

import ssl

from lib import BIN, VM, Module, Tpm, case, expect, expect_equal, expect_match, serving

ISSUER = "A000000151000000"
SELECT = f"00A4040008{ISSUER}00"
FCI = "6f118408a000000151000000a5059f65021000"


class Card:
    """The module behind `secmod gp apdu`: each say() is a conversation of its own."""

    def __init__(self, module):
        self.module = module

    def say(self, *commands):
        """The responses, hexadecimal."""
        result = self.module.secmod("gp", "apdu", "-q", "-", stdin="\n".join(commands) + "\n")
        return result.out.split()

    def get(self, tag):
        """Value of a data object, in extended length; its tag and 9000 are checked."""
        answer = self.say(SELECT, f"80CA{tag}000000")[-1]
        expect_match("9000$", answer)
        tag = tag.lower().lstrip("0")
        expect(answer.startswith(tag), answer)
        data = bytes.fromhex(answer[len(tag) : -4])
        if data[0] < 0x80:
            return data[1:]
        return data[1 + (data[0] & 0x7F) :]


def selecting(card):
    with case("B1 executive: SELECT by the issuer security domain's name, and by none"):
        expect_equal(card.say(SELECT, "00A4040000"), [FCI + "9000"] * 2)
    with case("B1 executive: SELECT of anything else is told from wrong parameters"):
        expect_equal(
            card.say(
                "00A4040007A0000001510000",
                "00A4040008A000000151000001",
                "00A404020100",
                "00A4000000",
                "80A4040000",
            ),
            ["6a82", "6a82", "6a86", "6a86", "6e00"],
        )
    with case("executive: nothing is answered before SELECT"):
        expect_equal(card.say("80CA004500", "80F28000024F00"), ["6985", "6985"])
    with case("executive: a selection ends with its file"):
        card.say(SELECT)
        expect_equal(card.say("80CA004500"), ["6985"])


def objects(card, share):
    with case("B1 executive: GET DATA gives the UID"):
        expect_equal(card.get("0045").hex(), card.module.attribute("uid"))
    with case("executive: GET DATA gives the certificates of key and signer"):
        card.module.secmod("certs", "--out-dir", share)
        pems = [(share / f"{name}.pem").read_text() for name in ("signer", "module")]
        ders = b"".join(map(ssl.PEM_cert_to_DER_cert, pems))
        expect_equal(card.get("BF21"), ders)
    with case("executive: GET DATA gives state and epoch"):
        status = card.get("DF20")
        expect_equal((status[0], int.from_bytes(status[1:9], "big")), (3, 1))
    with case("executive: GET DATA gives card data and no keysets"):
        scp03 = "640b06092a864886fc6b040360"
        expect_match(f"^732e.*{scp03}$", card.get("0066").hex())
        expect_equal(card.get("00E0"), b"")
    with case("executive: another object is not there"):
        expect_equal(card.say(SELECT, "80CA9F7F00")[-1], "6a88")
    with case("executive: what is longer than Le is fetched in pieces"):
        first, *rest = card.say(SELECT, "80CABF2100", *["00C0000000"] * 20)[1:]
        whole, pieces = card.say(SELECT, "80CABF21000000")[-1], first[:-4]
        expect_equal(first[-4:], "61ff")
        while rest and rest[0][-4:] != "9000":
            pieces += rest.pop(0)[:-4]
        expect_equal(pieces + rest.pop(0), whole)
        expect_equal(set(rest), {"6d00"})
    with case("executive: another command forgets what was not fetched"):
        expect_equal(card.say(SELECT, "80CABF2110", "80CA9F7F00", "00C0000010")[2:], ["6a88", "6d00"])


def commands(card):
    with case("executive: what is no command"):
        expect_equal(
            card.say("00", "00A404", "00A40400080000", "00A404000000"),
            ["6700"] * 4,
        )
    with case("executive: a chain is one command"):
        expect_equal(
            card.say("10A4040004A0000001", "00A40400045100000000"),
            ["9000", FCI + "9000"],
        )
    with case("executive: another command breaks a chain, the next one is whole again"):
        expect_equal(
            card.say("10A4040004A0000001", "80CA004500", SELECT),
            ["9000", "6883", FCI + "9000"],
        )
    with case("executive: a chain has a limit"):
        part = "10A40400" + "001000" + "00" * 4096
        expect_equal(card.say(part, "10A404000100", SELECT), ["9000", "6700", FCI + "9000"])
    with case("executive: an unknown command in a known class, a known in an unknown"):
        answers = card.say(SELECT, "80FF0000", "A0CA004500", "81CA004500", "84CA004500")
        expect_equal(answers[1:], ["6d00", "6e00", "6881", "6982"])


def states(card, module):
    with case("executive: a change of state ends the conversation"):
        talk = module.vm.start([BIN / "secmod", "gp", "apdu", "-q", "-"])
        talk.write(SELECT + "\n")
        talk.wait_for("9000\n")
        module.secmod("detach")
        module.attach()
        talk.write("80CA004500\n")
        talk.wait_for("6985\n")
        talk.close_input()
        talk.wait()
    with case("executive: a detached module says how to go on"):
        module.secmod("detach")
        result = module.secmod("gp", "apdu", SELECT, check=False)
        expect_match("detached.*secmod attach", result.err)
        expect_equal(result.rc, 1)
        module.attach()
    with case("cli: what is no hexadecimal is not sent"):
        result = module.secmod("gp", "apdu", "00A4X", check=False)
        expect_match("'00a4x' is no command", result.err)


tpm = Tpm()
manufacturer, unit = serving(tpm)
with VM(tpm=tpm) as vm:
    vm.load_module()
    module = Module(vm)
    module.init(manufacturer)
    module.personalize(unit)
    card = Card(module)
    selecting(card)
    objects(card, vm.share)
    commands(card)
    states(card, module)
