#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""make bench: how long a fleet takes to get its keys, and what of it the TPM takes.

Several modules in one machine, with one TPM: what their drivers wait for it adds up to the
time in which it works. Each round is a campaign with the next master block.
"""

import argparse
import statistics
import time

import report
from lib import VM, Tpm, comment, expect_rc
from lib.fleet import Site, make

STATS = "/sys/class/secmod/secmod*/stats"


def tpm(vm):
    """Seconds in which the TPM has worked for the driver, and its commands."""
    shown = vm.sh(f"cat {STATS}/tpm_ns; echo; cat {STATS}/tpm_commands").out
    nanoseconds, commands = (map(int, half.split()) for half in shown.split("\n\n"))
    return sum(nanoseconds) / 1e9, sum(commands)


def timed(vm, modules, operation):
    """Modules per minute, the TPM's share of the time, its commands for each module."""
    before, start = tpm(vm), time.monotonic()
    expect_rc(operation(), 0)
    took = time.monotonic() - start
    seconds, commands = (new - old for new, old in zip(tpm(vm), before))
    return {
        "per minute": 60 * modules / took,
        "seconds": took,
        "tpm share": seconds / took,
        "commands": commands / modules,
    }


def measure(arguments):
    chip = Tpm()
    site = Site(chip, arguments.modules)
    figures = {"issuance": []} | {f"campaign, {n} at a time": [] for n in arguments.parallel}
    with VM(tpm=chip, tpm_device=arguments.tpm) as vm:
        vm.load_module(f"instances={arguments.modules}")
        fleet = make(vm, site, arguments.modules)
        serials = [instance.serial for instance in fleet]
        issue = timed(vm, len(fleet), lambda: site.run("issue", *serials))
        figures["issuance"].append(issue)
        version = 1
        for number in range(arguments.rounds):
            for parallel in arguments.parallel:
                version += 1
                site.next_master(version)
                run = lambda p=parallel: site.run("campaign", "start", "--parallel", str(p))
                name = f"campaign, {parallel} at a time"
                figures[name].append(timed(vm, len(fleet), run))
            comment(f"round {number + 1} of {arguments.rounds}")
    return {"modules": arguments.modules, "figures": figures}


def table(result):
    lines = [f"{'':24}{'modules/min':>12}{'min':>8}{'max':>8}{'TPM share':>12}{'commands each':>15}"]
    for name, runs in result["figures"].items():
        rates = [run["per minute"] for run in runs]
        share, commands = (
            statistics.median(run[what] for run in runs) for what in ("tpm share", "commands")
        )
        lines.append(
            f"{name:24}{statistics.median(rates):12.1f}{min(rates):8.1f}{max(rates):8.1f}"
            f"{share:12.2f}{commands:15.1f}"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--modules", type=int, default=10)
    parser.add_argument("--parallel", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--tpm", default="tpm-crb", help="or tpm-tis")
    parser.add_argument("--json", help="file for the figures (build/bench/campaigns-DATE.json)")
    arguments = parser.parse_args()
    arguments.seconds = None
    result = report.conditions(arguments) | measure(arguments)
    path = report.save(result, arguments.json, "campaigns-")
    print(table(result))
    print(f"figures: {path}")


if __name__ == "__main__":
    main()
