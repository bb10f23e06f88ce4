# SPDX-License-Identifier: MIT
"""The host's end of the agent's port (agent.h says what goes over it)."""

import itertools
import os
import socket
import struct
import threading

from .paths import REPO
from .process import Command, wait_for

_HEADER = struct.Struct("<III")
_WORD = struct.Struct("<I")

RUN, INPUT, SIGNAL, WINDOW, HALT = 1, 2, 3, 4, 5
HELLO, OUT, ERR, EXIT, KLOG, BYE = 16, 17, 18, 19, 20, 21
RUN_TERMINAL = 1


class GuestDied(Exception):
    """The guest is gone, and nobody asked it to go."""


class GuestCommand(Command):
    """A command that runs in the guest."""

    def __init__(self, agent, number, text):
        super().__init__(text)
        self._agent, self._number = agent, number

    def _send(self, kind, data=b""):
        if self.running:
            self._agent.send(self._number, kind, data)

    def write(self, data):
        """Give it input."""
        self._send(INPUT, data.encode() if isinstance(data, str) else data)

    def close_input(self):
        self._send(INPUT)

    def signal(self, number):
        """Send a signal to its process group."""
        self._send(SIGNAL, _WORD.pack(number))

    def resize(self, rows, columns):
        self._send(WINDOW, struct.pack("<II", rows, columns))

    def terminate(self, timeout=10):
        self.signal(15)
        return self.wait(timeout)

    def kill(self):
        self.signal(9)
        return self.wait(10)

    def wait(self, timeout=60):
        rc = super().wait(timeout)
        if self._agent.dead and rc is _GONE:
            raise GuestDied(f"while running: {self.text}")
        return rc


# instead of an exit status, when the guest ended before the command did
_GONE = 255 << 8


class Agent:
    """Commands and kernel log of one boot of one guest."""

    def __init__(self, path, kernel_log):
        self.dead = False
        self.taint = self.last_taint = None
        self._ready = threading.Event()
        self._commands = {}
        self._numbers = itertools.count(1)
        self._log = kernel_log
        self._sending = threading.Lock()
        self._path = path
        self._connect()

    def _connect(self):
        self._socket = socket.socket(socket.AF_UNIX)
        wait_for(lambda: self._socket.connect_ex(os.fspath(self._path)) == 0, 10, self._path)
        threading.Thread(target=self._receive, args=[self._socket], daemon=True).start()

    def reconnect(self):
        """Pull the plug and put it in again; what is under way is lost."""
        with self._sending:
            old = self._socket
            self._connect()
            old.shutdown(socket.SHUT_RDWR)

    def wait_ready(self, timeout):
        """True when the guest is up, false when it has died or hangs."""
        return self._ready.wait(timeout) and not self.dead

    def send(self, number, kind, data=b""):
        try:
            with self._sending:
                header = _HEADER.pack(number, kind, len(data))
                self._socket.sendall(header + data)
        except OSError as error:
            raise GuestDied("no agent to talk to") from error

    def start(self, text, cwd=REPO, terminal=False):
        """Start shell text in the guest."""
        if self.dead:
            raise GuestDied(f"before: {text}")
        number = next(self._numbers)
        command = GuestCommand(self, number, text)
        self._commands[number] = command
        words = _WORD.pack(RUN_TERMINAL if terminal else 0)
        strings = b"".join(os.fsencode(part) + b"\0" for part in (cwd, text))
        self.send(number, RUN, words + strings)
        return command

    def halt(self):
        """Ask for an orderly end; the machine goes off."""
        self.send(0, HALT)

    def close(self):
        self._socket.close()

    def _receive(self, connection):
        stream = connection.makefile("rb")
        try:
            while len(header := stream.read(_HEADER.size)) == _HEADER.size:
                number, kind, size = _HEADER.unpack(header)
                self._handle(number, kind, stream.read(size))
        except OSError:
            pass
        if connection is not self._socket:
            connection.close()
            return
        self.dead = True
        for command in list(self._commands.values()):
            command._ended(_GONE)
        self._ready.set()

    def _handle(self, number, kind, data):
        command = self._commands.get(number)
        if kind == KLOG:
            self._log(data)
        elif kind == HELLO:
            (self.taint,) = _WORD.unpack(data)
            self._ready.set()
        elif kind == BYE:
            (self.last_taint,) = _WORD.unpack(data)
        elif kind in (OUT, ERR):
            command._received("out" if kind == OUT else "err", data)
        elif kind == EXIT:
            command._ended(os.waitstatus_to_exitcode(*_WORD.unpack(data)))
