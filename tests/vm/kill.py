#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""kill -9, of everybody, in the middle: the module says what it is and goes on.

At each TPM command that changes what stays in the TPM, and at some of the others; at all of
them with SECMOD_LONG.
"""

from lib import BIN, LONG, case, chance, expect, expect_equal
from lib.bus import Hold
from lib.powercut import COMMANDS, IDENTITY, KEY, Stand

MANY = 1000  # commands no operation reaches


def start(*words):
    """The program itself, no shell: it has let go of the device when it is waited for."""
    return stand.vm.start("exec " + " ".join(str(word) for word in words))


def kill_while(when, process, victim=None, done=lambda running: not running.running):
    """Kills the process, or calls victim() for another, before it is done.

    Returns the Hold, whose code is None when it held no command, and the process.
    """
    hold = Hold(stand.bus, when)
    try:
        running = process()
        while not hold.held.wait(0.01):
            if done(running):
                return hold, running
        if victim:
            victim()
        else:
            running.signal(9)
            stand.vm.sh("true")  # the signal has arrived
    finally:
        hold.let_go()
    if not victim:
        running.wait(30)
    return hold, running


def each_command(what, process, check):
    """Kills it at its TPM commands, one in each run, until it ends before."""
    luck = chance(what)
    picked = {1, *(n for n in range(MANY) if LONG or luck.random() < 0.25)}
    last = kills = 0
    while True:
        hold, running = kill_while(
            lambda n, code, last=last: n > last and (n in picked or code in COMMANDS), process
        )
        if hold.code is None:
            with case(f"{what} after {kills} kills, at as many of {hold.seen} commands"):
                expect_equal(running.wait(), 0, running.result())
            return
        last, kills = hold.number, kills + 1
        with case(f"{what} killed at TPM command {last} {COMMANDS.get(hold.code, '')}".rstrip()):
            expect_equal(running.rc, -9, "how it ended")
            check()


def init():
    m = stand.manufacturer
    return start(
        *(BIN / "secmod", "init", m.guest_endpoint, "--root", m.root),
        *("--serial", "SN-0001", "--vault", stand.module.vault),
    )


def personalize():
    return start(BIN / "secmod", "personalize", stand.unit.guest_endpoint)


def reset():
    return start(BIN / "secmod", "reset", "--yes")


def check_init():
    """Taken back; or done, then it is taken away for the next."""
    if stand.issued:
        stand.manufacturer.run("release", "SN-0001")
    if stand.module.state == "personalization":
        stand.expect_tidy(IDENTITY)
        stand.vm.sh("tpm2_clear -T device:/dev/tpmrm0 -c l && rmmod secmod")
        stand.vm.load_module()
    expect_equal(stand.module.state, "virgin")
    stand.expect_tidy()


def check_personalize():
    state = stand.module.state
    if state == "operating":
        stand.expect_signs()
        stand.module.secmod("reset", "--yes")
    else:
        expect_equal(state, "personalization")
    stand.expect_tidy(IDENTITY)


def check_reset():
    """Done, or left to the next attach; then a key again for the next."""
    if stand.module.state == "detached":
        stand.attach()
    status = stand.status()
    expect_equal((status["state"], status["epoch"]), ("personalization", epoch[0] + 1))
    epoch[0] += 1
    stand.expect_tidy(IDENTITY)
    stand.module.personalize(stand.unit)


def other_end(what, process, server, check):
    """Whom the module talks to is killed while the TPM works."""
    for name, code in DURING[process].items():
        with case(f"{what} killed during {name}"):
            hold, running = kill_while(
                lambda _, c, code=code: c == code, process, server.server.kill
            )
            expect_equal(hold.code, code, "TPM command")
            running.wait(30)
            server.serve(server.endpoint)
            check(running)


def check_manufacturer(running):
    expect(running.rc > 0, running.result())
    expect_equal(stand.module.state, "virgin")
    stand.expect_tidy()


def check_unit(running):
    if stand.module.state == "operating":  # the bundle had come
        stand.module.secmod("reset", "--yes")
    else:
        expect(running.rc > 0, running.result())
        expect_equal(stand.module.state, "personalization")
    stand.expect_tidy(IDENTITY)


def connected(agent):
    return "connected to" in agent.err


def agent():
    return start(
        *(BIN / "secmod-agent", "-v", "--connect", stand.central.guest_endpoint),
        *("--listen", "unix:/run/agent.sock", "--retry", "200,1000"),
    )


def connections():
    """Whoever is killed while the module key signs, the next connection stands."""
    stand.central.serve(None, "--register", "auto")
    for number in range(1, MANY):
        hold, running = kill_while(lambda n, _, at=number: n == at, agent, done=connected)
        if hold.code is None:
            break
        with case(f"A1 the agent killed at TPM command {number} of its connection"):
            expect_equal(running.rc, -9, "how it ended")
            expect_equal(stand.module.state, "operating")
            stand.expect_tidy(IDENTITY, KEY)
    with case(f"A1 the agent connects after {number - 1} kills"):
        expect(number > 1, "the module key was not used")
        expect(running.running, running.result())
        running.kill()
    with case("A1 the central system killed during the connection"):
        central = stand.central
        _, running = kill_while(lambda n, _: n == 1, agent, central.server.kill, connected)
        expect(not connected(running), "it was too late")
        central.serve(central.endpoint)
        running.wait_for("connected to", 60)
        running.terminate()
        stand.expect_signs()


# One TPM command of each ioctl in which the other end still has a part.
DURING = {
    init: {"INIT_BEGIN": 0x12A, "INIT_ACTIVATE": 0x147},
    personalize: {"PERSO_BEGIN": 0x153, "PERSO_COMPLETE": 0x134},
}

stand = Stand()
stand.boot()
other_end("A8 the manufacturer", init, stand.manufacturer, check_manufacturer)
each_command("A8 init", init, check_init)
other_end("A1 the PU", personalize, stand.unit, check_unit)
each_command("A1 personalize", personalize, check_personalize)
stand.expect_signs()
connections()
epoch = [stand.status()["epoch"]]
each_command("A2 A21 reset", reset, check_reset)
stand.vm.shutdown()
