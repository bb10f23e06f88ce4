#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""make bench: how fast the module's key is, beside what people take instead.

One VM measures rates, all contenders in turn in each round; a second one, with the
same TPM and disk and a bus that counts, says how many TPM commands it takes.
"""

import argparse
import json
import re

import report
from contenders import P11_STORE, prepare
from lib import BUILD, MODULE, VM, Bus, CommandFailed, Module, Tpm, comment, serving

LOAD = BUILD / "bench/load"
AES = "modprobe -q aesni_intel || true"  # as udev does where the processor has it
PORT = 4433
FEW, MANY = 4, 12  # two runs of known length: the difference is the operations alone
FILES = 2000
INSTANCES = 16


class Bench:
    """The machine and what is measured in it."""

    def __init__(self, vm, module):
        self.vm, self.module = vm, module
        self.server = None
        self.failures = {}  # what does not work at all, and what it says

    def serve(self):
        """The peer of the handshakes, with a key in software."""
        share = self.vm.share
        self.vm.sh("ip link set lo up")
        self.server = self.vm.start(
            f"{LOAD} serve {PORT} {share}/trusted.pem {share}/server-chain.pem {share}/server.key"
        )
        self.server.wait_for("listening", 60)

    def load(self, contender, what, limit):
        """Run load(1); operations and seconds."""
        where = f"connect {PORT} {self.vm.share}/root.pem" if what == "handshake" else "sign"
        propq = f"-p '{contender.propq}' " if contender.propq else ""
        words = f"{LOAD} {propq}{limit} {where} {contender.chain} '{contender.uri}'"
        result = self.vm.sh(contender.command(words), timeout=600)
        return json.loads(result.out)

    def rate(self, contender, what, seconds):
        """Operations per second; None when it cannot, and why in self.failures."""
        try:
            ran = self.load(contender, what, f"-t {seconds}")
        except CommandFailed as failure:
            why = re.findall(r"error:\w+:(.*)", failure.result.err)
            self.failures[f"{what}, {contender.name}"] = why[:1] or failure.result.err
            return None
        return ran["done"] / ran["seconds"]

    def seconds(self, command):
        """How long a command of the guest takes, by the guest's clock."""
        timed = f"a=$(date +%s%N); {command} >/dev/null; b=$(date +%s%N); echo $((b - a))"
        return int(self.vm.sh(timed, timeout=120).out.split()[-1]) / 1e9

    def dgst(self, contender):
        """openssl dgst -sign once, from exec to exit."""
        words = f"openssl dgst -sha256 {contender.dgst} -out /run/sig {self.vm.share}/server.pem"
        return self.seconds(contender.command(words))


def rates(bench, contenders, rounds, seconds):
    """{what: {contender: [one figure per round]}}"""
    figures = {what: {c.name: [] for c in contenders} for what in report.RATES}
    for number in range(rounds):
        turned = contenders[number % len(contenders) :] + contenders[: number % len(contenders)]
        for contender in turned:
            for what in ("signature", "handshake"):
                figures[what][contender.name].append(bench.rate(contender, what, seconds))
            if contender.dgst:
                figures["process"][contender.name].append(1 / bench.dgst(contender))
        comment(f"round {number + 1} of {rounds}")
    return figures


def operation_commands(bench, bus, contender, what):
    """TPM commands of one operation, by name."""
    seen = []
    bench.load(contender, what, f"-n {FEW}")  # what only the first run needs
    for count in (FEW, MANY):
        bus.arm()
        bench.load(contender, what, f"-n {count}")
        seen.append(report.by_name(bus.codes))
    few, many = seen
    return {
        name: (many[name] - few.get(name, 0)) / (MANY - FEW)
        for name in many
        if many[name] != few.get(name, 0)
    }


def counts(bench, bus, contenders):
    """{what: {contender: {command: how often}}}"""
    return {
        what: {
            c.name: operation_commands(bench, bus, c, what)
            for c in contenders
            if f"{what}, {c.name}" not in bench.failures
        }
        for what in ("signature", "handshake")
    }


def steps(bench, contender):
    """The way of a module from power on to its first signature, as commands."""
    secmod = BUILD / "bin/secmod"
    sign = contender.command(f"{LOAD} -n 1 sign {contender.chain} {contender.uri}")
    return {
        "insmod": f"insmod {MODULE}",
        "attach": f"{secmod} attach --vault {bench.module.vault}",
        "first signature": sign,
    }


def tpm_seconds(vm):
    """How long the driver has waited for the TPM since it was loaded."""
    shown = vm.sh("cat /sys/class/secmod/secmod0/stats/tpm_ns", check=False).out
    return int(shown or 0) / 1e9


def operating(bench, contender, bus=None):
    """{step: [seconds, of these the TPM's]}, or {step: TPM commands} with a bus."""
    bench.vm.load_needed()
    figures = {}
    for name, command in steps(bench, contender).items():
        before = tpm_seconds(bench.vm)
        if bus:
            bus.arm()
        took = bench.seconds(command)
        counted = bus and report.by_name(bus.codes)
        figures[name] = counted or [took, tpm_seconds(bench.vm) - before]
    return figures


def kmalloc_bytes(vm):
    """Bytes of all slab objects in use, and of what is too large for one."""
    shown = vm.sh("echo 1 >/proc/sys/vm/stat_refresh; cat /proc/slabinfo /proc/vmstat").out
    slabs, pages = [], 0
    for fields in map(str.split, shown.splitlines()):
        if "slabdata" in fields and fields[1].isdigit():
            slabs.append((int(fields[1]) * int(fields[3]), int(fields[-2]) * int(fields[5])))
        elif fields[0] in ("nr_slab_unreclaimable", "nr_slab_reclaimable"):
            pages += int(fields[1])
    large = pages - sum(pages_of for _, pages_of in slabs)
    return sum(used for used, _ in slabs) + 4096 * large


def held(vm, path):
    """Bytes that one open file of path costs."""
    before = kmalloc_bytes(vm)
    process = vm.start(f"{LOAD} -n {FILES} hold {path}")
    process.wait_for("held", 60)
    cost = kmalloc_bytes(vm) - before
    process.close_input()
    process.wait()
    return cost / FILES


def memory(vm):
    """What the driver takes of the kernel's memory. Unloads it."""
    figures = {"open file": held(vm, "/dev/secmod0") - held(vm, "/dev/null")}
    name, size = vm.sh("grep ^secmod /proc/modules").out.split()[:2]
    figures["code and data"] = int(size)
    areas = vm.sh("grep -F '[secmod]' /proc/vmallocinfo", check=False).out.splitlines()
    figures["vmalloc"] = sum(int(line.split()[1]) for line in areas)
    vm.sh(f"rmmod {name}")
    slabs = []
    for instances in (1, INSTANCES):
        before = kmalloc_bytes(vm)
        vm.load_module(f"instances={instances}")
        slabs.append(kmalloc_bytes(vm) - before)
        vm.sh(f"rmmod {name}")
    figures["instance"] = (slabs[1] - slabs[0]) / (INSTANCES - 1)
    return figures


def measure(arguments):
    tpm = Tpm()
    manufacturer, unit = serving(tpm)
    vm = VM(tpm=tpm, tpm_device=arguments.tpm)
    bench = Bench(vm, Module(vm))
    with vm:
        vm.load_module()
        bench.module.init(manufacturer)
        bench.module.personalize(unit)
        contenders = prepare(vm, bench.module, manufacturer)
        comment("prepared")
        bench.serve()
        result = {"rates": rates(bench, contenders, arguments.rounds, arguments.seconds)}
        result["memory"] = memory(vm)
    with vm:
        result["operating"] = {"seconds": operating(bench, contenders[0])}
    tpm.bus = Bus()
    with vm:
        result["operating"]["commands"] = operating(bench, contenders[0], tpm.bus)
        vm.sh(f"cp -r {vm.share}/p11 {P11_STORE}")
        bench.serve()
        result["commands"] = counts(bench, tpm.bus, contenders)
    result["failures"] = bench.failures
    unit.stop()
    manufacturer.stop()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each rate in each round")
    parser.add_argument("--tpm", default="tpm-crb", help="or tpm-tis")
    parser.add_argument("--json", help="file for the figures (build/bench/DATE.json)")
    arguments = parser.parse_args()
    result = report.conditions(arguments) | measure(arguments)
    path = report.save(result, arguments.json)
    print(report.table(result))
    print(f"figures: {path}")


if __name__ == "__main__":
    main()
