#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Power cuts during an initialization: virgin, until the root secret is written."""

from lib import expect_equal, expect_match, expect_rc
from lib.powercut import IDENTITY, ROOT, Recorder, Stand, each_cut


def initialize_again():
    """On the same vault, with the same serial number."""
    if stand.issued:
        result = stand.module.init(stand.manufacturer, check=False)
        expect_rc(result, 1)
        expect_match('"release" frees it', result.err)
        stand.manufacturer.run("release", "SN-0001")
    stand.module.init(stand.manufacturer)


def check(cut):
    status = stand.status()
    if ("NV_Write", ROOT) in cut.commits:
        expect_equal((status["state"], status["uid"]), ("detached", made["uid"]))
        status = stand.attach()
        expect_equal((status["state"], status["uid"]), ("personalization", made["uid"]))
    else:
        expect_equal(status["state"], "virgin")
        initialize_again()
        status = stand.status()
        expect_equal(status["state"], "personalization")
    expect_equal(status["serial"], "SN-0001")
    stand.expect_tidy(IDENTITY)
    stand.expect_works()


stand = Stand()
stand.boot()
recorder = Recorder(stand)
recorder.record(lambda: stand.module.init(stand.manufacturer))
made = stand.status()
stand.vm.power_cut()
each_cut(recorder, "A2 A24 initialization", check)
