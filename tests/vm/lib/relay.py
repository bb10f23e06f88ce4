# SPDX-License-Identifier: MIT
"""A client of a central system's local socket: conversations with modules."""

import os
import socket


class Refused(Exception):
    """The server, or the agent behind it, says why not."""


def control(directory):
    """The local socket of the central system of `directory`."""
    fd = os.open(directory, os.O_PATH)
    try:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(90)
        sock.connect(f"/proc/self/fd/{fd}/central.sock")  # short enough, always
        return sock
    finally:
        os.close(fd)


class Conversation:
    """With the connected module `uid`, in the frames of common/relay.h."""

    def __init__(self, directory, uid, wait=True):
        self.sock = control(directory)
        self.sock.sendall(f"relay {uid}\n".encode())
        if wait:
            self.opened()

    def line(self):
        text = b""
        while not text.endswith(b"\n"):
            part = self.sock.recv(1)
            if not part:
                raise Refused("closed")
            text += part
        return text.decode().strip()

    def opened(self):
        """Waits for the module; others may talk with it."""
        answer = self.line()
        if answer != "ok":
            raise Refused(answer)
        return self

    def _read(self, size):
        data = b""
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                raise Refused("closed")
            data += part
        return data

    def frame(self):
        return self._read(int.from_bytes(self._read(2), "big"))

    def put(self, command):
        self.sock.sendall(len(command).to_bytes(2, "big") + command)

    def say(self, *commands):
        """The responses to commands in hexadecimal, in hexadecimal."""
        answers = []
        for command in commands:
            try:
                self.put(bytes.fromhex(command))
            except BrokenPipeError:
                pass  # the reason came before
            answer = self.frame()
            if not answer:
                raise Refused(self.frame().decode())
            answers.append(answer.hex())
        return answers

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
