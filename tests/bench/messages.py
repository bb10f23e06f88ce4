#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""make bench: what a sealed message costs, beside what people take instead.

One VM, all contenders in turn in each round, each at its fastest of some hundred short
stretches: the machine has other work. Ratios are taken within a round.
"""

import argparse
import itertools
import json
import statistics

import report
from bench import AES, kmalloc_bytes
from lib import BUILD, comment
from lib.cards import cards_of_a_module
from lib.seal import TransactionKey

LOAD = BUILD / "bench/load"
BARE = BUILD / "bench/bare/bare.ko"
SIZES = (64, 256, 4096)
BATCH = 256
KEYS = 30
WAYS = ("seal", "open")
# name, that of load(1), messages in one operation
CONTENDERS = [("secmod vectored", "secmod", BATCH), ("secmod single", "secmod", 1)]
CONTENDERS += [("AF_ALG", "afalg", 1), ("SoftHSM2", "softhsm", 1)]
BEST, NONE = "secmod vectored", "bare AEAD"
# at 64 bytes: beside whom, how many times as fast ours must be at least
TARGETS = (("AF_ALG", 5), ("SoftHSM2", 10), (NONE, 1 / 1.3))
SOFTHSM_CONF = "/run/softhsm.conf"
SOFTHSM = f"""set -e; export SOFTHSM2_CONF={SOFTHSM_CONF}; mkdir -p /run/softhsm
echo 'directories.tokendir = /run/softhsm' >{SOFTHSM_CONF}
softhsm2-util --init-token --free --label bench --pin 1234 --so-pin 1234"""
PARAMETERS = "/sys/module/bare/parameters"


class Bench:
    """The machine, and the key with which the module seals and opens."""

    def __init__(self, cards, seconds):
        self.vm, self.seconds = cards.module.vm, seconds
        talk = cards.talk()
        talk.open_central(cards.central)
        self.key = TransactionKey(0x40, lifetime=86400, messages=10**9).put(talk)
        self.key_bytes = self._memory_of_keys(talk)
        talk.close()
        self.rates = {}  # the last one of each, to know how many fit in the time

    def _memory_of_keys(self, talk):
        """Bytes of the kernel's memory that one key takes."""
        before = kmalloc_bytes(self.vm)
        for kvn in range(0x41, 0x41 + KEYS):
            TransactionKey(kvn).put(talk)
        return (kmalloc_bytes(self.vm) - before) / KEYS

    def bare(self, way, size):
        """Messages per second of the AEAD alone."""
        rate = self.rates.get((NONE, way, size), 2000)
        values = {"opening": int(way == "open"), "size": size, "count": BATCH}
        values["times"] = max(10, int(rate * self.seconds / BATCH))
        words = [f"echo {value} >{PARAMETERS}/{name}" for name, value in values.items()]
        words.append(f"cat {PARAMETERS}/ns")
        return BATCH / (int(self.vm.sh(" && ".join(words), timeout=600).out) / 1e9)

    def load(self, contender, way, size):
        """Messages per second by load(1)."""
        name, who, batch = contender
        limit, more = f"-t {self.seconds}", ""
        if who == "secmod" and way == "open":
            # what is to be opened was sealed before
            rate = self.rates.get((name, way, size), 2000)
            count = max(64, int(min(rate * self.seconds, 2**26 / size) / batch))
            limit = f"-n {count}"
            more = f"{self.key.key.hex()} {self.key.id:x} {self.key.sealed + 1}"
            self.key.sealed += (count + 1) * batch
        words = f"{LOAD} {limit} {way} {who} {size} {batch} {more}"
        ran = json.loads(self.vm.sh(f"SOFTHSM2_CONF={SOFTHSM_CONF} {words}", timeout=600).out)
        return batch / ran["best"]

    def rate(self, contender, way, size):
        measured = self.bare(way, size) if contender[0] == NONE else self.load(contender, way, size)
        self.rates[contender[0], way, size] = measured
        return measured


def measure(arguments):
    """{way: {size: {contender: [messages per second, one figure per round]}}}"""
    policy = ("--max-messages", str(10**9), "--max-keys", str(KEYS + 1))
    contenders = [*CONTENDERS, (NONE, None, 1)]
    rates = {w: {s: {c[0]: [] for c in contenders} for s in SIZES} for w in WAYS}
    with cards_of_a_module(before=AES, policy=policy) as cards:
        vm = cards.module.vm
        vm.sh(f"modprobe algif_aead && insmod {BARE}")
        vm.sh(SOFTHSM)
        bench = Bench(cards, arguments.seconds)
        driver = vm.sh("grep -B1 -A1 '^driver.*gcm' /proc/crypto").out
        for number, way, size in itertools.product(range(arguments.rounds), WAYS, SIZES):
            turn = number % len(contenders)
            for contender in contenders[turn:] + contenders[:turn]:
                rates[way][size][contender[0]].append(bench.rate(contender, way, size))
            comment(f"round {number + 1}: {way}, {size} bytes")
        vm.sh("rmmod bare")
    return {"rates": rates, "driver": driver, "key_bytes": bench.key_bytes}


def table(result):
    lines = [f"{'':22}{'bytes':>6}{'messages/s':>14}{'us':>8}{'vectored/it':>13}{'min':>8}{'max':>8}"]
    for way, size in itertools.product(WAYS, SIZES):
        figures = result["rates"][way][size]
        for name in figures:
            rate, r = statistics.median(figures[name]), report.ratios(figures, name, of=BEST)
            lines.append(
                f"{way:6}{name:16}{size:6}{rate:14.0f}{1e6 / rate:8.2f}"
                f"{statistics.median(r):13.2f}{min(r):8.2f}{max(r):8.2f}"
            )
    for (name, least), way in itertools.product(TARGETS, WAYS):
        got = statistics.median(report.ratios(result["rates"][way][SIZES[0]], name, of=BEST))
        verdict = "met" if got >= least else "MISSED"
        lines.append(f"  {way}, {SIZES[0]} bytes, vectored / {name}: {got:.2f}, {least:.2f}: {verdict}")
    lines.append(f"memory of a transaction key: {result['key_bytes']:.0f} bytes")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each rate in each round")
    parser.add_argument("--json", help="file for the figures (build/bench/messages-DATE.json)")
    arguments = parser.parse_args()
    arguments.tpm = "tpm-crb"
    result = report.conditions(arguments) | measure(arguments)
    path = report.save(result, arguments.json, "messages-")
    print(table(result))
    print(f"figures: {path}")


if __name__ == "__main__":
    main()
