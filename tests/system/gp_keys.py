#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Where secmod gp takes keys from, and where not: it looks before it opens the module."""

import os

from lib import BIN, case, expect, expect_equal, expect_match, expect_rc, host, run_dir, skip
from lib.gp import Keyset

PATH = run_dir() / "keys"
MODULE = "cannot open '/dev/none'"  # it would go on


def gp(*words, stdin=None):
    argv = [BIN / "secmod", "gp", *words, "--device", "/dev/none"]
    return host([str(word) for word in argv], check=False, stdin=stdin)


def write(text, mode=0o600):
    PATH.unlink(missing_ok=True)
    PATH.write_text(text)
    PATH.chmod(mode)
    return PATH


def refused(result, why, rc=1):
    expect_rc(result, rc, None)
    expect_match(why, result.err)


def files(keys):
    with case("gp: a file of keys that only its owner reads is taken"):
        for mode in (0o600, 0o400):
            refused(gp("auth", "--keys", write(keys.text, mode)), MODULE)
    with case("gp: one that others can read or write is refused"):
        for mode in (0o640, 0o604, 0o620, 0o602, 0o610):
            refused(gp("auth", "--keys", write(keys.text, mode)),
                    f"mode {mode:04o}, others may have read it: chmod 600")
    with case("gp: so is what is no file, or not there"):
        write(keys.text)
        link, pipe = run_dir() / "link", run_dir() / "pipe"
        link.symlink_to(PATH)
        os.mkfifo(pipe, 0o600)
        refused(gp("auth", "--keys", link), "cannot open '.*link'")
        refused(gp("auth", "--keys", pipe), "is no file")
        refused(gp("auth", "--keys", "/none"), "cannot open '/none': No such file")
    with case("gp: so is another user's"):
        if os.getuid():
            skip("takes root")
        os.chown(PATH, 1, -1)
        refused(gp("auth", "--keys", PATH), "belongs to user 1")


def elsewhere(keys):
    with case("gp: a descriptor is taken, when it is open"):
        refused(gp("auth", "--keys-fd", "0", stdin=keys.text), MODULE)
        refused(gp("auth", "--keys-fd", "0", stdin=keys.text[:-40]), "the descriptor.*|line 5: dek")
        refused(gp("auth", "--keys-fd", "9"), "'9' is no open descriptor", 2)
        refused(gp("auth", "--keys-fd", "x"), "'x' is no open descriptor", 2)
    with case("gp: keys are in no argument and in no variable"):
        path = write(keys.text)
        os.environ["SECMOD_KEYS"] = str(path)
        refused(gp("auth"), "give --keys FILE or --keys-fd N", 2)
        refused(gp("auth", keys.enc.hex()), "is too much", 2)
        refused(gp("auth", "--keys", keys.enc.hex()), "cannot open")
        refused(gp("auth", "--keys", path, "--keys-fd", "0"), "give --keys FILE or", 2)
        refused(gp("put-key", "--keys", path), "give --new FILE or --new-fd N", 2)
        refused(gp("store-data", "--keys", path, "a000000321", "8010=00"), "is too much", 2)


def contents(keys):
    lines = keys.text.splitlines()
    wrong = (
        (lines[:2] + [lines[2][:-2]] + lines[3:], "line 3: enc is no key of AES"),
        (lines[:2] + [lines[2] + "00"] + lines[3:], "line 3: enc is no key of AES"),
        (lines[:2] + [lines[2][:-2] + "XX"] + lines[3:], "line 3: enc is no key of AES"),
        (lines[:2] + ["enc"] + lines[3:], "line 3: enc is no key of AES"),
        (lines[:3] + ["mac " + "00" * 16] + lines[4:], "line 4: mac has 16 bytes, .* 32"),
        (lines + [lines[3]], "line 6: a second mac"),
        (lines[:1] + lines[2:], "no whole keyset"),
        (lines[:4], "no whole keyset"),
        (lines + [keys.dek.hex()], "line 6: a line is one of"),
        (["kvn 380"] + lines[2:], "line 1: kvn is a key version number"),
        (["# " + "x" * 70000] + lines, "longer than"),
    )
    for text, why in wrong:
        with case(f"gp: what is no keyset is refused and not repeated: {why}"):
            result = gp("auth", "--keys", write("\n".join(text)))
            refused(result, why)
            for key in keys.keys:
                expect(key.hex()[:8] not in result.err.lower(), result.err)
    with case("gp: the order of the lines, case and comments do not matter"):
        refused(gp("auth", "--keys", write("\r\n".join(reversed(lines)))), MODULE)


def words(path):
    with case("gp: verbs, and names that are none"):
        result = gp("--help")
        expect_rc(result, 0)
        for verb in "info apdu list auth put-key delete install store-data".split():
            expect_match(rf"\n  {verb} ", result.out)
        refused(gp("frobnicate"), "there is no 'gp frobnicate'", 2)
        refused(gp("delete", "--keys", path, "xx"), "'xx' is no name", 2)
        refused(gp("install", "--keys", path, "a0000003"), "is no AID", 2)
        refused(gp("auth", "--keys", path, "--level", "1"), "--level: '1'", 2)
        expect_equal(gp("info", "--json", "extra").rc, 2)


def main():
    keys = Keyset(0x38, 32)
    files(keys)
    elsewhere(keys)
    contents(keys)
    words(write(keys.text))


if __name__ == "__main__":
    main()
