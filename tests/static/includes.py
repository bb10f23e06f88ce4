#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Dependencies point one way: kernel to tpm; programs to libraries; tests to all."""

import re
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
LIBRARIES = {
    "campaign",
    "common",
    "custody",
    "gp",
    "hsm",
    "hsm1",
    "keyring",
    "libsecmod",
    "pki",
    "provider",
    "store",
}
SEARCH = ["userspace", "kernel/uapi", "."]
_INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)


def sources():
    command = ["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h"]
    listed = subprocess.run(command, cwd=REPO, capture_output=True, check=True)
    names = sorted(set(listed.stdout.decode().split()))
    return [Path(name) for name in names if (REPO / name).is_file()]


def resolve(source, name):
    """The file of the tree that is meant, if it is one of ours."""
    for base in (source.parent, *map(Path, SEARCH)):
        path = REPO / base / name
        if path.is_file():
            return path.resolve().relative_to(REPO)
    return None


def owner(path):
    """kernel, tpm, uapi, tests, or userspace/NAME."""
    if path.parts[:2] == ("kernel", "uapi"):
        return "uapi"
    if path.parts[0] == "userspace":
        return "/".join(path.parts[:2])
    return path.parts[0]


def allowed(user, used):
    if user == used or user == "tests":
        return True
    if user == "kernel":
        return used in ("tpm", "uapi")
    if user.startswith("userspace/"):
        return used == "uapi" or used.removeprefix("userspace/") in LIBRARIES
    return False


def violations():
    found = {"kernel": [], "tpm": [], "uapi": [], "userspace": []}
    for source in sources():
        for name in _INCLUDE.findall((REPO / source).read_text(errors="replace")):
            used = resolve(source, name)
            user = owner(source)
            if used and not allowed(user, owner(used)):
                found[user.split("/")[0]].append(f"{source} includes {name}")
    return found


def main():
    failed = False
    found = violations()
    for number, (part, lines) in enumerate(found.items(), 1):
        name = f"{part} includes only what it may"
        print(f"{'not ok' if lines else 'ok'} {number} - {name}")
        print("".join(f"# {line}\n" for line in lines), end="")
        failed |= bool(lines)
    print(f"1..{len(found)}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
