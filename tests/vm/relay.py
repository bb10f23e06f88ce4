#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The central system talks with a module through its agent."""

import json
import os
import signal

from lib import VM, Conversation, Refused, Tpm, case, expect, expect_equal, expect_match
from lib.operation import SERIAL, Operation, connect_agent

SELECT = "00a4040008a00000015100000000"
GET_UID = "80ca004500"
FCI = "6f118408a000000151000000a5059f650210009000"


def conversations(module, central, uid):
    with case("B10 the central system reads a connected module's status"):
        live = json.loads(central.run("status", "--json", SERIAL).out)
        expect_equal((live["uid"], live["state"], live["epoch"]), (uid, "operating", 1))
    with case("B10 a conversation keeps what was selected"):
        with Conversation(central.dir, uid) as talk:
            expect_equal(talk.say(SELECT, GET_UID), [FCI, "4510" + uid + "9000"])
    with case("B10 the next conversation begins with nothing: the file was closed"):
        with Conversation(central.dir, uid) as talk:
            expect_equal(talk.say(GET_UID), ["6985"])
    with case("B10 one that begins while the last one ends waits for it"):
        for _ in range(20):
            with Conversation(central.dir, uid) as talk:
                expect_equal(talk.say(SELECT), [FCI])
    with case("B10 a local program's conversation is another one"):
        with Conversation(central.dir, uid) as talk:
            talk.say(SELECT)
            out = module.secmod("gp", "apdu", "-q", "80CA004500").out
            expect_equal(out.strip(), "6985")
            expect_equal(talk.say(GET_UID), ["4510" + uid + "9000"])
    with case("B10 the relay reads nothing: what is no command comes back as 6700"):
        with Conversation(central.dir, uid) as talk:
            expect_equal(talk.say("00", "ffffff"), ["6700", "6700"])


def interrupted(module, central, agent, uid):
    with case("B10 a change of the module's state ends the conversation"):
        talk = Conversation(central.dir, uid)
        talk.say(SELECT)
        module.secmod("detach")
        try:
            talk.say(GET_UID)
            expect(False, "it goes on")
        except Refused as why:
            expect_match("connection|not open", str(why))
        talk.close()
        module.attach()
        central.server.wait_for("(?s)" + "SN-0001 .*connected from.*" * 2, 60)
    with case("B10 an agent killed in the middle loses this conversation only"):
        talk = Conversation(central.dir, uid)
        talk.say(SELECT)
        agent.kill()
        try:
            talk.say(GET_UID)
            expect(False, "it goes on")
        except Refused as why:
            expect_match("connection", str(why))
        talk.close()
        agent = connect_agent(module.vm, central)
        with Conversation(central.dir, uid) as talk:
            expect_equal(talk.say(GET_UID, SELECT), ["6985", FCI])
    with case("B10 a server killed in the middle leaves no session in the module"):
        talk = Conversation(central.dir, uid)
        talk.say(SELECT)
        os.kill(central.server.child.pid, signal.SIGKILL)
        central.server.wait()
        talk.close()
        mark = agent.err.count("connected to")
        central.serve(central.endpoint)
        agent.wait_for("(?s)" + "connected to.*" * (mark + 1), 60)
        with Conversation(central.dir, uid) as talk:
            expect_equal(talk.say(GET_UID), ["6985"])
    agent.terminate()


def main():
    tpm = Tpm()
    with VM(tpm=tpm) as vm:
        world = Operation(vm, tpm)
        central, module, uid = world.central, world.module, world.operate()
        agent = connect_agent(vm, central)
        conversations(module, central, uid)
        interrupted(module, central, agent, uid)


if __name__ == "__main__":
    main()
