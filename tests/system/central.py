#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The central system on the loopback interface; modules are software keys here."""

import os
import resource
import signal
import socket
import ssl

from pkikit import Plant, issue
from centralkit import CENTRAL, Central
from messages import Error, connect_tls, der, transaction
from lib import (
    case,
    expect,
    expect_equal,
    expect_match,
    expect_rc,
    host,
    run_dir,
    wait_for,
)


def refused(central, cert, pattern, code=None, log=None):
    """The peer is told so with Error, the log says so, nothing was booked."""
    before = len(central.ledger())
    with connect_tls(central.port, cert) as peer:
        try:
            peer.send(transaction(os.urandom(16), b"not to be booked"))
        except OSError:
            pass
        word = peer.end()
    expect(isinstance(word, Error), f"no Error but {word!r}")
    expect_match(pattern, word.text, "Error")
    if code:
        expect_equal(word.code, code, "code")
    central.said(f"refused .*{log or pattern}")
    expect_equal(len(central.ledger()), before, "rows")


def accepted(central, cert, payload=b"pay 10"):
    with connect_tls(central.port, cert) as peer:
        reply = peer.book(payload)
    expect_equal(reply.status, 0)
    return reply


def administration(plant):
    with case("A22 init makes key, request and registry, and never over old ones"):
        central = Central(plant, "admin", register=False)
        mode = (central.dir / "central.key").stat().st_mode
        expect_equal(mode & 0o777, 0o600)
        expect_rc(central.run("init", "--name", "again"), 1, "central.key")
    with case("A22 only a signer of this manufacturer can be registered"):
        other = Plant("other")
        expect_rc(central.run("signer", "add", other.signer.pem), 1, "issuer")
        expect_rc(central.run("signer", "add", plant.module(9).pem), 1, "issuer")
        expect_rc(central.run("signer", "add", plant.root.pem), 1, "CA|path length")
        identity = plant.module(9, role="identity", signer=plant.root)
        expect_rc(central.run("signer", "add", identity.pem), 1, "CA")
    with case("A22 a signer whose fingerprint is another is not registered"):
        add = ["signer", "add", "--fingerprint"]
        expect_rc(central.run(*add, "00" * 32, plant.signer.pem), 1, "fingerprint")
        expect_rc(central.run(*add, plant.signer.fingerprint, plant.signer.pem))
        expect_rc(central.run("signer", "add", plant.signer.pem), 1, "already")
    with case("A23 disabling needs a reason; every change is in the audit log"):
        expect_rc(central.run("module", "add", "ab" * 16, "SN-77"))
        expect_rc(central.run("module", "disable", "SN-77"), 1, "reason")
        expect_rc(central.run("module", "disable", "SN-77", "--reason", "lost"))
        expect_rc(central.run("module", "show", "SN-77"), 0, "disabled")
        log = [(line["action"], line["detail"]) for line in central.audit()]
        expect(("module disable", "lost") in log, log)
        expect(("module add", "SN-77") in log, log)
    with case("the configuration check says what is wrong"):
        check = ["serve", "-n", "tcp:127.0.0.1:0"]
        expect_rc(central.run(*check), 0, "configuration OK")
        good = (central.dir / "central.pem").read_text()
        (central.dir / "central.pem").write_text(plant.module(9).chain.read_text())
        expect_rc(central.run(*check), 1, "role")
        wrong = issue("central", "central", plant.signer)
        (central.dir / "central.pem").write_text(wrong.chain.read_text())
        expect_rc(central.run(*check), 1, "certificate and its key")
        (central.dir / "central.pem").write_text(good)
        expect_rc(host([CENTRAL, "serve"], check=False), 2, "usage")
        expect_rc(central.run("module", "list", "--reason", "x"), 2, "usage")


def partners(plant, central):
    module = plant.module(1)
    with case("A22 a module that is not registered is refused"):
        refused(central, module, "not registered", 13)
    with case("A1 a registered module books a transaction"):
        expect_rc(central.run("module", "add", module.pem))
        reply = accepted(central, module)
        row = central.ledger()[-1]
        expect_equal(row["row"], reply.row)
        expect_equal(row["module"], f"{1:032x}")
        expect_equal(row["certificate"], module.fingerprint)
        expect_equal(bytes.fromhex(row["payload"]), b"pay 10")
        central.said(r"module SN-1 \(0+1\) connected from 127.0.0.1:\d+, epoch 1")
    with case("A28 a peer without a certificate is refused"):
        refused(central, None, "no certificate", 13)
    for role in ("identity", "unit-tls", "central"):
        with case(f"A28 a certificate of the role {role} is refused"):
            issuer = plant.root if role == "identity" else plant.signer
            refused(central, plant.module(1, role=role, signer=issuer),
                    "role|no signing certificate")
    with case("A28 an identity certificate by the signer itself is refused"):
        refused(central, plant.module(1, role="identity"), "role")
    with case("A28 a signer that acts as a module is refused"):
        refused(central, plant.signer, "signing certificate|role")
    with case("A23 a module of an unregistered signer is refused"):
        refused(central, plant.module(1, signer=plant.new_signer("PU 9")),
                "signer [0-9a-f]{16} is not registered")
    with case("A7 a module of another manufacturer is refused"):
        refused(central, Plant("other").module(1), "is not registered")
    with case("A7 a chain that only pretends to be of the registered signer is refused"):
        forged = Plant("other").module(1)
        forged.issuer = plant.signer  # sends the right signer with the wrong leaf
        refused(central, forged, "key identifier|another name|signature")
    with case("A23 an expired certificate is refused"):
        refused(central, plant.module(1, days=-1), "expired", 127)
    with case("A28 another serial number than the registered one is refused"):
        impostor = issue("x", "module", plant.signer, uid=f"{1:032x}", serial="SN-99")
        refused(central, impostor, "serial number")
    with case("A23 an older certificate is superseded by one of a newer epoch"):
        newer = plant.module(1, epoch=2)
        accepted(central, newer)
        refused(central, module, "superseded", 116)
        accepted(central, newer)
        expect_equal([m["epoch"] for m in central.modules()], [2])
    return newer


def revocation(plant, central, module):
    def switch(*words):
        expect_rc(central.run(*words))

    cases = [
        ("module", ["SN-1"], "module SN-1 is disabled: stolen"),
        ("signer", ["PU-1"], "signer .* is disabled: stolen"),
        ("certificate", [module.fingerprint], "certificate .* is disabled: stolen"),
    ]
    for what, name, pattern in cases:
        with case(f"A23 a disabled {what} is refused, and taken again once enabled"):
            switch(what, "disable", "--reason", "stolen", *name)
            refused(central, module, pattern, 13)
            switch(what, "enable", *name)
            accepted(central, module)
        with case(f"A23 a disabled {what} ends an open connection, nothing more is booked"):
            with connect_tls(central.port, module) as peer:
                peer.book(b"before")
                switch(what, "disable", "--reason", "stolen", *name)
                rows = len(central.ledger())
                try:
                    peer.send(transaction(os.urandom(16), b"after"))
                except OSError:
                    pass
                word = peer.end()
                expect(isinstance(word, Error), f"no Error but {word!r}")
                expect_match(pattern, word.text)
                expect_equal(len(central.ledger()), rows)
            switch(what, "enable", *name)
    with case("A23 an idle connection of a disabled module is ended without a message"):
        with connect_tls(central.port, module) as peer:
            peer.book(b"x")
            switch("module", "disable", "--reason", "lost", "SN-1")
            expect_match("lost", peer.end().text)
        switch("module", "enable", "SN-1")
    with case("A23 a certificate can be disabled before it is first seen"):
        unseen = plant.module(1, epoch=3)
        switch("certificate", "disable", "--reason", "leaked", unseen.pem)
        refused(central, unseen, "leaked")


def ledger(central, module):
    with case("a transaction id sent again gives the row of the first time"):
        ident = os.urandom(16)
        with connect_tls(central.port, module) as peer:
            first = peer.book(b"pay 20", ident)
            again = peer.book(b"pay 20", ident)
            expect_equal(again.row, first.row)
        with connect_tls(central.port, module) as peer:
            expect_equal(peer.book(b"pay 20", ident).row, first.row)
            conflict = peer.book(b"pay 99", ident)
            expect_equal(conflict.status, 1)
            expect_match("another payload", conflict.payload.decode())
            expect_equal(peer.book(b"goes on").status, 0)
        expect_equal(len([r for r in central.ledger() if r["id"] == ident.hex()]), 1)
    with case("many transactions at once are all booked and answered in order"):
        with connect_tls(central.port, module) as peer:
            idents = [os.urandom(16) for _ in range(200)]
            for ident in idents:
                peer.send(transaction(ident, b"batch"))
            replies = [peer.receive() for _ in idents]
        expect_equal([r.ident for r in replies], idents)
        booked = {row["id"]: row["row"] for row in central.ledger()}
        expect_equal([booked[i.hex()] for i in idents], [r.row for r in replies])
    with case("an empty and a largest payload are booked"):
        with connect_tls(central.port, module) as peer:
            for payload in (b"", bytes(range(256)) * 128):
                expect_equal(peer.book(payload).status, 0)
                expect_equal(central.ledger()[-1]["payload"], payload.hex())


def crash(central, module):
    with case("what was acknowledged survives SIGKILL, and a resent id is booked once"):
        for round_ in range(8):
            ident = os.urandom(16)
            acknowledged = []
            with connect_tls(central.port, module) as peer:
                for _ in range(round_):
                    acknowledged.append(peer.book(b"kept"))
                peer.send(transaction(ident, b"in the air"))
                if round_ % 2:
                    acknowledged.append(peer.receive())
                # the key process must end by itself: it holds the log's pipe
                os.kill(central.process.child.pid, signal.SIGKILL)
                central.process.wait()
            central.start()
            rows = {row["id"]: row["row"] for row in central.ledger()}
            for reply in acknowledged:
                expect_equal(rows.get(reply.ident.hex()), reply.row)
            with connect_tls(central.port, module) as peer:
                again = peer.book(b"in the air", ident)
            expect_equal(again.status, 0)
            expect_equal(rows.get(ident.hex(), again.row), again.row)
            found = [r for r in central.ledger() if r["id"] == ident.hex()]
            expect_equal(len(found), 1)
    with case("a new connection of a module replaces its old one"):
        with connect_tls(central.port, module) as old:
            old.book(b"x")
            with connect_tls(central.port, module) as new:
                new.book(b"y")
                expect_match("newer connection", old.end().text)
                expect_equal(new.book(b"z").status, 0)


def full_disk(central, module):
    with case("what cannot be written is not acknowledged, and booked once when it can"):
        ident = os.urandom(16)
        pid = central.process.child.pid
        with connect_tls(central.port, module) as peer:
            peer.book(b"fits")
            rows = len(central.ledger())
            unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, -1))
            peer.send(transaction(ident, b"does not fit"))
            word = peer.end()
            resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
        expect(isinstance(word, Error), f"no Error but {word!r}")
        expect_equal(word.code, 11)
        central.said("nothing booked: cannot commit")
        expect_equal(len(central.ledger()), rows)
        with connect_tls(central.port, module) as peer:
            expect_equal(peer.book(b"does not fit", ident).status, 0)
        expect_equal(len(central.ledger()), rows + 1)


def hostile(central, module):
    with case("TLS 1.2 is refused"):
        try:
            connect_tls(central.port, module, version=ssl.TLSVersion.TLSv1_2)
        except ssl.SSLError as error:
            expect_match("(?i)protocol version", str(error))
        else:
            expect(False, "connected")
        central.said("refused 127.0.0.1:.*TLS handshake failed: unsupported protocol")
    with case("garbage instead of TLS is refused"):
        with socket.create_connection(("127.0.0.1", central.port)) as sock:
            sock.settimeout(10)
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 4)
            try:
                while sock.recv(4096):
                    pass
            except ConnectionResetError:
                pass
        central.said("refused 127.0.0.1:.*TLS handshake failed: .*http request|wrong version")
    bad = [
        ("an oversized frame", (65537).to_bytes(4, "big"), "65537 bytes"),
        ("a frame of 4 GiB", b"\xff\xff\xff\xff", "4294967295 bytes"),
        ("an empty frame", bytes(4), "0 bytes"),
    ]
    messages = [
        ("an unknown message", der(0xBE, der(0x30, b"")), "message|tag|unknown"),
        ("a message for others", der(0xA5, der(0x30, b"\x01\x01\xff\x0c\x00")),
         "does not belong here"),
        ("a message that is not DER", b"\xb0\x80\x30\x80\x04\x01a\x00\x00\x00\x00", ""),
        ("bytes behind a message", transaction(os.urandom(16), b"") + b"x", ""),
        ("an id of 15 bytes", transaction(os.urandom(15), b"x"), ""),
        ("a payload of 32769 bytes", transaction(os.urandom(16), bytes(32769)), ""),
    ]
    bad += [(n, len(m).to_bytes(4, "big") + m, p) for n, m, p in messages]
    for name, data, pattern in bad:
        with case(f"{name} is refused with Error"):
            rows = len(central.ledger())
            with connect_tls(central.port, module) as peer:
                peer.send_raw(data)
                word = peer.end()
            expect(isinstance(word, Error), f"no Error but {word!r}")
            expect_match(pattern, word.text)
            expect_equal(word.code, 71)
            expect_equal(len(central.ledger()), rows)
    with case("the server goes on after all that"):
        accepted(central, module)


def limits(plant, module):
    with Central(plant, "limits") as central:
        central.start("--register", "auto", "--time-limit", "1", "--idle", "2",
                      "--max-connections", "3")
        with case("a client that never speaks is closed at the handshake's limit"):
            with socket.create_connection(("127.0.0.1", central.port)) as sock:
                sock.settimeout(10)
                expect_equal(sock.recv(1), b"")
            central.said("refused .*handshake took too long")
        with case("a slow client is closed at the message's limit"):
            with connect_tls(central.port, module) as peer:
                message = transaction(os.urandom(16), b"slow")
                frame = len(message).to_bytes(4, "big") + message

                def drip():
                    nonlocal frame
                    try:
                        peer.send_raw(frame[:1])
                    except OSError:
                        return True
                    frame = frame[1:] or b"x"
                    return False

                peer.sock.settimeout(0.2)
                word = None

                def ended():
                    nonlocal word
                    if drip():
                        return True
                    try:
                        peer.receive()
                    except TimeoutError:
                        return False
                    except (Error, EOFError, OSError) as reason:
                        word = reason
                        return True
                    return False

                # shorter than the frame takes at this speed
                wait_for(ended, 5, "the limit")
                expect(isinstance(word, Error), f"no Error but {word!r}")
                expect_match("too long", word.text)
                expect_equal(word.code, 110)
        with case("an idle connection is closed at its limit"):
            with connect_tls(central.port, module) as peer:
                peer.book(b"x")
                expect_match("no message for too long", peer.end().text)
        with case("no more than the allowed connections are served at a time"):
            with connect_tls(central.port, module) as first:
                first.book(b"x")
                fourth = plant.module(2)
                idle = [socket.create_connection(("127.0.0.1", central.port))
                        for _ in range(2)]
                central.said("3 connections: others wait")
                with socket.create_connection(("127.0.0.1", central.port)) as sock:
                    sock.sendall(b"GET / HTTP/1.1\r\n\r\n")  # refused at once, if read
                    sock.settimeout(0.3)
                    try:
                        expect(False, f"served: {sock.recv(1)}")
                    except TimeoutError:
                        pass
                with connect_tls(central.port, fourth) as waiting:  # for the limit
                    expect_equal(waiting.book(b"served at last").status, 0)
                for sock in idle:
                    sock.close()
        with case("A22 with --register auto a module of an enabled signer is registered"):
            expect_equal(sorted(m["serial"] for m in central.modules()), ["SN-1", "SN-2"])
            actions = [(a["actor"], a["action"]) for a in central.audit()]
            expect(("secmod-central serve", "module add") in actions, actions)
            refused(central, Plant("other").module(3), "not registered")


def sealed_only(plant, module):
    with Central(plant, "sealed") as central, \
            case("A11 where transactions come sealed, one in the clear ends the connection"):
        central.start("--register", "auto", "--sealed-only")
        refused(central, module, "come sealed here")
        expect_equal(central.ledger(), [])


def flood(plant, module):
    """Send without reading until the server stops reading, too."""
    message = transaction(os.urandom(16), b"again and again")
    frames = (len(message).to_bytes(4, "big") + message) * 100
    path = run_dir() / "flood.sock"  # whose buffers are small
    with Central(plant, "flood") as central, \
            case("a peer that reads nothing does not fill the memory"):
        central.start("--register", "auto", "--time-limit", "60", endpoint=f"unix:{path}")
        with connect_tls(path, module) as peer:
            peer.sock.settimeout(2)
            sent = 0
            try:
                while sent < 4_000_000:
                    sent += peer.sock.send(frames)
            except TimeoutError:
                pass
        expect(sent < 4_000_000, "it reads without end")


def main():
    plant = Plant()
    administration(plant)
    with Central(plant) as central:
        central.start()
        module = partners(plant, central)
        revocation(plant, central, module)
        ledger(central, module)
        full_disk(central, module)
        hostile(central, module)
        crash(central, module)
        with case("it ends with status 0 on SIGTERM"):
            expect_equal(central.stop(), 0)
    limits(plant, module)
    sealed_only(plant, module)
    flood(plant, module)


if __name__ == "__main__":
    main()
