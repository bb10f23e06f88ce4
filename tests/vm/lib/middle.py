# SPDX-License-Identifier: MIT
"""Somebody in the relay: has every APDU in hand before the module, and every response."""

import socket
import struct
import threading

from .paths import BUILD


class Middle:
    """Between an agent whose command line begins with .words and the driver.

    wire        (command, answer) as they came, before anything was changed
    on_command  called with (number, command), number from 1 on; returns what goes on in
                its place (None: this one)
    on_answer   likewise with (number, command, answer)

    Both run in a thread of their own.
    """

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.words = ["env", f"LD_PRELOAD={BUILD}/vm/middle.so", f"MIDDLE=10.0.2.2:{port}"]
        self.arm()
        threading.Thread(target=self._serve, daemon=True).start()

    def arm(self, on_command=None, on_answer=None):
        """Count from 1 and call these."""
        self.wire = []
        self.on_command, self.on_answer = on_command, on_answer

    def _serve(self):
        while True:
            connection, _ = self._listener.accept()
            with connection:
                try:
                    self._exchange(connection)
                except (ConnectionError, struct.error):
                    pass  # the agent was killed

    def _exchange(self, connection):
        command = _read(connection)
        number = len(self.wire) + 1
        self.wire.append((command, b""))
        changed = self.on_command and self.on_command(number, command)
        _write(connection, changed or command)
        answer = _read(connection)
        self.wire[number - 1] = (command, answer)
        changed = self.on_answer and self.on_answer(number, command, answer)
        _write(connection, changed or answer)


def _read(connection):
    (size,) = struct.unpack(">I", connection.recv(4, socket.MSG_WAITALL))
    return connection.recv(size, socket.MSG_WAITALL)


def _write(connection, data):
    connection.sendall(struct.pack(">I", len(data)) + data)
