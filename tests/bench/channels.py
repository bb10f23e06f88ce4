#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""make bench: what secure channels cost, and what of it the TPM takes.

One VM, everybody in turn in each round; ratios are taken within a round. The host's side
is userspace/gp, the program load(1) of this directory.
"""

import argparse
import json
import statistics

import report
from bench import AES, kmalloc_bytes
from lib import BUILD, comment
from lib.cards import cards_of_a_module
from lib.gp import Keyset

LOAD = BUILD / "bench/load"
STATS = "/sys/class/secmod/secmod0/stats"
DEVICE = "/dev/secmod0"
CHANNELS = 200
PROCESSES = 5
# kind: [(name, who and how for load(1))]; others' times are compared with the first one's
CONTENDERS = {
    "SCP03 session": [("secmod", f"{DEVICE} 33 {{keys}}"), ("software card", "software 33 {keys}")],
    "SCP11a session": [("secmod", f"{DEVICE} 33 {{dir}}"), ("agreements", "agreement 33 {dir}")],
    "APDU": [
        (f"{who}, {title}", f"{where} {level} {{keys}}")
        for who, where in (("secmod", DEVICE), ("software card", "software"))
        for level, title in ((0, "plain"), (1, "level 01"), (3, "level 03"), (33, "level 33"))
    ],
}


class Bench:
    """The machine, with a module that has keysets."""

    def __init__(self, cards, seconds):
        self.vm, self.seconds = cards.module.vm, seconds
        master = Keyset(0x38, 32)
        cards.issue(Keyset(0x31, 32), master, transport=Keyset(0x30, 32))
        self.words = {"keys": f"38 {b''.join(master.keys).hex()}", "dir": cards.central}

    def tpm_commands(self):
        return int(self.vm.sh(f"cat {STATS}/tpm_commands").out)

    def run(self, kind, how):
        """What load(1) says, and how many TPM commands one takes."""
        if kind != "APDU":
            return self._load("session", how, self.seconds)
        # an emulator is slower where a process's memory lies badly: the fastest of several
        several = [self._load("apdu", how, self.seconds / PROCESSES) for _ in range(PROCESSES)]
        return min(several, key=lambda result: result["seconds"])

    def _load(self, what, how, seconds):
        before = self.tpm_commands()
        words = how.format(**self.words)
        result = json.loads(self.vm.sh(f"{LOAD} -t {seconds} {what} {words}", timeout=600).out)
        result["commands"] = (self.tpm_commands() - before) / (result["done"] + 1)
        return result

    def channel_bytes(self):
        """Kernel memory of an open channel, beyond that of its open file."""
        costs = []
        for what in (f"hold {DEVICE}", f"channels {DEVICE} 33 {self.words['keys']}"):
            before = kmalloc_bytes(self.vm)
            process = self.vm.start(f"{LOAD} -n {CHANNELS} {what}")
            process.wait_for("held", 300)
            costs.append((kmalloc_bytes(self.vm) - before) / CHANNELS)
            process.close_input()
            process.wait()
        return costs[1] - costs[0]


def rounds(bench, count):
    """{kind: {contender: [what run() gives, in each round]}}"""
    figures = {kind: {name: [] for name, _ in contenders} for kind, contenders in CONTENDERS.items()}
    for number in range(count):
        for kind, contenders in CONTENDERS.items():
            turn = number % len(contenders)
            for name, how in contenders[turn:] + contenders[:turn]:
                figures[kind][name].append(bench.run(kind, how))
        comment(f"round {number + 1} of {count}")
    return figures


def measure(arguments):
    with cards_of_a_module(before=AES, tpm_device=arguments.tpm) as cards:
        bench = Bench(cards, arguments.seconds)
        return {"figures": rounds(bench, arguments.rounds), "channel_bytes": bench.channel_bytes()}


def median(figures, what):
    return statistics.median(figure[what] for figure in figures)


def table(result):
    lines = []
    for kind, contenders in result["figures"].items():
        lines.append(f"{kind:24}{'/s':>10}{'us':>10}{'in card':>10}{'TPM':>10}{'commands':>10}"
                     f"{'ours/it':>10}{'min':>8}{'max':>8}")
        seconds = {name: [1 / run["seconds"] for run in runs] for name, runs in contenders.items()}
        first = next(iter(contenders))
        for name, runs in contenders.items():
            r = report.ratios(seconds, name, of=first)
            lines.append(
                f"  {name:22}{statistics.median(seconds[name]):10.1f}"
                + "".join(f"{1e6 * median(runs, what):10.1f}" for what in ("seconds", "card", "tpm"))
                + f"{median(runs, 'commands'):10.1f}"
                + f"{statistics.median(r):10.2f}{min(r):8.2f}{max(r):8.2f}"
            )
    lines.append(f"memory of an open channel: {result['channel_bytes']:.0f} bytes")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1, help="of each in each round")
    parser.add_argument("--tpm", default="tpm-crb", help="or tpm-tis")
    parser.add_argument("--json", help="file for the figures (build/bench/channels-DATE.json)")
    arguments = parser.parse_args()
    result = report.conditions(arguments) | measure(arguments)
    path = report.save(result, arguments.json, "channels-")
    print(table(result))
    print(f"figures: {path}")


if __name__ == "__main__":
    main()
