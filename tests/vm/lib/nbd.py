# SPDX-License-Identifier: MIT
"""A disk whose writes the test can count, cut off, and tear."""

import os
import socket
import struct
import threading

from .paths import socket_path

_MAGIC, _OPTIONS = b"NBDMAGIC", b"IHAVEOPT"
_EXPORT_NAME, _ABORT, _GO = 1, 2, 7
_READ, _WRITE, _DISCONNECT, _FLUSH = 0, 1, 2, 3
_EIO = 5
_FLAGS = 1 | 4  # has flags, knows flush


class Disk:
    """An NBD server (fixed newstyle) on an image: VM(disk=image, nbd=Disk()).

    Its write cache is volatile: what was not flushed is gone when the power is
    cut, at a write or between them (VM.power_cut()).

    writes     how many writes have come since arm()
    tear       of the write that is cut this many bytes reach the disk
    stubborn   flushes fail, though all was written
    """

    def __init__(self):
        self.image = None
        self.writes = 0
        self.cut = threading.Event()
        self._at = None
        self.tear = 0
        self.stubborn = False
        self._unflushed = []  # (offset, what was there before)
        self._on_write = self._on_flush = None
        self._server = None
        self._off = threading.Event()

    def arm(self):
        """Count from 0, cut nothing."""
        self.writes, self._at = 0, None
        self.cut.clear()

    def exchanged(self):
        """The image, which the guest has not mounted, was written by the test."""
        self.arm()
        self._unflushed.clear()

    def cut_at(self, write, tear=0):
        """The power fails in write number write, after tear bytes of it."""
        self.arm()
        self._at, self.tear = write, tear

    def watch(self, on_write=None, on_flush=None):
        """Call on_write(number, offset, data) before a write, on_flush() after a flush."""
        self.arm()
        self._on_write, self._on_flush = on_write, on_flush

    def attach(self, image):
        """Serve one connection; returns what QEMU's -drive file= takes."""
        self.off()
        self.image = os.open(image, os.O_RDWR)
        path = socket_path(f"nbd-{id(self):x}.s")
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.fspath(path))
        listener.listen(1)
        self._off.clear()
        self._server = threading.Thread(
            target=self._serve, args=(listener,), daemon=True
        )
        self._server.start()
        return f"nbd+unix:///?socket={path}"

    def off(self):
        """QEMU has gone; wait until the image is what the power cut left of it."""
        self._off.set()
        if self._server:
            self._server.join(10)
            self._server = None

    def _serve(self, listener):
        client, _ = listener.accept()
        listener.close()
        try:
            if self._handshake(client):
                while self._request(client):
                    pass
        except (OSError, EOFError):
            self._lose_cache()
        self._unflushed.clear()
        client.close()
        os.close(self.image)

    @staticmethod
    def _get(client, count):
        data = b""
        while len(data) < count:
            part = client.recv(count - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def _handshake(self, client):
        client.sendall(_MAGIC + _OPTIONS + struct.pack(">H", 1))
        self._get(client, 4)
        while True:
            _, option, length = struct.unpack(">QII", self._get(client, 16))
            self._get(client, length)
            size = os.fstat(self.image).st_size
            if option == _EXPORT_NAME:
                client.sendall(struct.pack(">QH", size, _FLAGS) + bytes(124))
                return True
            head = struct.pack(">QI", 0x3E889045565A9, option)
            if option == _GO:
                info = struct.pack(">HQH", 0, size, _FLAGS)
                client.sendall(head + struct.pack(">II", 3, len(info)) + info)
                client.sendall(head + struct.pack(">II", 1, 0))
                return True
            if option == _ABORT:
                return False
            client.sendall(head + struct.pack(">II", 0x80000001, 0))

    def _request(self, client):
        _, _, kind, handle, offset, length = struct.unpack(
            ">IHHQQI", self._get(client, 28)
        )
        data, error = b"", 0
        if kind == _WRITE:
            self._write(self._get(client, length), offset)
        elif kind == _READ:
            data = os.pread(self.image, length, offset)
        elif kind == _FLUSH and self.stubborn:
            error = _EIO
        elif kind == _FLUSH:
            self._unflushed.clear()
            if self._on_flush:
                self._on_flush()
        elif kind == _DISCONNECT:
            return False
        client.sendall(struct.pack(">IIQ", 0x67446698, error, handle) + data)
        return True

    def _lose_cache(self):
        for offset, before in reversed(self._unflushed):
            os.pwrite(self.image, before, offset)
        self._unflushed.clear()

    def _write(self, data, offset):
        self.writes += 1
        if self._at is not None and self.writes >= self._at:
            if self.writes == self._at:
                self._lose_cache()
                os.pwrite(self.image, data[: self.tear], offset)
                self.cut.set()
            self._off.wait()
            raise EOFError  # nothing more reaches the disk
        if self._on_write:
            self._on_write(self.writes, offset, data)
        self._unflushed.append((offset, os.pread(self.image, len(data), offset)))
        os.pwrite(self.image, data, offset)
