# SPDX-License-Identifier: MIT
"""What the demonstration prints: each command, the lines of its result that prove it."""

import re
import shlex
import time

from .paths import REPO, run_dir
from .process import host


LINES = 8  # of a long result: its end, and what is expected of it


class Broken(Exception):
    """A step did not hold."""


class Show:
    """Prints what happens and keeps the score."""

    def __init__(self):
        self.steps, self.checks = [], 0
        self.start = time.monotonic()

    def step(self, title):
        self.steps.append(title)
        print(f"\n\033[1m({len(self.steps)}) {title}\033[0m", flush=True)

    def say(self, text):
        print(f"    {text}", flush=True)

    def command(self, where, words):
        text = words if isinstance(words, str) else shlex.join(map(str, words))
        text = text.replace(f"{run_dir()}/", "").replace(f"{REPO}/", "")
        print(f"    \033[36m{where}$ {text}\033[0m", flush=True)

    def result(self, text, expected):
        """The lines that prove it; expected must be in the text."""
        lines = text.strip().splitlines()
        known = expected != ".*"
        proof = [line for line in lines[:-LINES] if known and re.search(expected, line)]
        for line in proof[:LINES] + lines[-LINES:]:
            print(f"      {line.replace(f'{run_dir()}/', '')}", flush=True)
        if not re.search(expected, text, re.M):
            raise Broken(f"expected /{expected}/")
        self.checks += 1


show = Show()


def on(where, runner, words, expected=".*", fails=False):
    """Run a command, show it, check exit status and output."""
    show.command(where, words)
    result = runner(words if isinstance(words, str) else [str(w) for w in words])
    text = result.out + result.err
    if bool(result.rc) != fails:
        show.result(text, ".*")
        raise Broken(f"exit status {result.rc}")
    show.result(text, expected)
    return text


def on_host(words, expected=".*", fails=False):
    return on("host", lambda w: host(w, check=False), words, expected, fails)
