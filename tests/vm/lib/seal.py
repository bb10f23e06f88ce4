# SPDX-License-Identifier: MIT
"""Transaction keys as the central system has them, and sealed messages by libcrypto."""

import ctypes
import os

from .gp import _crypto, cbc, kcv, tlv, ZEROS
from .paths import BUILD
from .tap import expect_equal

SEALS, OPENS = 1, 2  # directions, as the module has them
FROM_MODULE, FROM_CENTRAL = 0, 1
_SET_IV_LEN, _GET_TAG, _SET_TAG = 9, 16, 17  # EVP_CTRL_AEAD_*

for _name in ("EVP_aes_256_gcm", "EVP_CIPHER_CTX_new"):
    getattr(_crypto, _name).restype = ctypes.c_void_p


def _gcm(key, nonce, aad, data, tag=None):
    """Ciphertext and tag, or with a tag the text, or None."""
    context = ctypes.c_void_p(_crypto.EVP_CIPHER_CTX_new())
    cipher = ctypes.c_void_p(_crypto.EVP_aes_256_gcm())
    encrypt = int(tag is None)
    out, size = ctypes.create_string_buffer(len(data) + 16), ctypes.c_int()
    _crypto.EVP_CipherInit_ex(context, cipher, None, key, nonce, encrypt)
    if aad:
        _crypto.EVP_CipherUpdate(context, None, ctypes.byref(size), aad, len(aad))
    if data:
        _crypto.EVP_CipherUpdate(context, out, ctypes.byref(size), data, len(data))
    if tag is not None:
        _crypto.EVP_CIPHER_CTX_ctrl(context, _SET_TAG, 16, tag)
    rest = ctypes.create_string_buffer(16)
    good = _crypto.EVP_CipherFinal_ex(context, rest, ctypes.byref(size))
    made = ctypes.create_string_buffer(16)
    if tag is None:
        _crypto.EVP_CIPHER_CTX_ctrl(context, _GET_TAG, 16, made)
    _crypto.EVP_CIPHER_CTX_free(context)
    text = out.raw[: len(data)]
    if tag is None:
        return text + made.raw
    return text if good else None


class TransactionKey:
    """A key of the central system for one module."""

    _ids = 0

    def __init__(self, kvn, directions=SEALS | OPENS, lifetime=600, messages=100000, **other):
        TransactionKey._ids += 1
        self.kvn, self.directions = kvn, directions
        self.lifetime, self.messages = lifetime, messages
        self.id = other.get("id", 0xA0000000 + TransactionKey._ids)
        self.key = other.get("key") or os.urandom(32)
        self.algorithm = other.get("algorithm", 1)
        self.sealed = 0

    def coded(self, dek):
        """The key data field and what stands behind it."""
        data = bytes([self.kvn, 0x88, 1 + len(self.key), len(self.key)])
        data += cbc(dek, ZEROS, self.key) + b"\3" + kcv(self.key)
        limits = tlv("80", bytes([self.algorithm])) + tlv("81", bytes([self.directions]))
        limits += tlv("82", self.lifetime.to_bytes(4, "big"))
        limits += tlv("83", self.messages.to_bytes(8, "big"))
        limits += tlv("84", self.id.to_bytes(4, "big"))
        return data + tlv("A5", limits)

    def put(self, talk, old=0):
        """PUT KEY in an open channel; raises Refused."""
        answer = talk.ask(f"80D8{old:02x}01", self.coded(talk.dek))
        expect_equal(answer, bytes([self.kvn]) + kcv(self.key))
        return self

    def header(self, number):
        named = bytes([1, self.kvn]) + self.id.to_bytes(4, "big")
        return named + number.to_bytes(8, "big")

    def seal(self, text, aad=b"", number=None, direction=FROM_CENTRAL):
        """A message for the module, with the next sequence number or another."""
        if number is None:
            self.sealed += 1
            number = self.sealed
        header = self.header(number)
        nonce = bytes([direction, 0, 0, 0]) + header[6:]
        return header + _gcm(self.key, nonce, aad + header, text)

    def open(self, sealed, aad=b"", direction=FROM_MODULE):
        """(sequence number, text) of a message; text None: it is not genuine."""
        header, body, tag = sealed[:14], sealed[14:-16], sealed[-16:]
        expect_equal(header[:6], self.header(0)[:6])
        nonce = bytes([direction, 0, 0, 0]) + header[6:]
        text = _gcm(self.key, nonce, aad + header, body, tag)
        return int.from_bytes(header[6:], "big"), text


class Sealer:
    """The program tools/seal in the guest; it stays as long as the module is open."""

    def __init__(self, vm, module="/dev/secmod0"):
        self.process = vm.start([BUILD / "vm/seal", module])

    def close(self):
        self.process.close_input()
        return self.process.wait()

    def _run(self, words):
        """Result of each: bytes, or the name of an errno."""
        self.process.write("".join(w + "\n" for w in words) + "run\n")
        lines = [self.process.read_line(120) for _ in words]
        return [bytes.fromhex(n[3:]) if n.startswith("ok ") else n for n in lines]

    def seal(self, kvn, *messages):
        """messages: texts, or (text, associated data)"""
        return self._run([f"seal {kvn:x} {_hex(a)} {_hex(t)}" for t, a in map(_pair, messages)])

    def open(self, *messages):
        return self._run([f"open {_hex(a)} {_hex(s)}" for s, a in map(_pair, messages)])

    def use(self, aid, dgi, how, data, iv=b""):
        """What a key of an application makes of data, or the name of an errno."""
        self.process.write(f"use {_hex(aid)} {dgi:x} {how} {_hex(iv)} {_hex(data)}\n")
        line = self.process.read_line(120)
        return bytes.fromhex(line[3:]) if line.startswith("ok ") else line

    def edges(self, kvn):
        """Results of messages at the end of the mapped memory."""
        self.process.write(f"edges {kvn:x}\n")
        return self.process.read_line(120).split()

    def seal_race(self, kvn, threads, count):
        self.process.write(f"race-seal {kvn:x} {threads} {count}\n")
        return self.process.read_line(300)

    def open_race(self, threads, messages):
        words = [f"open {_hex(a)} {_hex(s)}\n" for s, a in map(_pair, messages)]
        self.process.write("".join(words) + f"race-open {threads}\n")
        return self.process.read_line(300)


def _pair(message):
    return message if isinstance(message, tuple) else (message, b"")


def _hex(data):
    return data.hex() or "-"
