# SPDX-License-Identifier: MIT
"""The line between a guest's second serial port and a terminal of the host."""

import os
import pty
import selectors
import socket
import threading
import tty

from .process import wait_for


class SerialLine:
    """Relays between a pseudo terminal (path) and QEMU; can be cut.

    QEMU's own pty backend looks once a second whether somebody opened the
    terminal, and until then drops what the guest says.
    """

    def __init__(self):
        self._master, self._slave = pty.openpty()  # ours stays open: no hangup
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._peer = None
        self._connected = True

    def connect(self, path):
        """To the socket of a QEMU that has just started."""
        peer = socket.socket(socket.AF_UNIX)
        wait_for(lambda: peer.connect_ex(os.fspath(path)) == 0, 10, path)
        self._peer = peer
        threading.Thread(target=self._relay, args=(peer,), daemon=True).start()

    def cut(self):
        """Pull the plug: bytes are lost both ways."""
        self._connected = False

    def restore(self):
        self._connected = True

    def _relay(self, peer):
        with selectors.DefaultSelector() as ready, peer:
            ready.register(peer, selectors.EVENT_READ)
            ready.register(self._master, selectors.EVENT_READ)
            while self._peer is peer:
                for key, _ in ready.select(1):
                    if not self._forward(key.fileobj, peer):
                        return

    def _forward(self, source, peer):
        try:
            if source is peer:
                data = peer.recv(4096)
                if self._connected and data:
                    self._write(data)
                return bool(data)
            data = os.read(self._master, 4096)
            if self._connected:
                peer.sendall(data)
            return True
        except OSError:
            return False

    def _write(self, data):
        while data:
            data = data[os.write(self._master, data) :]

    def disconnect(self):
        """The machine is off; the terminal stays."""
        self._peer = None
