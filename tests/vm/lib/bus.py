# SPDX-License-Identifier: MIT
"""The bus between machine and TPM, in the hands of the test."""

import array
import os
import socket
import struct
import threading
from contextlib import contextmanager

from .paths import socket_path
from .process import wait_for

_SET_DATAFD = 0x10  # swtpm control channel: CMD_SET_DATAFD


def _read(sock, count):
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            return None
        data += part
    return data


def _read_message(sock):
    """A TPM command or response: tag, length of all, the rest."""
    head = _read(sock, 6)
    if head is None:
        return None
    rest = _read(sock, struct.unpack(">I", head[2:])[0] - 6)
    return None if rest is None else head + rest


def command_code(command):
    return struct.unpack(">I", command[6:10])[0]


def tpm_command(code, body, tag=0x8001):
    return struct.pack(">HII", tag, 10 + len(body), code) + body


class Hold:
    """Holds the machine before the TPM command that when(number, code) picks."""

    def __init__(self, bus, when):
        self.bus, self.when, self.code, self.number = bus, when, None, 0
        self.seen = 0  # commands that came
        self.held, self._go = threading.Event(), threading.Event()
        bus.arm(on_command=self._command)

    def _command(self, number, command):
        code = command_code(command)
        self.seen = number
        if not self.held.is_set() and self.when(number, code):
            self.code, self.number = code, number
            self.held.set()
            self._go.wait(30)

    def let_go(self):
        self._go.set()
        self.bus.arm()


class Bus:
    """Stands between QEMU and a Tpm: Tpm(bus=Bus()).

    commands   how many commands have passed since arm() or the start
    on_command called with (number, command), number from 1 on; returns the
               command to pass on (None: this one)
    on_answer  likewise with (number, command, answer)

    Both run in the bus' own thread: a power cut from there is
    threading.Event work for the test, see cut_before() and cut_after().
    """

    def __init__(self):
        self.commands = 0
        self._tpm = None  # our end of its data channel
        self._machine = None  # the other end: of the machine that is on
        self._turn = threading.Lock()  # one command at a time
        self.codes = []
        self.on_command = self.on_answer = None
        self.cut = threading.Event()  # the machine must be killed now
        self._listener = self._control = None

    def arm(self, on_command=None, on_answer=None):
        """Count from 0 and call these."""
        self.commands, self.codes = 0, []
        self.cut.clear()
        self.on_command, self.on_answer = on_command, on_answer

    def _stop_here(self, number, at):
        if number == at:
            self.cut.set()
            threading.Event().wait(600)  # nothing more passes; the cut ends it

    def cut_before(self, at):
        """The power fails before command number at reaches the TPM."""
        self.arm(on_command=lambda number, _: self._stop_here(number, at))

    def cut_after(self, at):
        """The power fails when the TPM has done command number at."""
        self.arm(on_answer=lambda number, _c, _a: self._stop_here(number, at))

    def ask(self, command):
        """A command past the counting; the answer."""
        with self._turn:
            self._tpm.sendall(command)
            return _read_message(self._tpm)

    @contextmanager
    def exchange(self, data):
        """Nothing passes while the TPM is off; then it is the one at the socket data()."""
        with self._turn:
            yield
            tpm = socket.socket(socket.AF_UNIX)
            tpm.connect(os.fspath(data()))
            self._tpm.close()
            self._tpm = tpm

    def attach(self, control):
        """Serve QEMU at a socket of our own; control is swtpm's."""
        path = socket_path(f"bus-{id(self):x}.ctl")
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(os.fspath(path))
        self._listener.listen(1)
        self._control = control
        threading.Thread(
            target=self._serve_control, args=(self._listener,), daemon=True
        ).start()
        wait_for(path.exists, 5, "the bus")
        return path

    def _serve_control(self, listener):
        qemu, _ = listener.accept()
        listener.close()
        tpm = socket.socket(socket.AF_UNIX)
        tpm.connect(os.fspath(self._control))
        back = threading.Thread(target=self._pump, args=(tpm, qemu), daemon=True)
        back.start()
        self._control_from(qemu, tpm)
        for sock in (tpm, qemu):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _control_from(self, qemu, tpm):
        while True:
            try:
                data, ancillary, _, _ = qemu.recvmsg(4096, socket.CMSG_SPACE(4))
                if not data:
                    return
                ours = self._take_data_channel(data, ancillary)
                tpm.sendmsg([data], ours)
            except OSError:
                return
            for _, _, raw in ours:
                os.close(raw[0])

    def _take_data_channel(self, data, ancillary):
        """Keep QEMU's end of the data channel, give the TPM one of ours."""
        for level, kind, raw in ancillary:
            if kind == socket.SCM_RIGHTS and data[:4] == struct.pack(">I", _SET_DATAFD):
                theirs = socket.socket(fileno=array.array("i", raw)[0])
                near, far = socket.socketpair()
                self._tpm, self._machine = near, theirs
                threading.Thread(
                    target=self._serve_data, args=(theirs,), daemon=True
                ).start()
                return [(level, kind, array.array("i", [far.detach()]))]
        return []

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(4096):
                sink.sendall(data)
        except OSError:
            pass

    def _serve_data(self, qemu):
        try:
            while command := _read_message(qemu):
                self.commands += 1
                number = self.commands
                self.codes.append(command_code(command))
                if self.on_command:
                    command = self.on_command(number, command) or command
                if self._machine is not qemu:
                    break  # its power failed while the command was held
                answer = self.ask(command)
                if answer is None:
                    break
                if self.on_answer:
                    answer = self.on_answer(number, command, answer) or answer
                qemu.sendall(answer)
        except OSError:
            pass
        qemu.close()
        if self._machine is qemu:
            self._tpm.close()
