# SPDX-License-Identifier: MIT
"""Test cases in TAP.

    with case("A7 signer of another manufacturer is refused"):
        result = vm.sh("secmod personalize ...", check=False)
        expect_rc(result, 1)

A failing case is reported and the next one runs. The plan is printed at the
end, so a test that dies on the way has none and counts as failed.
"""

import atexit
import os
import re
import sys
import time
import traceback
from contextlib import contextmanager

from .paths import cleanup, keep_run_dir, kernel_has, run_dir
from .process import CommandFailed, Timeout


class Skip(Exception):
    """Raised by skip(): the case does not apply here."""


class Failed(AssertionError):
    """Raised by the expect functions."""


_total = 0
_failed = 0
_crash = None


def _say(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def comment(text):
    """Lines for the log, and for the reader if the case fails."""
    for line in str(text).splitlines():
        _say(f"# {line}\n")


@contextmanager
def case(name):
    """One test case."""
    global _total, _failed
    _total += 1
    start = time.monotonic()
    verdict, directive, reason = "ok", "", None
    try:
        yield
    except Skip as skipped:
        directive = f" # SKIP {skipped}"
    except (Failed, CommandFailed, Timeout) as failure:
        where = traceback.extract_tb(failure.__traceback__)
        where = [frame for frame in where if "/lib/" not in frame.filename]
        line = f"line {where[-1].lineno}: {where[-1].line}\n" if where else ""
        verdict, reason = "not ok", line + str(failure)
    except Exception:
        verdict, reason = "not ok", traceback.format_exc()
    name = name.replace("#", "\\#")
    took = f" # time={time.monotonic() - start:.1f}s" if not directive else ""
    _say(f"{verdict} {_total} - {name}{directive or took}\n")
    if reason:
        _failed += 1
        keep_run_dir()
        comment(reason)


def skip(reason):
    """Leave the case, it does not apply here."""
    raise Skip(reason)


def skip_all(reason):
    """End here, with all skipped."""
    _say(f"1..0 # SKIP {reason}\n")
    sys.exit(0)


def needs(option):
    """End here, with all skipped, on a kernel that is built without this option."""
    if not kernel_has(option):
        skip_all(f"the kernel is built without {option}")


def expect(condition, message="expectation does not hold"):
    if not condition:
        raise Failed(str(message))


def expect_equal(got, want, what="value"):
    if got != want:
        raise Failed(f"{what}: got {got!r}, want {want!r}")


def expect_match(pattern, text, what="text"):
    match = re.search(pattern, text, re.MULTILINE)
    if not match:
        raise Failed(f"{what} has no {pattern!r}:\n{text}")
    return match


def expect_rc(result, rc=0, pattern=None):
    """The command ended so, and its output or error text has the pattern."""
    if result.rc != rc:
        raise Failed(f"want exit status {rc}\n{result}")
    if pattern and not re.search(pattern, result.out + result.err, re.MULTILINE):
        raise Failed(f"no {pattern!r} in\n{result}")


def _excepthook(kind, value, trace):
    global _crash
    _crash = kind.__name__
    if issubclass(kind, Exception):  # not when interrupted
        keep_run_dir()
    comment("".join(traceback.format_exception(kind, value, trace)))
    _say(f"Bail out! {kind.__name__}: {str(value).splitlines()[0] if str(value) else ''}\n")


def _finish():
    if _crash or not _total:
        return
    _say(f"1..{_total}\n")
    if _failed:
        comment(f"logs are kept in {run_dir()}")
        cleanup()
        sys.stderr.flush()
        os._exit(1)


atexit.register(_finish)
sys.excepthook = _excepthook
