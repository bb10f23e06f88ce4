#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Transaction keys: put by the central system, used by SEAL and OPEN, gone in time.

The other end of every message is libcrypto, in the hands of lib/seal.py.
"""

import json
import re
import threading

from lib import (
    BIN,
    BUILD,
    VM,
    Bus,
    Central,
    Manufacturer,
    Module,
    Tpm,
    Unit,
    case,
    expect,
    expect_equal,
    expect_match,
)
from lib.gp import Refused, Talk
from lib.seal import FROM_MODULE, OPENS, SEALS, Sealer, TransactionKey

MAX_KEYS = 8
LIFETIME = 3600
MESSAGES = 1_000_000
WINDOW = 448
GRACE = 60


class Stand:
    """The module, its central system, and a program that seals."""

    def __init__(self, vm, module, central):
        self.vm, self.module, self.central = vm, module, central
        self.begin()

    def begin(self):
        self.talk = Talk(self.vm)
        self.talk.open_central(self.central)
        self.sealer = Sealer(self.vm)

    def end(self):
        self.talk.close()
        self.sealer.close()

    def put(self, *words, **limits):
        return TransactionKey(*words, **limits).put(self.talk)

    def renew(self, key, **limits):
        fresh = TransactionKey(key.kvn, **limits)
        return fresh.put(self.talk, old=key.kvn)

    def refused(self, key):
        """The status word that putting it ends with."""
        try:
            key.put(self.talk)
        except Refused as refused:
            return refused.sw
        return 0x9000

    def delete(self, kvn):
        return self.talk.sw("80E40000", bytes([0xD2, 1, kvn]))

    def keys(self):
        """{kvn: listed keys of that number}"""
        listed = {}
        for key in json.loads(self.module.secmod("keys", "--json").out)["transaction_keys"]:
            listed.setdefault(int(key["kvn"], 16), []).append(key)
        return listed

    def in_use(self):
        return self.module.attribute("slots/transaction_keys")


def contents():
    """(text, associated data) of many lengths."""
    texts = [bytes([n % 251]) * n for n in (0, 1, 15, 16, 17, 64, 1000, 4096, 65536)]
    return [(text, b"") for text in texts] + [(texts[5], bytes(n)) for n in (1, 13, 1024)]


def sealing(stand):
    with case("A11 a transaction key comes through SCP11a and is listed, without its value"):
        key = stand.put(0x40, lifetime=600, messages=5000)
        expect_equal(stand.in_use(), "1")
        listed = stand.keys()[0x40][0]
        expect_equal((listed["id"], listed["state"]), (f"{key.id:08x}", "ready"))
        expect_equal((listed["seals"], listed["opens"], listed["messages"]), (True, True, 5000))
        expect(590 < listed["seconds"] <= 600, listed)
        shown = stand.module.secmod("keys").out
        expect_match(rf"(?m)^40 +{key.id:08x} +seal, open +ready +\d+ s, 5000 messages$", shown)
        expect(key.key.hex() not in shown, shown)
    with case("A11 what the module seals the central system opens, in one call and in many"):
        pairs = contents()
        results = stand.sealer.seal(0x40, *pairs)
        results += [stand.sealer.seal(0x40, pair)[0] for pair in pairs[:4]]
        for number, (sealed, (text, aad)) in enumerate(zip(results, pairs + pairs[:4]), 1):
            expect_equal(key.open(sealed, aad), (number, text))
    with case("A11 what the central system seals the module opens"):
        pairs = contents()
        sealed = [(key.seal(text, aad), aad) for text, aad in pairs]
        expect_equal(stand.sealer.open(*sealed), [text for text, _ in pairs])
    with case("A11 256 messages in one call, more than a batch of memory"):
        texts = [bytes([n]) * (n * 40) for n in range(256)]
        sealed = stand.sealer.seal(0x40, *texts)
        expect_equal([key.open(s)[1] for s in sealed], texts)
        sealed = [key.seal(text) for text in texts]
        expect_equal(stand.sealer.open(*sealed), texts)
    with case("A11 each message is counted"):
        listed = stand.keys()[0x40][0]
        expect_equal(listed["messages"], 5000 - 2 * len(contents()) - 4 - 512)
    return key


def edges(stand, key):
    with case("A11 a pointer that leads out of the mapped memory is told, one that does not is taken"):
        before = key.open(stand.sealer.seal(0x40, b"x")[0])[0]
        *results, call, told = stand.sealer.edges(0x40)
        expect_equal(results, ["ok", "EFAULT"] * 12)
    with case("A11 an array that ends in unmapped memory: what could be read is done and told"):
        expect_equal((call, told), ("EFAULT", "64"))
        # 16 of the 24 are sealed, of these 4 where they cannot be written
        expect_equal(key.open(stand.sealer.seal(0x40, b"x")[0])[0], before + 16 + 64 + 1)


def altered(message, at):
    return message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :]


def attacks(stand, key):
    with case("A11 a message with any of its octets changed is refused"):
        message, aad = key.seal(b"pay 100 to A"), b""
        changed = [altered(message, at) for at in range(len(message))]
        results = stand.sealer.open(*changed)
        named = ["EBADMSG"] + ["ENOENT"] * 5
        expect_equal(results[:6], named)
        # a number that is changed may be one that was opened
        expect(set(results[6:14]) <= {"EBADMSG", "ESTALE"}, results)
        expect_equal(set(results[14:]), {"EBADMSG"})
        expect_equal(stand.sealer.open(message), [b"pay 100 to A"])
    with case("A11 other associated data, or none, or shifted ones, are refused"):
        message, aad = key.seal(b"text", b"for B"), b"for B"
        others = [b"for C", b"", b"for B\0", b"for"]
        expect_equal(stand.sealer.open(*((message, other) for other in others)), ["EBADMSG"] * 4)
        expect_equal(stand.sealer.open((message, aad)), [b"text"])
    with case("A11 a message cut at any place, or longer, is refused"):
        message = key.seal(b"pay 100 to A")
        cut = [message[:n] for n in range(1, len(message))] + [message + b"\0"]
        expect_equal(set(stand.sealer.open(*cut)), {"EBADMSG"})
        expect_equal(stand.sealer.open(message), [b"pay 100 to A"])
    with case("A11 a message is not opened twice, nor by whom it was sealed"):
        message = key.seal(b"once")
        expect_equal(stand.sealer.open(message, message), [b"once", "ESTALE"])
        expect_equal(stand.sealer.open(message), ["ESTALE"])
        later = key.seal(b"mine", number=key.sealed + 1, direction=FROM_MODULE)
        expect_equal(stand.sealer.open(later), ["EBADMSG"])
    with case("A11 messages may overtake, within the window"):
        first = key.sealed + 1
        numbers = [first + n for n in (WINDOW, 1, WINDOW - 1, 5, 0, WINDOW + 1, 1, 2)]
        late = "ESTALE"
        got = stand.sealer.open(*(key.seal(b"%d" % n, number=n) for n in numbers))
        want = [b"%d" % n for n in numbers]
        want[4], want[6] = late, late
        expect_equal(got, want)
        key.sealed = numbers[0] + 1


def limits(stand):
    with case("A11 a key has its direction"):
        out = stand.put(0x41, SEALS)
        into = stand.put(0x42, OPENS)
        expect_equal(stand.sealer.seal(0x42, b"x"), ["EACCES"])
        expect_equal(stand.sealer.open(out.seal(b"x"), into.seal(b"y")), ["EACCES", b"y"])
        expect_equal(out.open(stand.sealer.seal(0x41, b"x")[0])[1], b"x")
    with case("A11 a key is used up, in the middle of a call too"):
        key = stand.put(0x43, messages=4)
        sealed = stand.sealer.seal(0x43, b"1", b"2", b"3")
        expect_equal([key.open(s)[1] for s in sealed], [b"1", b"2", b"3"])
        expect_equal(stand.sealer.open(key.seal(b"4"), key.seal(b"5")), [b"4", "EKEYEXPIRED"])
        expect_equal(stand.sealer.seal(0x43, b"6"), ["EKEYEXPIRED"])
        expect_equal(stand.keys()[0x43][0]["state"], "ended")
    with case("A11 a key expires"):
        key = stand.put(0x44, lifetime=3)
        expect_equal(key.open(stand.sealer.seal(0x44, b"x")[0])[1], b"x")
        stand.vm.wait_for(lambda: stand.keys()[0x44][0]["state"] == "ended", 60)
        expect_equal(stand.sealer.seal(0x44, b"x"), ["EKEYEXPIRED"])
        expect_equal(stand.sealer.open(key.seal(b"x")), ["EKEYEXPIRED"])
    with case("A11 there is no such key"):
        expect_equal(stand.sealer.seal(0x5F, b"x"), ["ENOENT"])
        expect_equal(stand.sealer.seal(0x21, b"x"), ["ENOENT"])
        expect_equal(stand.sealer.open(TransactionKey(0x5F).seal(b"x")), ["ENOENT"])


def renewal(stand):
    with case("A11 a renewed key seals at once, the former one still opens"):
        old = stand.put(0x45)
        under_way = [old.seal(b"%d" % n) for n in range(3)]
        expect_equal(stand.sealer.open(under_way[0]), [b"0"])
        new = stand.renew(old)
        sealed = stand.sealer.seal(0x45, b"x")[0]
        expect_equal(new.open(sealed), (1, b"x"))
        expect_equal(stand.sealer.open(*under_way), ["ESTALE", b"1", b"2"])
        states = [key["state"] for key in stand.keys()[0x45]]
        expect_equal(states, ["ready", "replaced"])
        expect(stand.keys()[0x45][1]["seconds"] <= GRACE, "grace")
    with case("A11 the third key ends the first one's grace"):
        third = stand.renew(new)
        got = stand.sealer.open(old.seal(b"a"), new.seal(b"b"), third.seal(b"c"))
        expect_equal(got, ["ENOENT", b"b", b"c"])
    with case("A11 the same key is not taken again: its nonces would repeat"):
        twin = TransactionKey(0x46, key=third.key)
        expect_equal(stand.refused(twin), 0x6985)
        expect_equal(stand.refused(TransactionKey(0x45, key=new.key)), 0x6985)
        expect_equal(stand.refused(TransactionKey(0x45, id=third.id)), 0x6985)
        expect_equal(stand.sealer.seal(0x46, b"x"), ["ENOENT"])
        expect_equal(third.open(stand.sealer.seal(0x45, b"x")[0]), (1, b"x"))


def policy(stand):
    with case("A11 no more than the personalization's policy allows"):
        for key in (
            TransactionKey(0x47, lifetime=LIFETIME + 1),
            TransactionKey(0x47, messages=MESSAGES + 1),
            TransactionKey(0x47, lifetime=0),
            TransactionKey(0x47, messages=0),
            TransactionKey(0x47, directions=4),
            TransactionKey(0x47, algorithm=2),
            TransactionKey(0x47, key=bytes(16)),
        ):
            expect_equal(stand.refused(key), 0x6A80)
        stand.put(0x47, lifetime=LIFETIME, messages=MESSAGES)
        for kvn in range(0x48, 0x48 + MAX_KEYS - int(stand.in_use())):
            stand.put(kvn)
        expect_equal(stand.refused(TransactionKey(0x5F)), 0x6A84)
        expect_equal(stand.in_use(), str(MAX_KEYS))
    with case("UAPI KEYS tells how many there are, and writes them nowhere else"):
        out = stand.vm.sh([BUILD / "vm/uapi", "/dev/secmod0", "operating"], check=False).out
        for name in ("count: too small", "keys: in the kernel", "keys: at a hole"):
            expect_match(rf"(?m)^ok \d+ - KEYS\.{name}", out)
        expect("\nnot ok" not in out, "\n".join(re.findall(r"(?m)^not ok.*", out)))
    with case("A11 the central system revokes a key"):
        expect_equal(stand.delete(0x47), 0x9000)
        expect_equal(stand.sealer.seal(0x47, b"x"), ["ENOENT"])
        expect_equal(stand.delete(0x47), 0x6A88)
    with case("A11 a transaction key comes by no other channel"):
        talk = Talk(stand.vm)
        talk.select()
        expect_equal(talk.sw("80D80001", b"\x47"), 0x6982)
        expect_equal(talk.sw("80E40000", b"\xd2\1\x48"), 0x6982)
        talk.close()


def coding(stand):
    with case("A11 PUT KEY of a transaction key is read strictly"):
        good = TransactionKey(0x47).coded(stand.talk.dek)
        at = good.index(b"\xa5")
        spoiled = {
            "no limits": good[:at],
            "limits cut": good[:-1],
            "limits and more": good + b"\0",
            "another tag of the limits": good[:at] + b"\xa6" + good[at + 1 :],
            "another length of the limits": altered(good, at + 1),
            "another tag in the limits": altered(good, at + 5),
            "another length in the limits": altered(good, at + 6),
            "another check value": altered(good, at - 1),
        }
        for what, data in spoiled.items():
            expect_equal((what, stand.talk.sw("80D80001", data)), (what, 0x6A80))
        expect_equal(stand.talk.sw("80D84801", good), 0x6A88)
        expect_equal(stand.talk.sw("80D80081", good), 0x6A80)
        expect_equal(stand.sealer.seal(0x47, b"x"), ["ENOENT"])
        expect_equal(stand.talk.sw("80D84701", good), 0x9000)
        expect_equal(stand.delete(0x47), 0x9000)


def races(stand):
    with case("A11 threads that seal with one key never use one number twice"):
        expect_equal(stand.sealer.seal_race(0x48, 6, 500), "sealed 3000 distinct 3000")
    with case("A11 threads that open the same messages: each is opened by one"):
        key = stand.renew(TransactionKey(0x48))
        messages = [key.seal(b"%d" % n) for n in range(200)]
        expect_equal(stand.sealer.open_race(6, messages), "opened 200 by 1 to 1")


def beside_the_tpm(stand, bus):
    with case("A11 sealing does not wait for a TPM that works on another command"):
        held, go = threading.Event(), threading.Event()

        def hold(_number, _command):
            held.set()
            go.wait(300)

        bus.arm(on_command=hold)
        waiting = stand.vm.start([BIN / "secmod", "attest"])
        try:
            expect(held.wait(120), "no command came")
            expect(isinstance(stand.sealer.seal(0x48, b"meanwhile")[0], bytes), "refused")
            expect_equal(stand.sealer.seal(0x5F, b"x"), ["ENOENT"])
            expect(waiting.running, "it has not waited")
        finally:
            bus.arm()
            go.set()
        expect_equal(waiting.wait(), 0)


def ends(stand, unit):
    with case("A11 a detach wipes the keys"):
        stand.module.secmod("detach")
        expect_equal(stand.in_use(), "0")
        expect_equal(stand.sealer.seal(0x48, b"x"), ["EBADFD"])
        stand.module.attach()
        expect_equal(stand.sealer.seal(0x48, b"x"), ["ENOENT"])
        stand.end()
        stand.begin()
    with case("A11 a reset wipes the keys"):
        stand.put(0x40)
        stand.module.secmod("reset", "--yes")
        expect_equal(stand.in_use(), "0")
        expect_equal(stand.sealer.seal(0x40, b"x"), ["EBADFD"])
        stand.end()
        stand.module.personalize(unit)
        stand.begin()
        expect_equal(stand.sealer.seal(0x40, b"x"), ["ENOENT"])
        stand.end()


bus = Bus()
tpm = Tpm(bus=bus)
manufacturer = Manufacturer(ek_ca=tpm.ek_ca)
unit = Unit(manufacturer, in_tpm=False)
central = Central(manufacturer, unit)
manufacturer.serve()
limits_of_policy = ("--max-keys", MAX_KEYS, "--max-lifetime", LIFETIME, "--max-messages", MESSAGES)
unit.serve(None, *(str(word) for word in limits_of_policy))
with VM(tpm=tpm, cpus=2) as vm:
    vm.load_module()
    module = Module(vm)
    module.init(manufacturer)
    module.personalize(unit)
    stand = Stand(vm, module, central.dir)
    key = sealing(stand)
    edges(stand, key)
    attacks(stand, key)
    limits(stand)
    renewal(stand)
    policy(stand)
    coding(stand)
    races(stand)
    beside_the_tpm(stand, bus)
    ends(stand, unit)
