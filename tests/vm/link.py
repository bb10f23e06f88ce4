#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The link between module and personalization unit, in the hands of an attacker."""

import socket
import threading

from lib import (
    VM,
    Module,
    Process,
    Tpm,
    case,
    expect,
    expect_equal,
    expect_match,
    expect_rc,
    host,
    serving,
)


class Relay:
    """Passes bytes on between the guest and a server of the host; sees all of them."""

    def __init__(self, port):
        self.port = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp:10.0.2.2:{self.listener.getsockname()[1]}"
        self.seen = b""
        self.records = 0  # TLS records after the handshake's first two
        self.flip = None  # (direction, number of the record)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.port))
            self.counts = {"up": 0, "down": 0}
            for source, sink, way in ((client, server, "up"), (server, client, "down")):
                pump = threading.Thread(target=self._pump, args=(source, sink, way))
                pump.daemon = True
                pump.start()

    def _pump(self, source, sink, way):
        stream = source.makefile("rb")
        try:
            while len(head := stream.read(5)) == 5:
                body = stream.read(int.from_bytes(head[3:], "big"))
                self.seen += head + body
                self.counts[way] += 1
                if self.flip == (way, self.counts[way]):
                    body = body[:-1] + bytes([body[-1] ^ 1])
                sink.sendall(head + body)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def listened(module, unit, relay):
    with case("A3 who listens on the link learns neither the parties nor the salt"):
        expect_rc(module.secmod("personalize", relay.endpoint), 0, "operating")
        issued = [entry for entry in unit.log() if entry["event"] == "issued"][-1]
        secrets = [bytes.fromhex(issued[n]) for n in ("salt", "moduleNonce", "unitNonce")]
        secrets += [issued["serial"].encode(), issued["uid"].encode(), bytes.fromhex(issued["uid"])]
        for secret in secrets:
            expect(secret not in relay.seen, "found on the link")
        expect(len(relay.seen) > 4000, "the relay has seen nothing")
    records = dict(relay.counts)
    module.secmod("reset", "--yes")
    return records


def tampered(module, relay, records):
    """One bit in each record of each direction; the last ones are the goodbye."""
    for way, count in records.items():
        for number in range(1, count + 1):
            with case(f"A3 a changed bit in record {number} {way} is noticed"):
                relay.flip = (way, number)
                result = module.secmod("personalize", relay.endpoint, check=False)
                relay.flip = None
                if result.rc == 0:
                    # after the module's last word only the goodbye is left
                    expect_equal(module.state, "operating")
                    expect(number >= count - 1, "a record that matters was changed")
                    module.secmod("reset", "--yes")
                else:
                    expect_equal(module.state, "personalization")


def impostors(module, unit):
    with case("A3 a unit without a certificate of a unit is refused by the module"):
        host(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
              "-nodes", "-keyout", str(unit.dir / "self.key"), "-out", str(unit.dir / "self.pem"),
              "-subj", "/CN=pu"])
        server = Process(["openssl", "s_server", "-accept", "127.0.0.1:0", "-tls1_3", "-cert",
                          str(unit.dir / "self.pem"), "-key", str(unit.dir / "self.key"), "-www"])
        server.wait_for(r"ACCEPT 127.0.0.1:(\d+)")
        port = expect_match(r"ACCEPT 127.0.0.1:(\d+)", server.out)[1]
        result = module.secmod("personalize", f"tcp:10.0.2.2:{port}", check=False)
        expect_rc(result, 1, "certificate|no personalization unit")
        server.kill()
    with case("A3 a client without a module's identity is refused by the unit"):
        port = unit.endpoint.rpartition(":")[2]
        host(f"openssl s_client -connect 127.0.0.1:{port} -tls1_3 </dev/null", check=False)
        unit.server.wait_for("certificate")
    expect_equal(module.state, "personalization")


tpm = Tpm()
manufacturer, unit = serving(tpm)
relay = Relay(int(unit.endpoint.rpartition(":")[2]))
with VM(tpm=tpm) as vm:
    vm.load_module()
    module = Module(vm)
    module.init(manufacturer)
    tampered(module, relay, listened(module, unit, relay))
    impostors(module, unit)
