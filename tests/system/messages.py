# SPDX-License-Identifier: MIT
"""The messages of docs/protocol/secmod.asn1 and a module's or application's end
of a connection, written from the schema and not from the programs under test."""

import os
import socket
import ssl


def der(tag, content):
    """One DER element."""
    size = len(content)
    if size < 0x80:
        length = bytes([size])
    else:
        body = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes([0x80 | len(body)]) + body
    return bytes([tag]) + length + content


def parse(data):
    """(tag, content, rest) of the first DER element."""
    tag, size, at = data[0], data[1], 2
    if size >= 0x80:
        count = size & 0x7F
        size = int.from_bytes(data[2 : 2 + count], "big")
        at += count
    return tag, data[at : at + size], data[at + size :]


def elements(data):
    found = []
    while data:
        tag, content, data = parse(data)
        found.append((tag, content))
    return found


def transaction(ident, payload):
    return der(0xB0, der(0x30, der(0x04, ident) + der(0x04, payload)))


class Error(Exception):
    """The peer sent Error."""

    def __init__(self, code, text):
        super().__init__(f"Error {code}: {text}")
        self.code, self.text = code, text


class Reply:
    """A TransactionReply."""

    def __init__(self, ident, status, row, payload):
        self.ident, self.status, self.row, self.payload = ident, status, row, payload

    def __repr__(self):
        return f"Reply({self.ident.hex()}, {self.status}, {self.row}, {self.payload})"


def relay_response(conversation, response, status=0):
    number = conversation.to_bytes(5, "big").lstrip(b"\0") or b"\0"
    if number[0] & 0x80:
        number = b"\0" + number
    return der(0xB4, der(0x30, der(0x02, number) + der(0x02, bytes([status]))
                         + der(0x04, response)))


class Asked:
    """RelayOpen, RelayCommand (with .command) or RelayClose."""

    NAMES = {0xB2: "open", 0xB3: "command", 0xB5: "close"}

    def __init__(self, tag, fields):
        self.what = self.NAMES[tag]
        self.conversation = int.from_bytes(fields[0], "big")
        self.command = fields[1] if self.what == "command" else None


def decode(message):
    """A Reply or what was Asked, or raises Error."""
    tag, content, rest = parse(message)
    assert not rest, "bytes behind the message"
    fields = [value for _, value in elements(parse(content)[1])]
    if tag == 0xA0:
        raise Error(int.from_bytes(fields[0], "big"), fields[1].decode())
    if tag in Asked.NAMES:
        return Asked(tag, fields)
    assert tag == 0xB1, f"tag {tag:#x}"
    return Reply(fields[0], int.from_bytes(fields[1], "big"),
                 int.from_bytes(fields[2], "big"), fields[3])


class Peer:
    """Framed messages on a socket."""

    def __init__(self, sock, timeout=20):
        self.sock = sock
        sock.settimeout(timeout)

    def send_raw(self, data):
        self.sock.sendall(data)

    def send(self, message):
        self.send_raw(len(message).to_bytes(4, "big") + message)

    def _read(self, size):
        data = b""
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                raise EOFError("closed by the peer")
            data += part
        return data

    def receive(self):
        return decode(self._read(int.from_bytes(self._read(4), "big")))

    def book(self, payload, ident=None):
        """Send a transaction, return its reply."""
        ident = ident or os.urandom(16)
        self.send(transaction(ident, payload))
        reply = self.receive()
        assert reply.ident == ident, f"{reply} answers another id"
        return reply

    def end(self):
        """What the peer's last word is: Error, or how the connection ends."""
        try:
            while True:
                self.receive()
        except (Error, EOFError, OSError) as word:
            return word

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def tls_context(cert=None, version=ssl.TLSVersion.TLSv1_3):
    """A client that takes any server: what is tested is the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    if cert:
        context.load_cert_chain(cert.chain, cert.key)
    return context


def connect_tls(where, cert=None, **how):
    """To a TCP port of the loopback interface, or to the path of a Unix socket."""
    if isinstance(where, int):
        sock = socket.create_connection(("127.0.0.1", where), timeout=20)
    else:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(where))
    try:
        return Peer(tls_context(cert, **how).wrap_socket(sock))
    except Exception:
        sock.close()
        raise


def connect_unix(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    return Peer(sock)
