# SPDX-License-Identifier: MIT
"""How much a test does: a bounded part in make check, all of it in make long."""

import functools
import os
import random
import subprocess

from .paths import REPO
from .tap import comment

LONG = os.environ.get("SECMOD_LONG", "0") not in ("", "0")


def _of_the_commit():
    """Each commit tries another part; the same commit the same part."""
    git = ["git", "-C", REPO, "rev-parse", "HEAD"]
    head = subprocess.run(git, capture_output=True, text=True, check=False)
    return int(head.stdout[:8] or "1", 16)


@functools.cache
def seed():
    """Of all that is left to chance: SECMOD_SEED, else the commit's; in the log."""
    number = int(os.environ.get("SECMOD_SEED") or _of_the_commit())
    comment(f"SECMOD_SEED={number} does the same again")
    return number


def chance(name=""):
    """A random.Random of its own for each name, the same for the same seed."""
    return random.Random(f"{seed()} {name}")
