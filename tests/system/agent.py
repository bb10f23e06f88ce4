#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The agent and the central system together on the loopback interface."""

import os
import signal
import socket
import stat
import threading

from pkikit import Plant, issue
from agentkit import AGENT, Agent
from centralkit import Central
from messages import Error, der, transaction
from lib import case, expect, expect_equal, expect_match, expect_rc, host, run_dir, wait_for


def tcp(central):
    return f"tcp:127.0.0.1:{central.port}"


def relay(agent, central, module):
    with case("A1 the agent connects and says to whom"):
        agent.said(f"connected to {tcp(central)}, server certificate "
                   f"{central.cert.fingerprint}")
        central.said(f"module SN-1 .* certificate {module.fingerprint[:16]}")
    with case("an application's transaction reaches the ledger, and its reply it"):
        with agent.app() as app:
            reply = app.book(b"pay 10")
        expect_equal(reply.status, 0)
        expect_equal(central.ledger()[-1]["row"], reply.row)
        expect_equal(central.ledger()[-1]["certificate"], module.fingerprint)
    with case("replies of several applications go to the one who asked"):
        apps = [agent.app() for _ in range(5)]
        idents = [[os.urandom(16) for _ in range(10)] for _ in apps]
        for i in range(10):
            for app, mine in zip(apps, idents):
                app.send(transaction(mine[i], b"x"))
        for app, mine in zip(apps, idents):
            expect_equal([app.receive().ident for _ in mine], mine)
            app.close()
    with case("an application that sends far ahead gets all its replies"):
        with agent.app() as app:
            idents = [os.urandom(16) for _ in range(600)]
            sender = threading.Thread(
                target=lambda: [app.send(transaction(i, b"y" * 200)) for i in idents])
            sender.start()
            expect_equal([app.receive().ident for _ in idents], idents)
            sender.join()
    with case("the socket is for owner and group, the status for all"):
        expect_equal(stat.S_IMODE(os.stat(agent.socket).st_mode), 0o660)
        status = agent.status()
        expect_equal(status["connection"], "connected")
        expect_equal(status["server"], central.cert.fingerprint)


def bad_applications(agent):
    bad = [
        ("an oversized frame", (70000).to_bytes(4, "big"), "70000 bytes"),
        ("an unknown message", b"\x00\x00\x00\x04\xbe\x02\x30\x00", ""),
        ("a message for others", b"\x00\x00\x00\x09" + der(0xA5, der(0x30, b"\x01\x01\xff\x0c\x00")),
         "does not belong here"),
    ]
    for name, data, pattern in bad:
        with case(f"{name} of an application is refused, others are served"):
            with agent.app() as app:
                app.send_raw(data)
                word = app.end()
            expect(isinstance(word, Error), f"no Error but {word!r}")
            expect_match(pattern, word.text)
            with agent.app() as app:
                expect_equal(app.book(b"x").status, 0)


def restarts(agent, central):
    with case("transactions sent while the central system is away are booked when it is back"):
        central.stop()
        agent.said("connection refused|closed|Connection refused|broken")
        with agent.app() as app:
            idents = [os.urandom(16) for _ in range(10)]
            for ident in idents:
                app.send(transaction(ident, b"later"))
            central.start()
            replies = [app.receive() for _ in idents]
        expect_equal([r.ident for r in replies], idents)
        expect_equal([r.status for r in replies], [0] * 10)
    with case("kill -9 of the central system in the middle: each exactly once"):
        idents = []
        with agent.app() as app:
            for _ in range(4):
                fresh = [os.urandom(16) for _ in range(12)]
                idents += fresh
                for ident in fresh:
                    app.send(transaction(ident, b"under fire"))
                os.kill(central.process.child.pid, signal.SIGKILL)
                central.process.wait()
                central.start()
                expect_equal([app.receive().ident for _ in fresh], fresh)
        booked = [row["id"] for row in central.ledger()]
        expect_equal([booked.count(i.hex()) for i in idents], [1] * len(idents))
    with case("kill -9 of the agent loses nothing acknowledged; a resent id is booked once"):
        acknowledged, asked = [], []
        for round_ in range(4):
            with agent.app() as app:
                for _ in range(round_):
                    acknowledged.append(app.book(b"kept"))
                asked.append(os.urandom(16))
                app.send(transaction(asked[-1], b"asked"))
                agent.process.kill()
            agent.start()
            with agent.app() as app:
                expect_equal(app.book(b"asked", asked[-1]).status, 0)
        booked = [row["id"] for row in central.ledger()]
        for ident in asked + [reply.ident for reply in acknowledged]:
            expect_equal(booked.count(ident.hex()), 1)


def limits(plant, module):
    with Central(plant, "later") as central:
        central.start("--register", "auto")
        endpoint = tcp(central)
        central.stop()
        with Agent(module, [central.cert], endpoint, "limits") as agent:
            agent.start("--time-limit", "1")
            with case("without a central system the answer is: not known, at the limit"):
                with agent.app() as app:
                    reply = app.book(b"x")
                expect_equal(reply.status, 2)
                expect_match("refused", reply.payload.decode())
            with case("the same transaction is booked when it is sent again later"):
                with agent.app() as app:
                    central.start("--register", "auto")
                    agent.said("connected to")
                    again = app.book(b"x", reply.ident)
                expect_equal(again.status, 0)
                rows = [r for r in central.ledger() if r["id"] == reply.ident.hex()]
                expect_equal(len(rows), 1)
        with Agent(module, [central.cert], "tcp:127.0.0.1:1", "full") as agent:
            agent.start("--time-limit", "60")
            with case("the queue is bounded: what does not fit is refused at once"):
                apps = [agent.app() for _ in range(18)]
                for app in apps:
                    for _ in range(16):
                        app.send(transaction(os.urandom(16), b"x"))
                reply = apps[-1].receive()
                expect_equal(reply.status, 3)
                wait_for(lambda: agent.status()["pending"] <= 256, 5)


def authentication(plant, module):
    with case("A4 a foreign central system of the same signer is refused"):
        with Central(plant, "right") as right, Central(plant, "foreign") as foreign:
            right.start("--register", "auto")
            foreign.start("--register", "auto")
            with Agent(module, [right.cert], tcp(foreign), "f") as agent:
                agent.start("--time-limit", "1")
                agent.said(f"foreign central system: certificate {foreign.cert.fingerprint[:16]}")
                with agent.app() as app:
                    reply = app.book(b"secret")
                expect_equal(reply.status, 2)
                expect_match("foreign central system", reply.payload.decode())
                expect_equal(foreign.ledger(), [])
                expect("connected to" not in agent.process.err)
    with case("A4 a module's certificate that acts as the central system is refused"):
        other = plant.module(7)
        server = TlsServer(other)
        with Agent(module, [other], server.endpoint, "m") as agent:
            agent.start()
            agent.said("central certificate 'm7': .*role|key usage")
        server.close()
    with case("A4 an expired central certificate is refused"):
        old = issue("old", "central", plant.signer, days=-1)
        server = TlsServer(old)
        with Agent(module, [old], server.endpoint, "o") as agent:
            agent.start()
            agent.said("expired")
        server.close()
    with case("A4 a central certificate of another signer is refused"):
        stray = issue("stray", "central", plant.new_signer("PU 8"))
        server = TlsServer(stray)
        with Agent(module, [stray], server.endpoint, "s") as agent:
            agent.start()
            agent.said("central certificate 'stray': .*issuer")
        server.close()
    with case("A23 the reason of a refusal reaches the agent's log and the application"):
        with Central(plant, "strict") as central:
            central.start()
            with Agent(module, [central.cert], tcp(central), "r") as agent:
                agent.start("--time-limit", "1")
                agent.said("the central system refused: module SN-1 .* is not registered")
                with agent.app() as app:
                    expect_match("not registered", app.book(b"x").payload.decode())
                expect_rc(central.run("module", "add", module.pem))
                agent.said("connected to .*")
                with agent.app() as app:
                    expect_equal(app.book(b"x").status, 0)
                expect_rc(central.run("module", "disable", "SN-1", "--reason", "stolen"))
                agent.said("the central system refused: module SN-1 is disabled: stolen")


class TlsServer:
    """Completes TLS handshakes as `cert`, says nothing."""

    def __init__(self, cert):
        self.context = tls_server_context(cert)
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp:127.0.0.1:{self.sock.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                peer, _ = self.sock.accept()
                self.context.wrap_socket(peer, server_side=True)
            except OSError:
                if self.sock.fileno() < 0:
                    return

    def close(self):
        self.sock.close()


def tls_server_context(cert):
    import ssl  # pylint: disable=import-outside-toplevel

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(cert.chain, cert.key)
    return context


def usage(module):
    with case("a software key needs the option that calls it insecure"):
        words = ["--connect", "tcp:127.0.0.1:1", "--key", f"file:{module.key}",
                 "--cert", module.chain, "--central", module.chain]
        expect_rc(host([AGENT, *words], check=False), 2, "insecure-software-key")
        expect_rc(host([AGENT], check=False), 2, "usage")
    with case("without an agent --status says so"):
        nowhere = f"unix:{run_dir()}/nowhere.sock"
        expect_rc(host([AGENT, "--status", "--listen", nowhere], check=False), 1, "no agent")
    with case("a device that is not there is named"):
        expect_rc(host([AGENT, "-n", "--device", "/dev/nosuch", "--connect",
                        "tcp:127.0.0.1:1"], check=False), 1, "/dev/nosuch")


def main():
    plant = Plant()
    module = plant.module(1)
    with Central(plant) as central:
        central.start("--register", "auto")
        with Agent(module, [central.cert], tcp(central)) as agent:
            agent.start()
            relay(agent, central, module)
            bad_applications(agent)
            restarts(agent, central)
            with case("it ends with status 0 on SIGTERM and takes its socket along"):
                expect_equal(agent.process.terminate(), 0)
                expect(not agent.socket.exists())
    limits(plant, module)
    authentication(plant, module)
    usage(module)


if __name__ == "__main__":
    main()
