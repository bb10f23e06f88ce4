#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""A module is reset from afar (A21): by its central system, now, with proof."""

import json

from lib import BIN, VM, Tpm, case, expect, expect_equal, expect_rc, host
from lib.operation import SERIAL, Operation, connect_agent


def start_agent(world):
    agent = connect_agent(world.vm, world.central)
    world.central.server.wait_for("connected from", 60)
    return agent


def orders(central):
    return json.loads(central.run("reset", "list", "--json").out)


def order(central, *options):
    return central.run("reset", "order", "--reason", "terminal is scrapped", *options, SERIAL,
                       check=False)


def main():
    tpm = Tpm()
    with VM(tpm=tpm) as vm:
        world = Operation(vm, tpm)
        central, module, uid = world.central, world.module, world.operate()
        module.secmod("certs", "--out-dir", vm.share)
        agent = start_agent(world)
        with case("A21 an order needs what the proof is checked with"):
            expect_rc(order(central), 1, "identity certificate is not known")
            expect_rc(central.run("module", "identity", vm.share / "identity.pem"), 0)
        with case("A22 the central system and the module prove themselves to each other"):
            live = json.loads(central.run("status", "--keys", "--json", SERIAL).out)
            expect_equal((live["uid"], live["keys"]), (uid, []))
        with case("A21 the order destroys the key, and the connection ends after the proof"):
            expect_rc(order(central), 0, "epoch 1 destroyed")
            agent.wait_for("dropped, the module's state has changed")
            expect_equal((module.state, module.attribute("epoch")), ("personalization", "2"))
        with case("A21 the proof is stored and verifies without module and central system"):
            expect_equal([(o["state"], o["epoch"]) for o in orders(central)], [("proved", 1)])
            host(f"{BIN}/secmod-central reset proof --dir {central.dir} 1 >{vm.share}/proof.der")
            expect_rc(host([BIN / "secmod", "verify-proof", vm.share / "proof.der", "--root",
                            world.manufacturer.root]), 0)
        with case("A23 the destroyed key's certificate is disabled"):
            audit = json.loads(central.run("audit", "--json").out)
            expect("erasure proved" in [line["action"] for line in audit], audit)
        with case("A21 a module that is not connected: the order is kept as failed"):
            expect_rc(order(central), 1, "not connected")
            expect_equal([o["state"] for o in orders(central)], ["proved", "failed"])
        with case("A21 personalized anew it works again, and the old order is void"):
            mark = agent.err.count("connected to")
            module.personalize(world.unit)
            agent.wait_for("(?s)" + "connected to.*" * (mark + 1), 60)
            central.server.wait_for("(?s)" + "connected from.*" * (mark + 1), 60)
            live = json.loads(central.run("status", "--keys", "--json", SERIAL).out)
            expect_equal((live["state"], live["epoch"]), ("operating", 2))
        agent.terminate()


if __name__ == "__main__":
    main()
