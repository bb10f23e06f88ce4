#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Memory that cannot be had, and copies from and to userspace that fail, in what the
executive is told and in the use of the keys that came through it."""

import re

from lib import BUILD, LONG, case, chance, comment, expect, expect_equal, needs
from lib.cards import cards_of_a_module
from lib.faults import prepare
from lib.gp import Keyset

# The calls, and from one place to the next, where SECMOD_LONG=1 takes all; see
# tools/fail_apdu. The last ones succeed once.
TRIALS = {
    "SELECT": 1,
    "GET_DATA": 1,
    "INITIALIZE_UPDATE": 5,
    "EXTERNAL_AUTHENTICATE": 19,
    "PERFORM_SECURITY_OPERATION": 11,
    "MUTUAL_AUTHENTICATE": 17,
    "PUT_KEY": 23,
    "PUT_KEY_transaction": 11,
    "DELETE_transaction": 7,
    "INSTALL": 23,
    "STORE_DATA": 23,
    "USE_KEY": 3,
    "DELETE_application": 23,
    "SEAL": 3,
    "OPEN": 1,
    "KEYS": 1,
    "SET_STATUS": 23,
    "SET_STATUS_reset": 97,
}


def keyset(kvn):
    """As tools/fail_apdu has it."""
    return Keyset(kvn, keys=[bytes([kvn + more]) * 16 for more in (0, 0x40, 0x80)])


def issue(cards):
    cards.issue(keyset(0x38), keyset(0x31), transport=keyset(0x30))


def again(cards):
    """What happens once is taken back."""
    if cards.module.state == "operating":
        cards.module.secmod("reset", "--yes")
    cards.module.personalize(cards.unit)
    issue(cards)


def each_place(cards, trial, step):
    tool = BUILD / "vm/fail_apdu"
    first = 1 + chance(trial).randrange(step)
    failed, places = False, 0
    while True:
        words = [tool, cards.central, cards.module.vault, trial, first, step]
        result = cards.module.vm.sh([str(w) for w in words], timeout=3600, check=False)
        for line in result.out.splitlines():
            comment(line)
        expect_equal(result.rc, 0, result)
        failed |= bool(re.search(rf"(?m)^{trial} \d+ \d+ \d+.* (?!OK)\w+=", result.out))
        places += sum(map(int, re.findall(r"=(\d+)", result.out)))
        lost = re.search(rf"(?m)^{trial} lost (\d+)$", result.out)
        if not lost:
            break
        again(cards)
        first = int(lost[1]) + step
    # an allocation may fail without harm; not so many in a row
    expect(failed or places < 5, f"nothing failed: {result}")


needs("CONFIG_FAILSLAB")
# a failed allocation may be told with a stack
with cards_of_a_module(allow=["Call Trace:"]) as cards:
    prepare(cards.module.vm)
    issue(cards)
    for trial, step in TRIALS.items():
        with case(f"A11 B1 {trial} fails at any place, and changes nothing"):
            each_place(cards, trial, 1 if LONG else step)
