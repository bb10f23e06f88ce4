#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""make vm: a shell in a VM with the module loaded, on this terminal."""

import os
import select
import shutil
import signal
import sys
import termios
import tty
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib import BIN, BUILD, MODULE, VM, Tpm  # noqa: E402


def terminal_size():
    size = shutil.get_terminal_size()
    return size.lines, size.columns


def relay(shell):
    """Between this terminal and the guest's, until the shell ends."""
    shown = 0
    inputs = [sys.stdin]
    while True:
        running = shell.running
        out = bytes(shell._streams["out"])
        if len(out) > shown:
            sys.stdout.buffer.write(out[shown:])
            sys.stdout.flush()
            shown = len(out)
        elif not running:
            return
        for _ in select.select(inputs, [], [], 0.02)[0]:
            data = os.read(sys.stdin.fileno(), 4096)
            if not data:
                inputs = []
                shell.write(b"\x04")
            shell.write(data)


def main():
    state = BUILD / "vm/shell-tpm"  # the module keeps its life between calls
    disk = BUILD / "vm/shell-disk"
    vm = VM(tpm=Tpm(state), disk=disk if disk.exists() else None, name="shell")
    if not disk.exists():
        vm.disk = vm.disk.rename(disk)
    print(f"booting; the guest's /dev/ttyS1 is {vm.serial} here", flush=True)
    with vm:
        if MODULE.exists():
            vm.load_module()
        term = os.environ.get("TERM", "dumb")
        path = f"{BIN}:$PATH"
        status = "command -v secmod >/dev/null && secmod status"
        shell = vm.start(
            f"export TERM={term} PATH={path}; {status}; exec bash -i", terminal=True
        )
        shell.resize(*terminal_size())
        signal.signal(signal.SIGWINCH, lambda *_: shell.resize(*terminal_size()))
        if not sys.stdin.isatty():
            relay(shell)
            return
        saved = termios.tcgetattr(sys.stdin)
        try:
            tty.setraw(sys.stdin)
            relay(shell)
        finally:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, saved)


if __name__ == "__main__":
    main()
