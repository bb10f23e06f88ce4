#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Conversations of the central system with modules; the agent is played here."""

import json
import stat
import threading

from pkikit import Plant
from centralkit import Central
from messages import Error, connect_tls, relay_response
from lib import (
    Conversation,
    Refused,
    case,
    control,
    expect,
    expect_equal,
    expect_match,
    expect_rc,
)

UID = f"{1:032x}"


class Agent:
    """A module's connection; answers commands with `card`, remembers what it was asked."""

    def __init__(self, central, module, card):
        self.peer = connect_tls(central.port, module)
        self.card, self.asked, self.error = card, [], None
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        central.said("module SN-1 .*connected")

    def _serve(self):
        try:
            while True:
                m = self.peer.receive()
                self.asked.append((m.what, m.conversation))
                if m.what == "open":
                    self.peer.send(relay_response(m.conversation, b""))
                elif m.what == "command":
                    self.peer.send(self.card(m))
        except (EOFError, OSError, Error) as error:
            self.error = error

    def kinds(self):
        return [what for what, _ in self.asked]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.sock.shutdown(2)
        self.thread.join()
        self.peer.close()


def module_card(uid):
    """SELECT, UID and status of a module, as docs/executive.md says."""
    objects = {0x0045: bytes.fromhex("4510" + uid),
               0x00E0: bytes.fromhex("e006c00401308810"),
               0xDF20: bytes.fromhex("df200d" + "03" + f"{7:016x}" + f"{3:08x}")}

    def card(m):
        if m.command[1] == 0xA4:
            return relay_response(m.conversation, bytes.fromhex("6f009000"))
        tag = int.from_bytes(m.command[2:4], "big")
        return relay_response(m.conversation, objects[tag] + b"\x90\x00")

    return card


def echo(m):
    return relay_response(m.conversation, m.command + b"\x90\x00")


def status(plant, central, module):
    with case("B10 the status of a module that is not connected says so"):
        expect_rc(central.run("status", "SN-1"), 1, "SN-1: the module is not connected")
    with case("B10 the status of a connected module is its own words"):
        with Agent(central, module, module_card(UID)):
            live = json.loads(central.run("status", "--json", "SN-1").out)
        expect_equal(live, {"uid": UID, "serial": "SN-1", "state": "operating",
                            "epoch": 7, "generation": 3,
                            "keys": [{"kvn": 0x30, "id": 1, "length": 16}]})
    with case("B10 another module that answers is found out"):
        with Agent(central, module, module_card(f"{2:032x}")):
            expect_rc(central.run("status", "SN-1"), 1, "another module answers")
    with case("B10 the agent's reason for a refusal reaches the command"):
        why = lambda m: relay_response(m.conversation, b"no such device", 19)
        with Agent(central, module, why):
            expect_rc(central.run("status", "SN-1"), 1, "the agent: no such device")
    with case("without a server the command says what to start"):
        expect_rc(Central(plant, "idle").run("status", "SN-1"), 1, "no module|no server")


def conversations(central, module):
    with Agent(central, module, echo) as agent:
        with case("B10 what is said arrives unchanged, up to the largest command"):
            with Conversation(central.dir, UID) as talk:
                expect_equal(talk.say("00"), ["009000"])
                large = "5a" * 4096
                expect_equal(talk.say(large), [large + "9000"])
        with case("B10 the next conversation with a module waits for the one before"):
            first = Conversation(central.dir, UID)
            second = Conversation(central.dir, UID, wait=False)
            before = agent.kinds().count("open")
            expect_equal(first.say("01"), ["019000"])
            expect_equal(agent.kinds().count("open"), before)
            first.close()
            expect_equal(second.opened().say("02"), ["029000"])
            second.close()
        with case("B10 each conversation has a number of its own, and is closed"):
            numbers = [n for what, n in agent.asked if what == "open"]
            expect_equal(len(set(numbers)), len(numbers))
            with Conversation(central.dir, UID):
                pass
            with Conversation(central.dir, UID):
                opened = [n for what, n in agent.asked if what == "open"]
                closed = [n for what, n in agent.asked if what == "close"]
                expect_equal(closed, opened[:-1])
        with case("B10 a frame too large ends this conversation only"):
            with Conversation(central.dir, UID) as talk:
                talk.put(b"x" * 4106)
                expect_equal(talk.frame(), b"")
                expect_match("4105", talk.frame().decode())
            with Conversation(central.dir, UID) as talk:
                expect_equal(talk.say("03"), ["039000"])
        with case("B10 conversations that wait are bounded"):
            talks = [Conversation(central.dir, UID, wait=False) for _ in range(8)]
            try:
                Conversation(central.dir, UID)
                expect(False, "a ninth is taken")
            except Refused as why:
                expect_match("too many", str(why))
            for talk in talks:
                talk.close()
    with case("B10 a conversation ends with the module's connection, and says so"):
        with Agent(central, module, echo):
            talk = Conversation(central.dir, UID)
        expect_equal(talk.frame(), b"")
        expect_match("connection has ended", talk.frame().decode())
        talk.close()


def strangers(central, module):
    with case("A28 a response that nobody asked for ends the module's connection"):
        with Agent(central, module, echo) as agent:
            agent.peer.send(relay_response(4000000000, b"\x90\x00"))
            central.said("refused module SN-1 .*RelayResponse does not belong")
    with case("A28 so does a second response to one command"):
        def twice(m):
            agent.peer.send(echo(m))
            return echo(m)

        with Agent(central, module, twice) as agent:
            with Conversation(central.dir, UID) as talk:
                talk.put(b"\x00")
                central.said("(?s)(RelayResponse does not belong.*){2}")
    with case("the local socket is the owner's alone"):
        mode = (central.dir / "central.sock").stat().st_mode
        expect_equal(stat.S_IMODE(mode) & 0o077, 0)
    with case("an unknown request, and a line without an end, are refused"):
        for line, why in ((b"\n", "not known"), (b"relay\n", "not known"),
                          (b"x" * 200, "too long"), (b"relay 00\n", "not connected")):
            with control(central.dir) as sock:
                sock.sendall(line)
                expect_match(f"^error \\d+ .*{why}", sock.recv(200).decode())
    with case("a disabled module's conversation ends"):
        with Agent(central, module, echo):
            with Conversation(central.dir, UID) as talk:
                expect_rc(central.run("module", "disable", "--reason", "stolen", "SN-1"))
                expect_equal(talk.frame(), b"")
                expect_match("disabled: stolen", talk.frame().decode())


def main():
    plant = Plant()
    module = plant.module(1)
    with Central(plant) as central:
        expect_rc(central.run("module", "add", module.pem))
        central.start()
        status(plant, central, module)
        conversations(central, module)
        strangers(central, module)
        with case("the server ends with status 0 and takes its socket along"):
            expect_equal(central.stop(), 0)
            expect(not (central.dir / "central.sock").exists())


if __name__ == "__main__":
    main()
