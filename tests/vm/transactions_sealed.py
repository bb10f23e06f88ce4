#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Transactions under keys that the central system puts into the module (A11)."""

import json
import os
import re
import signal

from lib import BIN, BUILD, VM, Tpm, case, expect, expect_equal, expect_match, wait_for
from lib.gp import tlv
from lib.operation import SERIAL, SOCKET, Operation, connect_agent


def transact(vm, *texts, check=True, timeout=60):
    """One command of the guest for all of them."""
    one = f"{BIN}/secmod transact --socket {SOCKET} --timeout {timeout}"
    result = vm.sh(" && ".join(f"{one} '{text}'" for text in texts), check=check)
    return result


def payloads(central):
    return [bytes.fromhex(row["payload"]).decode() for row in central.ledger()]


def keys(central):
    return json.loads(central.run("key", "list", "--json").out)


def restart(central, *options):
    os.kill(central.server.child.pid, signal.SIGKILL)
    central.server.wait()
    central.serve(central.endpoint, *options)


def sealed(vm, module, central, agent):
    with case("A11 the central system puts a key into the module, which lists it"):
        agent.wait_for("transaction key 1, for 3600 s and 100000 messages", 60)
        (listed,) = json.loads(module.secmod("keys", "--json").out)["transaction_keys"]
        expect_equal((int(listed["kvn"], 16), int(listed["id"], 16)), (0x40, 1))
        (issued,) = keys(central)
        expect_equal((issued["serial"], issued["state"]), (SERIAL, "issued"))
    with case("A11 a sealed transaction is booked, and its reply comes back"):
        expect_match("row 1", transact(vm, "pay 10").out)
        expect_equal(payloads(central), ["pay 10"])
    with case("A11 what is not sealed is refused where only sealed ones are taken"):
        agent.terminate()
        plain = connect_agent(vm, central)
        transact(vm, "in the clear", check=False, timeout=2)
        plain.wait_for("transactions come sealed here", 60)
        plain.terminate()
        expect_equal(payloads(central), ["pay 10"])


def as_module(vm, central, frames):
    """What the server answers to these frames in a connection with the module's key."""
    (vm.share / "frames").write_bytes(frames)
    result = vm.sh(
        f"openssl s_client -connect {central.guest_endpoint.removeprefix('tcp:')} -tls1_3"
        f" -provider default -provider-path {BUILD}/lib/ossl-modules -provider secmod"
        f" -cert {vm.share}/module.pem -cert_chain {vm.share}/signer.pem"
        f" -key secmod:module -quiet <{vm.share}/frames", check=False)
    return result.out


def replay(vm, module, central):
    """The key is in the module still; what it seals is sent by a client of the test."""
    module.secmod("certs", "--out-dir", vm.share)
    texts = {os.urandom(16): text for text in (b"first", b"second")}
    orders = [f"seal 40 {name.hex()} {text.hex()}" for name, text in texts.items()]
    sealed = vm.sh([BUILD / "vm/seal", "/dev/secmod0"], stdin="\n".join([*orders, "run", ""])).out
    first, second = (
        frame(tlv("b9", tlv("30", tlv("04", name) + tlv("04", bytes.fromhex(text)))))
        for name, text in zip(texts, re.findall("ok ([0-9a-f]+)", sealed)))
    with case("A11 sealed messages are taken in another order than they were sealed in"):
        answer = as_module(vm, central, second + first + second)
        expect_equal(payloads(central)[-2:], ["second", "first"])
    with case("A11 and each of them once: sent again, it ends the connection"):
        expect_match("come before", answer)
        central.server.wait_for(f"refused module {SERIAL} .*come before")
        expect_match("come before", as_module(vm, central, first))


def frame(message):
    return len(message).to_bytes(4, "big") + message


def renewal(vm, central):
    with case("A11 keys are renewed before they expire, and no message is lost"):
        restart(central, "--key-lifetime", "4", "--key-messages", "10", "--sealed-only")
        agent = connect_agent(vm, central, "--seal")
        texts = [f"message {number}" for number in range(30)]
        transact(vm, *texts)
        expect_equal(payloads(central)[3:], texts)
        expect(agent.err.count("transaction key") > 4, "no renewal")
        states = [key["state"] for key in keys(central) if key["state"] != "ordered"]
        expect_equal(set(states[:-1]), {"replaced"})
    with case("A11 a key that has expired unused is replaced in time as well"):
        count = len(keys(central))
        wait_for(lambda: len(keys(central)) > count + 1, 30, "a renewal by time")
        transact(vm, "after a while")
        expect_equal(payloads(central)[-1], "after a while")
    return agent


def losses(vm, central, agent):
    with case("A11 a server that has lost its keys makes others: what waits is sealed again"):
        restart(central, "--sealed-only")
        transact(vm, "after the restart")
        expect_equal(payloads(central)[-1], "after the restart")
    with case("A11 a revoked key is gone on both sides, and the next is another"):
        before = keys(central)[-1]
        central.run("key", "revoke", "--reason", "test", SERIAL)
        after = next(key for key in keys(central) if key["id"] == before["id"])
        expect_equal((after["state"], after["cause"]), ("revoked", "test"))
        transact(vm, "under the next key")
        expect_equal(payloads(central)[-1], "under the next key")
        expect(keys(central)[-1]["id"] > before["id"], "the same key")
    with case("A11 each was booked once"):
        booked = payloads(central)
        expect_equal(len(booked), len(set(booked)))
    agent.terminate()


def main():
    tpm = Tpm()
    with VM(tpm=tpm) as vm:
        world = Operation(vm, tpm, "--sealed-only")
        central, module = world.central, world.module
        world.operate()
        sealed(vm, module, central, connect_agent(vm, central, "--seal"))
        replay(vm, module, central)
        losses(vm, central, renewal(vm, central))


if __name__ == "__main__":
    main()
