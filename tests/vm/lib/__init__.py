# SPDX-License-Identifier: MIT
"""Virtual machines, TPMs and host processes for tests; tests/README.md tells how."""

from .agent import GuestDied
from .bus import Bus
from .extent import LONG, chance
from .nbd import Disk
from .paths import BIN, BUILD, MODULE, REPO, run_dir
from .process import CommandFailed, Process, Result, Timeout, free_port, host, wait_for
from .relay import Conversation, Refused, control
from .tap import (
    Failed,
    case,
    comment,
    expect,
    expect_equal,
    expect_match,
    expect_rc,
    needs,
    skip,
)
from .tpm import Tpm
from .vm import VM
from .world import Central, Manufacturer, Module, Unit, serving

__all__ = [
    "BIN BUILD Bus Central CommandFailed Conversation Disk Failed GuestDied LONG Manufacturer MODULE Module Process REPO Refused Result",
    "Timeout Tpm Unit VM case chance comment control expect expect_equal expect_match expect_rc free_port",
    "host needs run_dir skip wait_for",
]
__all__ = " ".join(__all__).split()
