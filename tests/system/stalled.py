#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Servers that serve one peer after the other: one that stalls has its time, then the next."""

import select
import socket
import ssl
import threading
import time

from lib import Manufacturer, Process, Tpm, Unit, case, expect, host, run_dir
from lib.kms import Kms

LIMIT = 30  # seconds, of a server that waits for a peer
SLACK = 60  # for a busy machine


def address(endpoint):
    name, port = endpoint.removeprefix("tcp:").rsplit(":", 1)
    return name, int(port)


def certificate(name):
    """A self-signed one and its key, in one file."""
    path = run_dir() / f"{name}.pem"
    host(f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name}"
         f" -days 2 -keyout {path}.key -out {path}")
    return path


class Stalled:
    """A peer that connects and goes no further; .over when the server has closed."""

    def __init__(self, endpoint):
        self.begun = time.monotonic()
        self.sock = socket.create_connection(address(endpoint))
        self.lasted = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.closed(LIMIT + SLACK):
            pass
        self.lasted = time.monotonic() - self.begun

    def closed(self, seconds):
        """Waits for what the server does."""
        if not select.select([self.sock], [], [], seconds)[0]:
            return True  # too late: .lasted tells
        try:
            return not self.sock.recv(4096)
        except ConnectionError:
            return True


class Trickling(Stalled):
    """It sends a ClientHello, a byte a second: never a whole one within an hour."""

    def run(self):
        hello = b"\x16\x03\x01\x0e\x00\x01\x00\x0d\xfc\x03\x03" + bytes(3600)
        for byte in hello:
            try:
                self.sock.sendall(bytes([byte]))
            except ConnectionError:
                break
            if select.select([self.sock], [], [], 1)[0] and self.closed(0):
                break
        self.lasted = time.monotonic() - self.begun


class Greeting(Stalled):
    """A client that may ask: TLS is up, but it does not."""

    def __init__(self, endpoint, certificate_file):
        self.file = certificate_file
        super().__init__(endpoint)

    def run(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(self.file, f"{self.file}.key")
        try:
            self.sock = context.wrap_socket(self.sock)
            super().run()
        except (ssl.SSLError, ConnectionError):
            self.lasted = time.monotonic() - self.begun


def served(endpoint):
    """Is there a TLS server, within the time a client waits?"""
    name, port = address(endpoint)
    result = host(f"timeout {LIMIT + SLACK} openssl s_client -brief -connect {name}:{port}"
                  " </dev/null", check=False)
    return "CONNECTION ESTABLISHED" in result.out + result.err


def main():
    tpm = Tpm()
    manufacturer = Manufacturer(ek_ca=tpm.ek_ca)
    unit = Unit(manufacturer, in_tpm=False)
    manufacturer.serve()
    unit.serve()
    kms, client = Kms(), certificate("client")
    server: Process = kms.serve(client)
    # all at a time; each keeps its server busy from now on
    stalled = (
        ("secmod-manufacturer", "that says nothing", manufacturer.endpoint,
         Stalled(manufacturer.endpoint)),
        ("secmod-pu", "that says a byte a second", unit.endpoint, Trickling(unit.endpoint)),
        ("secmod-kms", "that may ask and does not", server.endpoint,
         Greeting(server.endpoint, client)),
    )
    for program, how, endpoint, peer in stalled:
        with case(f"{program}: a peer {how} does not keep the others waiting"):
            expect(served(endpoint), "nobody else is served")
            peer.thread.join(LIMIT + SLACK)
            expect(peer.lasted is not None and LIMIT - 1 < peer.lasted < LIMIT + SLACK, peer.lasted)
    server.terminate()
    for party in (unit, manufacturer):
        party.stop()


if __name__ == "__main__":
    main()
