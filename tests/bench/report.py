# SPDX-License-Identifier: MIT
"""The figures of make bench: kept as JSON, shown as ratios beside the targets."""

import collections
import json
import platform
import re
import statistics
import subprocess
import time
from pathlib import Path

from lib import BUILD, REPO

OURS = "secmod"
RATES = ("signature", "handshake", "process")
TITLES = {
    "signature": "signatures/s",
    "handshake": "TLS 1.3 handshakes/s",
    "process": "openssl dgst -sign/s",
}

# what, beside whom, ours must be at least so many times as fast
SPEED_TARGETS = [
    ("handshake", "tpm2-openssl-abrmd", 5),
    ("handshake", "tpm2-pkcs11", 2),
    ("handshake", "software", 0.65),
]
# beside whom a handshake must take fewer TPM commands
COUNT_TARGETS = ("tpm2-openssl-abrmd", "tpm2-pkcs11")

# commands that the driver does not use
_MORE = {0x15C: "SequenceUpdate", 0x13E: "SequenceComplete", 0x186: "HashSequenceStart"}
_MORE |= {0x15E: "Unseal", 0x161: "ContextLoad", 0x162: "ContextSave"}


def _command_names():
    """Codes and names, from the table of tpm/."""
    header = (REPO / "tpm/command.h").read_text()
    found = re.findall(r"T2_CC_(\w+) = (0x[0-9a-fA-F]+)", header)
    names = {int(code, 16): name.title().replace("_", "") for name, code in found}
    return _MORE | names


def by_name(codes):
    """How often each command is among these codes."""
    names = _command_names()
    return dict(collections.Counter(names.get(code, f"{code:#x}") for code in codes))


def conditions(arguments):
    """What the figures were measured with."""
    version = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=REPO, capture_output=True, text=True
    ).stdout.strip()
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "version": version,
        "processor": processor[1] if processor else platform.machine(),
        "load average": Path("/proc/loadavg").read_text().split()[0],
        "tpm": arguments.tpm,
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
    }


def save(result, path, prefix=""):
    name = prefix + result["at"].replace(":", "").replace("-", "")
    path = Path(path) if path else BUILD / f"bench/{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    return path


def ratios(figures, name, of=OURS):
    """Ours by theirs, round by round: neighbours of the machine weigh on both."""
    pairs = zip(figures[of], figures[name])
    return [ours / theirs for ours, theirs in pairs if theirs]


def _rate_rows(result):
    for what in RATES:
        yield f"{TITLES[what]:24}{'median':>10}{'ours/it':>10}{'min':>8}{'max':>8}"
        for name, figures in result["rates"][what].items():
            r = ratios(result["rates"][what], name)
            if not r:
                if figures:
                    yield f"  {name:22}{'fails':>10}"
                continue
            yield (
                f"  {name:22}{statistics.median(figures):10.2f}{statistics.median(r):10.2f}"
                f"{min(r):8.2f}{max(r):8.2f}"
            )


def _detail(commands):
    return ", ".join(f"{name} {count:g}" for name, count in sorted(commands.items()))


def _count_rows(result):
    for what, contenders in result["commands"].items():
        yield f"TPM commands per {what}"
        for name, commands in contenders.items():
            yield f"  {name:22}{sum(commands.values()):10.1f}  {_detail(commands)}"


def _other_rows(result):
    yield f"{'load to operating':24}{'ms':>10}{'TPM ms':>10}{'TPM commands':>14}"
    for step, (took, tpm) in result["operating"]["seconds"].items():
        commands = result["operating"]["commands"][step]
        figures = f"{took * 1000:10.0f}{tpm * 1000:10.1f}{sum(commands.values()):14}"
        yield f"  {step:22}{figures}  {_detail(commands)}"
    yield f"{'memory':24}{'bytes':>10}"
    for what, count in result["memory"].items():
        yield f"  {what:22}{count:10.0f}"


def targets(result):
    """(text, measured, met) for each; also what a key that costs nothing would reach."""
    for what, name, least in SPEED_TARGETS:
        figures = result["rates"][what]
        ratio = statistics.median(ratios(figures, name))
        free = statistics.median(ratios(figures, name, of="software"))
        measured = f"{ratio:.2f}" + ("" if name == "software" else f" (software {free:.2f})")
        yield f"{what}s at least {least} x {name}", measured, ratio >= least
    per_handshake = {
        name: sum(commands.values()) for name, commands in result["commands"]["handshake"].items()
    }
    ours = per_handshake[OURS]
    for name in COUNT_TARGETS:
        measured = f"{ours:.1f} : {per_handshake[name]:.1f}"
        yield f"fewer TPM commands than {name}", measured, ours < per_handshake[name]


def table(result):
    lines = [*_rate_rows(result), *_count_rows(result), *_other_rows(result)]
    lines += [f"fails: {what}: {''.join(why)}" for what, why in result["failures"].items()]
    lines.append("targets")
    for text, measured, met in targets(result):
        lines.append(f"  {text:46}{measured:>22}  {'met' if met else 'MISSED'}")
    return "\n".join(lines)
