# SPDX-License-Identifier: MIT
"""Virtual machines, TPMs and host processes for tests; tests/README.md tells how."""

from .agent import GuestDied
from .bus import Bus
from .nbd import Disk
from .paths import BIN, BUILD, MODULE, REPO, run_dir
from .process import CommandFailed, Process, Result, Timeout, free_port, host, wait_for
from .tap import (
    Failed,
    case,
    comment,
    expect,
    expect_equal,
    expect_match,
    expect_rc,
    skip,
)
from .tpm import Tpm
from .vm import VM

__all__ = [
    "BIN BUILD Bus CommandFailed Disk Failed GuestDied MODULE Process REPO Result Timeout",
    "Tpm VM case comment expect expect_equal expect_match expect_rc free_port",
    "host run_dir skip wait_for",
]
__all__ = " ".join(__all__).split()
