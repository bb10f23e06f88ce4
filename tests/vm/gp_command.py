#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""secmod gp: the host for who sits at the machine, beside one that is not the project's."""

import json
import os

from lib import BIN, case, expect, expect_equal, expect_match, expect_rc
from lib.cards import TRIES, cards_of_a_module
from lib.gp import Keyset, cmac, kcv
from lib.seal import Sealer

SECMOD = BIN / "secmod"
SELECT = "00A4040008A00000015100000000"
PURSE = "a0000003210001"


class Administrator:
    """Who has files with keys in the machine."""

    def __init__(self, cards):
        self.cards, self.vm = cards, cards.module.vm
        self.vm.sh("mkdir -m 700 /run/keys")

    def gp(self, *words, **options):
        return self.cards.module.secmod("gp", *words, check=False, **options)

    def write(self, name, text, mode=600):
        path = f"/run/keys/{name}"
        self.vm.sh(f"rm -f {path}; cat >{path} && chmod {mode} {path}", stdin=text)
        return path

    def keep(self, name, keyset):
        return self.write(name, keyset.text)

    def done(self, *words, **options):
        result = self.gp(*words, **options)
        expect_rc(result, 0)
        return result.out

    def refused(self, pattern, *words, **options):
        result = self.gp(*words, **options)
        expect_rc(result, 1)
        expect_match(pattern, result.err)

    def keysets(self, path):
        """{kvn: (length, failures, tries, check values)}, as the module is asked by Cards."""
        listed = json.loads(self.done("list", "--json", "--keys", path))["keysets"]
        return {int(k["kvn"], 16): (k["bits"] // 8, k["failures"], k["tries"],
                                    bytes.fromhex("".join(k["kcv"]))) for k in listed}


def plain(admin):
    module = admin.cards.module
    with case("B1 gp: info tells what the module says to anybody"):
        info = json.loads(admin.done("info", "--json"))
        expect_equal(
            [info[name] for name in ("uid", "globalplatform", "state", "epoch", "keysets")],
            [module.attribute("uid"), "2.3", "operating", 1, []])
        expect_match(f"uid +{info['uid']}\n(.*\n)+state +operating\n(.*\n)+keysets +none",
                     admin.done("info"))
    with case("B1 gp: apdu says what status words mean"):
        out = admin.done("apdu", SELECT, "80 ca 00 45 00", "80CA9F7F00", "80CABF2110")
        expect_match(r"(?s)9000 done\n4510\w{32}\n9000 done\n6a88 there is no such object"
                     r".*\n[0-9a-f]{32}\n61ff done, and more of the response is left", out)
        answers = json.loads(admin.done("apdu", "--json", "-", stdin=f"# so\n{SELECT}\n\n80FF0000\n"))
        expect_equal([answer["sw"] for answer in answers], ["9000", "6d00"])
        expect_match("does not know this command", answers[1]["meaning"])
    with case("gp: what is no hexadecimal is not sent, nothing behind it either"):
        for wrong in ("00A40", "00A4XX", "00", "80CA0045000000" + "00" * 4105):
            result = admin.gp("apdu", "-q", SELECT, wrong, SELECT)
            if wrong == "00":  # it is some, and no command: the module says so
                expect_equal(result.out.split()[1], "6700")
                continue
            expect_rc(result, 1, None)
            expect_equal(len(result.out.split()), 1)
            expect_match("is no command: an even number of hex digits", result.err)
    with case("gp: a module that is not attached says how to go on"):
        module.secmod("detach")
        admin.refused("detached.*secmod attach", "info")
        module.attach()


def loading(admin, kdc, krk, mk):
    cards = admin.cards
    with case("B5 gp: put-key fills both slots, and the other host opens channels with these keys"):
        path = admin.keep("kdc", kdc)
        new = admin.keep("krk", krk)
        put = json.loads(admin.done("put-key", "--json", "--keys", path, "--new", new))
        expect_equal(put, {"kvn": "31", "role": "replacement",
                           "kcv": [kcv(key).hex() for key in krk.keys]})
        # nothing but pipes
        command = f"{SECMOD} gp put-key --keys-fd 0 --new {admin.keep('mk', mk)} <{path}"
        expect_match("keyset 38 .*is in the module", cards.module.vm.sh(command).out)
        expect_equal([cards.opens(krk), cards.opens(mk)], [0x9000, 0x9000])
    with case("B5 gp: auth and list say what the other host says"):
        expect_match(f"{cards.uid} has keyset 31 .replacement.: SCP03 i=60",
                     admin.done("auth", "--keys", new))
        expect_equal(admin.keysets("/run/keys/mk"), cards.keysets())
        expect_match(r"domain +a000000151000000 op ready\n(.*\n)*keyset 38 +master, AES-256, .*"
                     f"{kcv(mk.dek).hex()}, {TRIES} of {TRIES} tries left",
                     admin.done("list", "--keys", path))
    with case("B8 gp: each security level there is, and no other"):
        for level in ("01", "03", "11", "13"):
            admin.done("auth", "--keys", "/run/keys/mk", "--level", level)
        admin.refused("23", "auth", "--keys", "/run/keys/mk", "--level", "23")
        expect_rc(admin.gp("auth", "--keys", "/run/keys/mk", "--level", "1"), 2)
    with case("B5 gp: delete takes the transport keyset away"):
        admin.refused("6982: this channel may not", "delete", "--keys", "/run/keys/krk", "30")
        expect_match("keyset 30 is deleted", admin.done("delete", "--keys", "/run/keys/mk", "30"))
        expect_equal(sorted(cards.keysets()), [krk.kvn, mk.kvn])
        admin.refused("6A88: there is no keyset of this version", "auth", "--keys", path)


def replacing(admin, krk, mk):
    cards = admin.cards
    with case("B8 gp: put-key replaces the other host's master keyset"):
        new = Keyset(0x39, 32)
        path = admin.keep("new", new)
        admin.refused("6982", "put-key", "--keys", "/run/keys/mk", "--new", path, "--replace", "38")
        expect_equal(sorted(cards.keysets()), [krk.kvn, mk.kvn])
        admin.done("put-key", "--keys", "/run/keys/krk", "--new", path, "--replace", "38")
        expect_equal([cards.opens(new), cards.opens(mk)], [0x9000, 0x6A88])
    with case("B8 gp: and opens a channel with what the other host has put"):
        talk = cards.talk()
        talk.open(krk)
        talk.put_keys(mk, old=0x39)
        talk.close()
        admin.refused("6A88", "auth", "--keys", path)
        admin.done("auth", "--keys", "/run/keys/mk")


def applications(admin, mk):
    cards = admin.cards
    key = os.urandom(16)
    with case("B1 gp: install and store-data make an application the other host reads"):
        admin.done("install", "--keys", "/run/keys/mk", PURSE)
        data = admin.write("data", f"0101 {b'currency'.hex()}\n0102 {'55' * 300}\n8010 01{key.hex()}")
        expect_match("3 data groups", admin.done("store-data", "--keys", "/run/keys/mk", "--data",
                                                 data, PURSE))
        talk = cards.talk()
        talk.select(bytes.fromhex(PURSE))
        expect_equal(talk.ask("80CA0101"), b"currency")
        expect_equal(talk.ask("80CA0102"), b"\x55" * 300)
        expect_equal(talk.sw("80CA8010"), 0x6A88)
        talk.close()
        listed = json.loads(admin.done("list", "--json", "--keys", "/run/keys/mk"))
        expect_equal(listed["applications"], [{"aid": PURSE, "state": "selectable"}])
    with case("B1 gp: a key of an application is the one in the file"):
        sealer = Sealer(admin.vm)
        expect_equal(sealer.use(bytes.fromhex(PURSE), 0x8010, 1, b"text"), cmac(key, b"text"))
        sealer.close()
    with case("gp: data groups with keys come from nowhere but such a file"):
        open_to_all = admin.write("open", "8010 01" + key.hex(), 640)
        admin.refused("mode 0640", "store-data", "--keys", "/run/keys/mk", "--data", open_to_all, PURSE)
        expect_rc(admin.gp("store-data", "--keys", "/run/keys/mk", PURSE, "8010=01"), 2)
    with case("B1 gp: a data group that is none is refused, and nothing is stored"):
        wrong = admin.write("wrong", "0101 00\n010 11\n")
        admin.refused("line 2: ", "store-data", "--keys", "/run/keys/mk", "--data", wrong, PURSE)
        talk = cards.talk()
        talk.select(bytes.fromhex(PURSE))
        expect_equal(talk.ask("80CA0101"), b"currency")
        talk.close()
    with case("B1 gp: delete takes an application away"):
        admin.done("delete", "--keys", "/run/keys/mk", PURSE)
        admin.refused("6A88|6A82", "delete", "--keys", "/run/keys/mk", PURSE)


def wrong_keys(admin, mk):
    cards = admin.cards
    path = "/run/keys/mk"
    other = Keyset(mk.kvn, 32)
    with case("B9 gp: with wrong keys it finds the module out before it uses a try"):
        for part in ("enc mac dek", "mac"):
            wrong = Keyset(mk.kvn, keys=[other.keys[n] if name in part else mk.keys[n]
                                         for n, name in enumerate(("enc", "mac", "dek"))])
            admin.refused("does not know keyset 38 as it is here.*No try was used", "auth", "--keys",
                          admin.keep("other", wrong))
        # Key-ENC alone: the module is not to be told by its cryptogram
        admin.refused("/dev/secmod0: .*", "auth", "--keys",
                      admin.keep("other", Keyset(mk.kvn, keys=[other.enc, mk.mac, mk.dek])))
        expect_equal(cards.keysets()[mk.kvn][1], 0)
    with case("B9 gp: a try that fails is told with how many are left, then how to go on"):
        begin, wrong = f"8050{mk.kvn:02x}0008{'00' * 8}00", f"8482330010{'00' * 16}"
        out = admin.done("apdu", SELECT, begin, wrong, begin)
        expect_match(f"63c{TRIES - 1} the keys are not those of the module: tries left: {TRIES - 1}\n",
                     out)
        expect_match("6985 wrong keys were tried a moment ago: wait up to 16 seconds", out)
        expect_equal(cards.keysets()[mk.kvn][1], 1)
        admin.vm.wait_for(f"{SECMOD} gp auth --keys {path}", 60)
        expect_equal(cards.keysets()[mk.kvn][1], 0)
    with case("B9 gp: a locked keyset is named, with the way out, and the way is open"):
        for _ in range(TRIES):
            cards.opens(other)
        admin.refused("6983: the keyset is locked .*: a KRK replaces an MK, ", "auth", "--keys", path)
        expect_match(f"keyset 38 +master.*0 of {TRIES} tries left: locked",
                     admin.done("list", "--keys", "/run/keys/krk"))
        admin.done("put-key", "--keys", "/run/keys/krk", "--new", path, "--replace", "38")
        admin.done("auth", "--keys", path)


with cards_of_a_module() as cards:
    admin = Administrator(cards)
    kdc, krk, mk = Keyset(0x30, 32), Keyset(0x31, 32), Keyset(0x38, 32)
    plain(admin)
    cards.issue(transport=kdc)
    loading(admin, kdc, krk, mk)
    replacing(admin, krk, mk)
    applications(admin, mk)
    wrong_keys(admin, mk)
