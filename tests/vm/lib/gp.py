# SPDX-License-Identifier: MIT
"""The host's side of the security executive's channels, not the project's own.

SCP03 (GlobalPlatform Amendment D 1.1.2) and SCP11a (Amendment F 1.3) on libcrypto's
primitives, as its openssl command and its old interface offer them.
"""

import ctypes
import ctypes.util
import hashlib
import os
import subprocess

from .paths import BIN, run_dir
from .tap import expect_equal

ISSUER = bytes.fromhex("A000000151000000")
_crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
_crypto.CMAC_CTX_new.restype = ctypes.c_void_p
for _bits in (128, 192, 256):
    getattr(_crypto, f"EVP_aes_{_bits}_cbc").restype = ctypes.c_void_p
# SubjectPublicKeyInfo of a point of P-256
_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
ZEROS = bytes(16)


def cmac(key, *parts):
    context = ctypes.c_void_p(_crypto.CMAC_CTX_new())
    cipher = ctypes.c_void_p(getattr(_crypto, f"EVP_aes_{8 * len(key)}_cbc")())
    data = b"".join(parts)
    out, size = ctypes.create_string_buffer(16), ctypes.c_size_t(16)
    _crypto.CMAC_Init(context, key, ctypes.c_size_t(len(key)), cipher, None)
    _crypto.CMAC_Update(context, data, ctypes.c_size_t(len(data)))
    _crypto.CMAC_Final(context, out, ctypes.byref(size))
    _crypto.CMAC_CTX_free(context)
    return out.raw


def cbc(key, iv, data, encrypt=True):
    schedule = ctypes.create_string_buffer(512)
    name = "AES_set_encrypt_key" if encrypt else "AES_set_decrypt_key"
    getattr(_crypto, name)(key, 8 * len(key), schedule)
    out = ctypes.create_string_buffer(len(data))
    vector = ctypes.create_string_buffer(iv, 16)
    size = ctypes.c_size_t(len(data))
    _crypto.AES_cbc_encrypt(data, out, size, schedule, vector, int(encrypt))
    return out.raw


def kcv(key):
    return cbc(key, ZEROS, b"\1" * 16)[:3]


def pad(data):
    return data + b"\x80" + bytes(-(len(data) + 1) % 16)


def unpad(data):
    data = data.rstrip(b"\0")
    assert data[-1] == 0x80
    return data[:-1]


def tlv(tag, value):
    size = len(value)
    head = bytes([size]) if size < 0x80 else b"\x82" + size.to_bytes(2, "big")
    return bytes.fromhex(tag) + head + value


def untlv(data):
    """{tag: value} of tags of one byte and lengths of up to two."""
    found = {}
    while data:
        tag, size, at = data[0], data[1], 2
        if size & 0x80:
            at += size & 0x7F
            size = int.from_bytes(data[2:at], "big")
        found[tag], data = data[at : at + size], data[at + size :]
    return found


def derive(key, constant, context, size):
    """Amendment D, 4.1.5"""
    fixed = bytes(11) + bytes([constant, 0]) + (8 * size).to_bytes(2, "big")
    blocks = (cmac(key, fixed, bytes([n]), context) for n in (1, 2))
    return b"".join(blocks)[:size]


class Keyset:
    """ENC, MAC and DEK."""

    def __init__(self, kvn, size=16, keys=None):
        self.kvn = kvn
        self.keys = keys or [os.urandom(size) for _ in range(3)]
        self.enc, self.mac, self.dek = self.keys

    @property
    def kcvs(self):
        return b"".join(map(kcv, self.keys))

    @property
    def text(self):
        """A file for `secmod gp`."""
        return (f"# of a test\nkvn {self.kvn:02X}\nENC {self.enc.hex().upper()}\n"
                f"mac {self.mac.hex()}\ndek\t{self.dek.hex()} # the last\n")


class Refused(Exception):
    """A status word that is not 9000."""

    def __init__(self, sw):
        super().__init__(f"{sw:04x}")
        self.sw = sw


class Talk:
    """One open file of the module, and the channel in it."""

    def __init__(self, vm, module="/dev/secmod0"):
        self.relay = vm.start([BIN / "secmod", "gp", "apdu", "-q", "--device", module, "-"])
        self.seen = 0
        self.level = 0

    def close(self):
        self.relay.close_input()
        self.relay.wait()

    def raw(self, command):
        """Response and status word of an APDU, in clear."""
        self.relay.write(command.hex() + "\n")
        self.relay.wait_for(rf"(?s)^.{{{self.seen}}}\w+\n")
        answer = self.relay.out[self.seen :].strip()
        self.seen = len(self.relay.out)
        return bytes.fromhex(answer[:-4]), int(answer[-4:], 16)

    def ask(self, head, data=b"", expected=True, piece=0x10000):
        """Response data; raises Refused. Extended length, inside the channel there is.

        It comes in self.pieces of as many bytes as @piece."""
        head = bytearray.fromhex(head)
        most = (piece & 0xFFFF).to_bytes(2, "big")
        if self.level:
            head[0] |= 4
            data = self.wrap(bytes(head), data)
        length = b"\0" + len(data).to_bytes(2, "big") if data else b"\0"
        answer, sw = self.raw(bytes(head) + length + data + (most if expected else b""))
        self.pieces = 1
        while sw >> 8 == 0x61:
            more, sw = self.raw(bytes.fromhex("00C0000000") + most)
            answer, self.pieces = answer + more, self.pieces + 1
        if self.level & 0x10 and sw == 0x9000:
            answer = self._unwrap(answer, sw)
        if sw != 0x9000:
            raise Refused(sw)
        return answer

    def sw(self, head, data=b"", expected=True):
        """Just the status word."""
        try:
            self.ask(head, data, expected)
        except Refused as refused:
            return refused.sw
        return 0x9000

    def _vector(self, first):
        return cbc(self.enc, ZEROS, bytes([first]) + self.counter.to_bytes(15, "big"))

    def wrap(self, head, data):
        """The data of a command with its protection."""
        if self.level & 0x02:
            self.counter += 1
            if data:
                data = cbc(self.enc, self._vector(0), pad(data))
        size = b"\0" + (len(data) + self.mac_size).to_bytes(2, "big")
        self.chain = cmac(self.mac, self.chain, head, size, data)
        return data + self.chain[: self.mac_size]

    def _unwrap(self, answer, sw):
        data, mac = answer[: -self.mac_size], answer[-self.mac_size :]
        good = cmac(self.rmac, self.chain, data, sw.to_bytes(2, "big"))
        expect_equal(mac, good[: self.mac_size])
        if self.level & 0x20 and data:
            data = unpad(cbc(self.enc, self._vector(0x80), data, encrypt=False))
        return data

    def select(self, aid=ISSUER):
        self.level = 0
        return self.ask("00A40400", aid)

    def initialize(self, keyset, size=8, kvn=None):
        """INITIALIZE UPDATE; checks the card's cryptogram."""
        self.level = 0
        self.host = os.urandom(size)
        self.mac_size, self.chain, self.counter = size, ZEROS, 0
        answer = self.ask(f"8050{keyset.kvn if kvn is None else kvn:02x}00", self.host)
        self.info, answer = answer[10:13], answer[13:]
        self.card, cryptogram = answer[:size], answer[size : 2 * size]
        self.sequence = answer[2 * size :]
        context = self.host + self.card
        length = len(keyset.enc)
        self.enc = derive(keyset.enc, 4, context, length)
        self.mac = derive(keyset.mac, 6, context, length)
        self.rmac = derive(keyset.mac, 7, context, length)
        self.dek = keyset.dek
        self.host_cryptogram = derive(self.mac, 1, context, size)
        return cryptogram == derive(self.mac, 0, context, size)

    def authenticate(self, level=0x33, cryptogram=None):
        """EXTERNAL AUTHENTICATE; returns the status word."""
        head = bytes([0x84, 0x82, level, 0])
        data = self.host_cryptogram if cryptogram is None else cryptogram
        size = bytes([len(data) + self.mac_size])
        self.chain = cmac(self.mac, self.chain, head, size, data)
        _, sw = self.raw(head + size + data + self.chain[: self.mac_size])
        if sw == 0x9000:
            self.level = level
        return sw

    def open(self, keyset, level=0x33, size=8):
        """A channel with a keyset."""
        self.select()
        assert self.initialize(keyset, size)
        sw = self.authenticate(level)
        if sw != 0x9000:
            raise Refused(sw)

    def certificate(self, central, head="802A0000"):
        """PERFORM SECURITY OPERATION with the central system's certificate."""
        self.level = 0
        self.ask(head, certificate_of(central / "central.pem"), expected=False)

    def agree(self, central, usage=0x3C, size=32):
        """MUTUAL AUTHENTICATE; whether the receipt is right."""
        module = self.module_point()
        control = bytes.fromhex(f"900211019501{usage:02x}8001888101{size:02x}")
        own, point = _fresh_key()
        request = tlv("A6", control) + tlv("5F49", point)
        answer = self.ask("80820000", request)
        expect_equal((answer[:3], answer[68:70]), (b"\x5f\x49\x41", b"\x86\x10"))
        secret = _agree(own, answer[3:68]) + _agree(central / "central.key", module)
        info = bytes([usage, 0x88, size])
        blocks = (
            hashlib.sha256(secret + n.to_bytes(4, "big") + info).digest() for n in range(1, 6)
        )
        material = b"".join(blocks)
        keys = [material[n * size : (n + 1) * size] for n in range(5)]
        receipt = cmac(keys[0], request, answer[:68])
        _, self.enc, self.mac, self.rmac, self.dek = keys
        self.mac_size, self.chain, self.counter = 8, receipt, 0
        self.level = 0x33 if usage == 0x3C else 0x11
        return answer[70:] == receipt

    def open_central(self, central, usage=0x3C, size=32):
        """A channel with the central system's key; @central: its directory."""
        self.select()
        self.certificate(central)
        assert self.agree(central, usage, size)

    def module_point(self):
        """Of the module key, uncompressed, as its certificate has it."""
        return _point_of(self._module_certificate())

    def _module_certificate(self):
        data = self.ask("80CABF21")[2:]
        data = data[1 + (data[0] & 0x7F) :] if data[0] & 0x80 else data[1:]
        signer = 4 + int.from_bytes(data[2:4], "big")
        return data[signer:]

    def put_keys(self, keyset, old=0, check_values=None, first=0):
        """PUT KEY, chained if @first tells how much of it the first part has; the response."""
        data = bytes([keyset.kvn])
        for n, key in enumerate(keyset.keys):
            wrapped = cbc(self.dek, ZEROS, key + bytes(-len(key) % 16))
            check = kcv(key) if check_values is None else check_values[n]
            data += bytes([0x88, 1 + len(wrapped), len(key)]) + wrapped + b"\3" + check
        if first:
            self.ask(f"90D8{old:02x}81", data[:first])
        return self.ask(f"80D8{old:02x}81", data[first:])


def certificate_of(path):
    """The first of a PEM file, in DER."""
    argv = ["openssl", "x509", "-in", path, "-outform", "DER"]
    return subprocess.run(argv, check=True, capture_output=True).stdout


def _fresh_key():
    path = run_dir() / "ephemeral.pem"
    argv = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    subprocess.run([*argv, "-out", path], check=True, capture_output=True)
    argv = ["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"]
    return path, subprocess.run(argv, check=True, capture_output=True).stdout[-65:]


def _point_of(certificate):
    argv = ["openssl", "x509", "-inform", "DER", "-pubkey", "-noout"]
    pem = subprocess.run(argv, input=certificate, check=True, capture_output=True).stdout
    argv = ["openssl", "pkey", "-pubin", "-outform", "DER"]
    return subprocess.run(argv, input=pem, check=True, capture_output=True).stdout[-65:]


def _agree(key, point):
    peer = run_dir() / "peer.der"
    peer.write_bytes(_SPKI + point)
    argv = ["openssl", "pkeyutl", "-derive", "-inkey", key, "-peerkey", peer, "-peerform", "DER"]
    return subprocess.run(argv, check=True, capture_output=True).stdout
