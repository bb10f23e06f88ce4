# SPDX-License-Identifier: MIT
"""Where things are: the tree, the build directory, this test's own directory."""

import atexit
import fcntl
import functools
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("SECMOD_BUILD", REPO / "build"))
BIN = BUILD / "bin"

# which kernel boots: stock, or X for what is in build/kernel-X, laid out alike
_name = os.environ.get("SECMOD_KERNEL") or "stock"
_suffix = "" if _name == "stock" else f"-{_name}"
KERNEL = REPO / f"build/kernel{_suffix}"
MODULE = BUILD / f"module{_suffix}/secmod.ko"


@functools.cache
def kernel_has(option):
    """Is this option of its configuration set?"""
    configs = KERNEL.glob("boot/config-*")
    return any(f"{option}=y\n" in config.read_text() for config in configs)


# all limits of time are longer on a kernel that checks itself
SLOW = 5 if kernel_has("CONFIG_KASAN") else 1

_run = None
_sockets = None
_keep = False

# what has to end before the directories can go
before_cleanup = []


def run_dir():
    """This test's directory; removed at exit unless keep_run_dir() was called."""
    global _run
    if _run is None:
        parent = BUILD / "run"
        parent.mkdir(parents=True, exist_ok=True)
        _run = parent / f"{Path(sys.argv[0]).stem[:12]}-{os.getpid()}"
        shutil.rmtree(_run, ignore_errors=True)
        _run.mkdir()
    return _run


def keep_run_dir():
    """Something failed: leave the logs for a person to read."""
    global _keep
    _keep = True


def socket_path(name):
    """A path for a Unix socket: short, for it must fit in 107 bytes."""
    global _sockets
    path = run_dir() / name
    if len(os.fsencode(path)) < 100:
        return path
    if _sockets is None:
        _sockets = Path(tempfile.mkdtemp(prefix="secmod-"))
    return _sockets / name


def cleanup():
    """End what runs, remove what was written."""
    for function in before_cleanup:
        function()
    for path in (_sockets, None if _keep else _run):
        if path:
            shutil.rmtree(path, ignore_errors=True)


atexit.register(cleanup)


@contextmanager
def locked(path):
    """Hold the lock file: two tests may prepare the same thing at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
