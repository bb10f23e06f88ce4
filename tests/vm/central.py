#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The operating state: a module with a real key, its agent, its central system."""

import json
import os
import signal

from lib import (
    BIN,
    VM,
    Central,
    Tpm,
    case,
    expect,
    expect_equal,
    expect_match,
    expect_rc,
    host,
    wait_for,
)
from lib.operation import SERIAL, SOCKET, Operation, start_agent


def transact(vm, text, ident=None, check=True):
    """What an application does; the row it was booked in."""
    words = [BIN / "secmod", "transact", "--socket", SOCKET, "--timeout", "60", text]
    if ident:
        words += ["--id", ident]
    result = vm.sh(words, check=check)
    if not check:
        return result
    return int(expect_match(r"row (\d+)", result.out + result.err)[1])


def fingerprint(pem):
    out = host(["openssl", "x509", "-in", pem, "-noout", "-fingerprint", "-sha256"]).out
    return out.strip().partition("=")[2].replace(":", "").lower()


def rows_with(central, payload):
    return [row for row in central.ledger() if row["payload"] == payload.encode().hex()]


def connecting(vm, module, unit, central):
    with case("A1 before the personalization the agent waits and nobody connects"):
        agent = start_agent(vm, central.guest_endpoint)
        agent.wait_for("is personalization")
        status = [BIN / "secmod-agent", "--status", "--listen", SOCKET]
        vm.wait_for(f"test -S {SOCKET[5:]}")
        expect_match("waiting for the module", vm.sh(status).out)
        expect("connected" not in central.server.err)
    with case("A1 operating, the agent connects with the module's key by itself"):
        module.personalize(unit)
        said = agent.wait_for("connected to .* server certificate (.*)", 60)
        central.server.wait_for(f"module {SERIAL} .* connected from")
    with case("A4 the server is the one whose certificate came with the personalization"):
        expect_equal(said[1], fingerprint(central.dir / "central.pem"))
    with case("A1 a transaction over it is booked under the module's certificate"):
        row = transact(vm, "pay 10")
        entry = central.ledger()[-1]
        expect_equal(entry["row"], row)
        expect_equal(bytes.fromhex(entry["payload"]), b"pay 10")
        known = json.loads(central.run("module", "show", "--json", SERIAL).out)
        expect_equal(entry["module"], known["uid"])
        expect_equal(entry["module"], module.attribute("uid"))
        expect_equal(entry["certificate"], known["certificate"])
    return agent


def foreign(vm, manufacturer, unit):
    with case("A4 a central system that the module was not told of is refused"):
        stranger = Central(manufacturer, unit, "stranger")
        stranger.serve(None, "--register", "auto")
        other = start_agent(vm, stranger.guest_endpoint, listen="unix:/run/other.sock")
        other.wait_for("foreign central system: certificate "
                       + fingerprint(stranger.dir / "central.pem")[:16])
        expect("connected to" not in other.err)
        expect_equal(stranger.ledger(), [])
        other.terminate()
        stranger.stop()


def revocation(vm, central, agent):
    with case("A23 a disabled module's connection ends, and it is refused from then on"):
        central.run("module", "disable", "--reason", "reported stolen", SERIAL)
        agent.wait_for("the central system refused: .*reported stolen")
        central.server.wait_for(rf"refused module {SERIAL} .*reported stolen")
        before = len(central.ledger())
        attempts = len(agent.err.splitlines())
        wait_for(lambda: len(agent.err.splitlines()) > attempts + 2, 30, "new attempts")
        expect_equal(len(central.ledger()), before)
    with case("A23 enabled again, it comes back by itself"):
        central.run("module", "enable", SERIAL)
        transact(vm, "back again")
        expect_equal(len(rows_with(central, "back again")), 1)
    with case("A23 a disabled signer stops what it certified"):
        central.run("signer", "disable", "--reason", "PU lost", "pu")
        central.server.wait_for("refused .*signer .*PU lost")
        central.run("signer", "enable", "pu")
        transact(vm, "signer is back")


def kills(vm, central, agent):
    ident = "a5" * 16
    with case("a transaction sent while the central system is dead is booked once it is back"):
        os.kill(central.server.child.pid, signal.SIGKILL)
        central.server.wait()
        waiting = vm.start([BIN / "secmod", "transact", "--socket", SOCKET, "--timeout",
                            "60", "--id", ident, "while it was dead"])
        agent.wait_for("10.0.2.2:.*(refused|broken|closed)")
        central.serve(central.endpoint)
        expect_equal(waiting.wait(60), 0)
        expect_equal(len(rows_with(central, "while it was dead")), 1)
    with case("kill -9 of the agent: sent again with the same id it is the same row"):
        row = rows_with(central, "while it was dead")[0]["row"]
        agent.kill()
        agent = start_agent(vm, central.guest_endpoint)
        agent.wait_for("connected to", 60)
        expect_equal(transact(vm, "while it was dead", ident), row)
        expect_equal(len(rows_with(central, "while it was dead")), 1)
        expect_rc(transact(vm, "another payload", ident, check=False), 1, "before")
    return agent


def reset(vm, module, unit, central, agent):
    old = json.loads(central.run("module", "show", "--json", SERIAL).out)
    with case("A2 a reset drops the connection at once"):
        module.secmod("reset", "--yes")
        agent.wait_for("dropped, the module's state has changed")
        central.server.wait_for(f"module {SERIAL} disconnected|module {SERIAL}: connection")
    with case("A2 personalized anew, the agent connects with the new key by itself"):
        mark = len(agent.err)
        module.personalize(unit)
        wait_for(lambda: "connected to" in agent.err[mark:], 60, "the new connection")
        transact(vm, "new key")
        new = json.loads(central.run("module", "show", "--json", SERIAL).out)
        expect(new["certificate"] != old["certificate"])
        expect(new["epoch"] > old["epoch"])
        expect_equal(central.ledger()[-1]["certificate"], new["certificate"])


def power_cut(vm, module, central):
    with case("after a power cut the agent connects once the vault is attached"):
        module.reboot()
        agent = start_agent(vm, central.guest_endpoint)
        agent.wait_for("is detached", 60)
        module.attach()
        agent.wait_for("connected to", 60)
        transact(vm, "after the power cut")
        agent.terminate()


def main():
    tpm = Tpm()
    with VM(tpm=tpm) as vm:
        world = Operation(vm, tpm)
        central, module = world.central, world.module
        with case("A22 the module is registered before it comes, from its identity"):
            world.init()
        agent = connecting(vm, module, world.unit, central)
        foreign(vm, world.manufacturer, world.unit)
        revocation(vm, central, agent)
        agent = kills(vm, central, agent)
        reset(vm, module, world.unit, central, agent)
        power_cut(vm, module, central)
        world.stop()


if __name__ == "__main__":
    main()
