# SPDX-License-Identifier: MIT
"""Commands: how they end, what they say, on the host and (agent.py) in the guest.

Every child of the harness dies with it, however the harness ends.
"""

import ctypes
import os
import queue
import re
import shlex
import signal
import socket
import subprocess
import threading
import time

from .paths import REPO, SLOW, before_cleanup

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class Result:
    """What a finished command left: rc (negative: signal), out, err."""

    def __init__(self, command, rc, out, err):
        self.command, self.rc, self.out, self.err = command, rc, out, err

    def __str__(self):
        text = f"$ {self.command}\nexit status {self.rc}"
        for name, stream in (("stdout", self.out), ("stderr", self.err)):
            if stream.strip():
                text += f"\n--- {name}\n{stream.rstrip()}"
        return text


class CommandFailed(Exception):
    """A checked command did not exit with 0."""

    def __init__(self, result):
        super().__init__(str(result))
        self.result = result


class Timeout(Exception):
    """What was waited for did not happen in time."""


def shell_text(command):
    """The shell text of a command given as text or as a list of words."""
    if isinstance(command, (list, tuple)):
        return shlex.join(str(word) for word in command)
    return str(command)


def wait_for(predicate, timeout=30, what=None):
    """Call predicate until it returns something true; return that."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            what = what or getattr(predicate, "__name__", predicate)
            raise Timeout(f"after {timeout} s still waiting for {what}")
        time.sleep(0.05)


class Command:
    """A running command; output arrives while it runs."""

    def __init__(self, text):
        self.text = text
        self.rc = None
        self.changed = threading.Condition()
        self._streams = {"out": bytearray(), "err": bytearray()}
        self._taken = 0  # of its standard output, by read_line()

    @property
    def out(self):
        """Standard output so far."""
        return self._streams["out"].decode(errors="replace")

    @property
    def err(self):
        """Standard error so far."""
        return self._streams["err"].decode(errors="replace")

    @property
    def running(self):
        return self.rc is None

    def result(self):
        return Result(self.text, self.rc, self.out, self.err)

    def wait(self, timeout=180):
        """The exit status; negative for a signal."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.rc is not None, timeout * SLOW):
                raise Timeout(f"still running after {timeout} s: {self.result()}")
        return self.rc

    def wait_for(self, pattern, timeout=30):
        """The first match of pattern in what it has printed, on either stream."""
        regex = re.compile(pattern, re.MULTILINE)

        def look():
            return regex.search(self.out) or regex.search(self.err)

        with self.changed:
            self.changed.wait_for(lambda: look() or not self.running, timeout * SLOW)
            match = look()
        if not match:
            state = "still running" if self.running else "ended"
            raise Timeout(f"{state} without {pattern!r}: {self.result()}")
        return match

    def read_line(self, timeout=30):
        """The next line of its standard output."""
        out = self._streams["out"]

        def end():
            return out.find(b"\n", self._taken) + 1

        with self.changed:
            self.changed.wait_for(lambda: end() or not self.running, timeout * SLOW)
            start, self._taken = self._taken, end() or self._taken
            line = out[start : self._taken]
        if not line:
            raise Timeout(f"no line after {timeout} s: {self.text}\n{self.err}")
        return line.decode(errors="replace").rstrip("\n")

    def _received(self, stream, data):
        with self.changed:
            self._streams[stream] += data
            self.changed.notify_all()

    def _ended(self, rc):
        with self.changed:
            if self.rc is None:
                self.rc = rc
            self.changed.notify_all()


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class _Launcher(threading.Thread):
    """Starts all children: their parent, for the death signal, is the *thread*."""

    def __init__(self):
        super().__init__(daemon=True)
        self.requests = queue.Queue()
        self.start()

    def run(self):
        while True:
            args, kwargs, reply = self.requests.get()
            try:
                reply.put(subprocess.Popen(*args, **kwargs))
            except OSError as error:
                reply.put(error)

    def popen(self, *args, **kwargs):
        reply = queue.Queue()
        kwargs.setdefault("preexec_fn", _die_with_parent)
        self.requests.put((args, kwargs, reply))
        child = reply.get()
        if isinstance(child, OSError):
            raise child
        _children.append(child)
        return child


_children = []
_launcher = None


def spawn(argv, **kwargs):
    """subprocess.Popen whose child is killed when the harness is gone."""
    global _launcher
    if _launcher is None:
        _launcher = _Launcher()
    return _launcher.popen([str(word) for word in argv], **kwargs)


def _kill_children():
    for child in _children:
        if child.poll() is None:
            if os.getpgid(child.pid) == child.pid:
                os.killpg(child.pid, signal.SIGKILL)
            child.kill()
            child.wait()


before_cleanup.append(_kill_children)


def _terminated(_signal, _frame):
    raise SystemExit(143)


if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGTERM, _terminated)


class Process(Command):
    """A program on the host, started at once, normally a daemon under test."""

    def __init__(self, argv, env=None, cwd=REPO):
        super().__init__(shell_text(argv))
        self._shell = isinstance(argv, str)
        if self._shell:
            argv = ["/bin/sh", "-c", argv]
        self.child = spawn(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, **{k: str(v) for k, v in (env or {}).items()}},
            start_new_session=True,
        )
        readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in (("out", self.child.stdout), ("err", self.child.stderr))
        ]
        for reader in readers:
            reader.start()
        threading.Thread(target=self._reap, args=(readers,), daemon=True).start()

    def _read(self, stream, pipe):
        while data := os.read(pipe.fileno(), 65536):
            self._received(stream, data)

    def _reap(self, readers):
        rc = self.child.wait()
        for reader in readers:
            reader.join(1)  # a descendant may hold the pipe for longer
        self._ended(rc)

    def write(self, data):
        """Give it input."""
        data = data.encode() if isinstance(data, str) else data
        self.child.stdin.write(data)
        self.child.stdin.flush()

    def close_input(self):
        self.child.stdin.close()

    def signal(self, number):
        """To the program; to all of a shell's, as to all when it is SIGKILL."""
        if self.child.poll() is not None:
            return
        if self._shell or number == signal.SIGKILL:
            os.killpg(self.child.pid, number)
        else:
            self.child.send_signal(number)

    def terminate(self, timeout=10):
        """SIGTERM, and SIGKILL if that does not end it; the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except Timeout:
            self.kill()
            raise

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait(10)

    def wait_port(self, port, host="127.0.0.1", timeout=30):
        """Until a TCP port accepts connections."""

        def connects():
            if not self.running:
                raise Timeout(f"ended without listening on {port}: {self.result()}")
            with socket.socket() as probe:
                return probe.connect_ex((host, port)) == 0

        wait_for(connects, timeout, f"port {port}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.running:
            self.terminate()


def host(command, timeout=60, check=True, stdin=None, env=None):
    """Run a command on the host to its end, as VM.sh does in the guest."""
    process = Process(command, env=env)
    try:
        if stdin:
            process.write(stdin)
        process.close_input()
    except BrokenPipeError:
        pass
    try:
        process.wait(timeout)
    except Timeout:
        process.kill()
        raise
    if check and process.rc:
        raise CommandFailed(process.result())
    return process.result()


def free_port():
    """A TCP port of the loopback interface that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
