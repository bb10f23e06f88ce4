#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""What secmod(1) does without a module: usage, references, offline checks, transact."""

import json
import os
import socket
import threading

from lib import BIN, case, expect, expect_equal, expect_match, expect_rc, host, run_dir
from messages import der, elements, parse

SECMOD = BIN / "secmod"
COMMANDS = (
    "status init attach detach personalize reset verify-proof attest verify-attest "
    "certs keyref transact"
).split()


def secmod(*words, stdin=None):
    argv = [str(word) for word in (SECMOD, *words)]
    return host(argv, check=False, stdin=stdin)


def usage():
    with case("cli: --help lists every command and succeeds"):
        result = secmod("--help")
        expect_rc(result, 0)
        for command in COMMANDS:
            expect_match(rf"\n  {command} ", result.out)
    with case("cli: --help after a command tells how it is used"):
        for words in (("init",), ("status",), ("gp", "list")):
            for option in ("--help", "-h"):
                result = secmod(*words, option)
                expect_rc(result, 0, rf"^usage: secmod {' '.join(words)}")
                expect("there is no" not in result.err, result)
    wrong = [
        (),
        ("stauts",),
        ("status", "--colour"),
        ("status", "now"),
        ("init",),
        ("init", "tcp:127.0.0.1:1"),
        ("init", "tcp:127.0.0.1:1", "--root", "r", "--serial", "S" * 33),
        ("init", "tcp:127.0.0.1:1", "--root", "r", "--serial", "a/b"),
        ("personalize",),
        ("personalize", "tcp:127.0.0.1:1", "--timeout", "soon"),
        ("reset", "--fresh-vault", "v"),
        ("reset", "--nonce", "12"),
        ("attest", "--nonce", "X" * 64),
        ("verify-proof", "file"),
        ("keyref", "master"),
        ("transact", "x", "--id", "00"),
    ]
    for words in wrong:
        with case(f"cli: '{' '.join(words)}' is a wrong command line"):
            result = secmod(*words)
            expect_rc(result, 2)
            expect_match("usage: secmod", result.err)
            expect_equal(result.out, "")
    for words, says in (
        (("status", "--colour"), "secmod: there is no option '--colour'\n"),
        (("status", "-x"), "secmod: there is no option '-x'\n"),
        (("status", "--json=1"), "secmod: '--json=1': there is no value to give\n"),
        (("init", "--root"), "secmod: --root needs a value\n"),
    ):
        with case(f"cli: '{' '.join(words)}' is told as the daemons tell it"):
            expect(secmod(*words).err.startswith(says), secmod(*words).err)
    with case("cli: an error names the object, the cause and the way out"):
        result = secmod("status", "--device", "/nonexistent/secmod0")
        expect_rc(result, 1)
        expect_match(
            r"^secmod: cannot open '/nonexistent/secmod0': No such file or directory: "
            "load the driver",
            result.err,
        )
    with case("cli: what is no module is told from one"):
        expect_match("'/dev/null' is not a security module",
                     secmod("status", "--device", "/dev/null").err)
    with case("cli: options may stand before the command"):
        result = secmod("--device", "/nonexistent/x", "--json", "status")
        expect_match("'/nonexistent/x'", result.err)


def references():
    with case("cli: keyref prints a reference, with the device if it is not the first"):
        for words, uri in (
            (("keyref", "module"), "secmod:module"),
            (("keyref", "identity", "--device", "/dev/secmod3"),
             "secmod:identity?device=/dev/secmod3"),
        ):
            parsed = host(["openssl", "asn1parse"], stdin=secmod(*words).out)
            expect_match(rf"UTF8STRING +:{uri.replace('?', '[?]')}\n", parsed.out)
    with case("cli: what is no proof or attestation is refused"):
        root = run_dir() / "root.pem"
        host(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
              "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=root",
              "-keyout", run_dir() / "k", "-out", root])
        for command in ("verify-proof", "verify-attest"):
            for text in ("", "x", "0\x80", "{}", '{"version": 1}'):
                (run_dir() / "bad").write_text(text)
                result = secmod(command, run_dir() / "bad", "--root", root)
                expect_rc(result, 1)
                expect_match("bad'", result.err)


class Agent:
    """One connection; answers a transaction with what answer() makes of it."""

    def __init__(self, name, answer):
        self.path = run_dir() / name
        self.answer, self.got = answer, None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        sock, _ = self.listener.accept()
        with sock:
            stream = sock.makefile("rb")
            message = stream.read(int.from_bytes(stream.read(4), "big"))
            tag, content, rest = parse(message)
            assert tag == 0xB0 and not rest
            self.got = [value for _, value in elements(parse(content)[1])]
            answer = self.answer(*self.got)
            if answer is not None:
                sock.sendall(answer)
        self.listener.close()

    def end(self):
        self.thread.join()


def reply(ident, status=0, row=7, payload=b""):
    body = b"".join([
        der(0x04, ident),
        der(0x02, bytes([status])),
        der(0x02, bytes([row])),
        der(0x04, payload),
    ])
    message = der(0xB1, der(0x30, body))
    return len(message).to_bytes(4, "big") + message


def error(text):
    message = der(0xA0, der(0x30, der(0x02, b"\x05") + der(0x0C, text)))
    return len(message).to_bytes(4, "big") + message


def transact():
    count = iter(range(100))

    def run(answer, *words, stdin=None):
        agent = Agent(f"agent{next(count)}", answer)
        result = secmod("transact", *words, "--socket", agent.path, stdin=stdin)
        agent.end()
        return agent, result

    with case("cli: a transaction is booked, and the row printed"):
        agent, result = run(lambda ident, _: reply(ident), "pay 10")
        expect_rc(result, 0, "booked, row 7")
        expect_equal(agent.got[1], b"pay 10")
        expect_equal(len(agent.got[0]), 16)
    with case("cli: each transaction has an id of its own, or the given one"):
        other, _ = run(lambda ident, _: reply(ident), "pay 10")
        expect(other.got[0] != agent.got[0])
        ident = os.urandom(16)
        agent, result = run(lambda i, _: reply(i), "x", "--id", ident.hex(), "--json")
        expect_equal(agent.got[0], ident)
        expect_equal(
            json.loads(result.out),
            {"id": ident.hex(), "status": 0, "text": "booked", "row": 7, "payload": ""},
        )
    with case("cli: a message comes from standard input, up to 32768 bytes"):
        agent, result = run(lambda i, _: reply(i), "-", stdin="y" * 32768)
        expect_rc(result, 0)
        expect_equal(len(agent.got[1]), 32768)
        expect_rc(secmod("transact", "-", stdin="y" * 32769), 2)
    bad = [
        ("a conflict", lambda i, _: reply(i, 1, 0, b"used"), "used before.*: used"),
        ("an unanswered transaction", lambda i, _: reply(i, 2, 0), "with the same id"),
        ("an unknown status", lambda i, _: reply(i, 99, 0), "refused"),
        ("an Error", lambda i, _: error(b"too long"), "the agent refuses: too long"),
        ("the reply to another", lambda i, _: reply(bytes(16)), "something else"),
        ("an oversized frame", lambda i, _: b"\x00\x02\x00\x00", "Protocol error"),
        ("a malformed message", lambda i, _: b"\0\0\0\2\x30\0", "secmod: "),
        ("a closed connection", lambda i, _: b"\0\0", "reset by peer"),
        ("no answer at all", lambda i, _: None, "reset by peer"),
    ]
    for what, answer, text in bad:
        with case(f"cli: {what} is a failure"):
            _, result = run(answer, "x")
            expect_rc(result, 1)
            expect_match(text, result.err)
    with case("cli: a silent agent is not waited for longer than told"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(run_dir() / "silent"))
        listener.listen()
        result = secmod("transact", "x", "--socket", run_dir() / "silent", "--timeout", 1)
        expect_rc(result, 1)
        expect_match("timed out", result.err)
        listener.close()


usage()
references()
transact()
