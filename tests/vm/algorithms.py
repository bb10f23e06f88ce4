#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""What the driver needs of the kernel's cryptography is there when it is loaded, or it is not
loaded; after that it has the kernel load nothing, whatever the module is asked to do."""

import os
import re

from lib import VM, Tpm, case, comment, expect, expect_equal, expect_match
from lib.cards import cards_of_a_module
from lib.gp import Keyset, cbc, cmac, pad
from lib.paths import MODULE
from lib.seal import Sealer, TransactionKey

# loaded when they are asked for, where the kernel does not have them built in
ALGORITHMS = {"cmac": "cmac(aes)", "ecb": "ecb(aes)", "gcm": "gcm(aes)"}
FORBIDDEN = "/etc/modprobe.d/forbidden.conf"
PURSE = b"purse"


def loadable(vm):
    paths = {name: vm.sh(["modinfo", "-n", name], check=False).out for name in ALGORITHMS}
    return [name for name, path in paths.items() if path.startswith("/")]


def unload(vm, names):
    """The driver, and what of the kernel's cryptography nobody else holds."""
    vm.sh("! grep -q ^secmod /proc/modules || rmmod secmod")
    if names:
        vm.sh(["modprobe", "-rq", *names])


def expect_refused(vm, name):
    """Or the driver has found another that the kernel has, as newer ones do."""
    algorithm = ALGORITHMS[name]
    if vm.sh(f"insmod {MODULE}", check=False).rc:
        expect_match(f"secmod: the kernel's {re.escape(algorithm)} cannot be used", vm.sh("dmesg").out)
        return
    found = re.findall(r"(?m)^name +: (\S+)\n.*\nmodule +: (\S+)$", vm.sh("cat /proc/crypto").out)
    others = [module for known, module in found if known == algorithm]
    comment(f"{algorithm} is given by {others}")
    expect(others and name not in others, f"loaded without {algorithm}")


def missing():
    with VM(tpm=Tpm(), name="missing") as vm:
        vm.load_needed()
        names = loadable(vm)
        for name in names:
            with case(f"a kernel without {name}: the driver says so and is not loaded"):
                unload(vm, names)
                vm.sh(f"echo install {name} /bin/false >{FORBIDDEN}; dmesg -C")
                expect_refused(vm, name)
        with case("with all of them it is loaded"):
            unload(vm, names)
            vm.sh(f"rm -f {FORBIDDEN}")
            vm.load_module()


class Requests:
    """What the kernel asks modprobe for, in the place of modprobe."""

    def __init__(self, vm):
        self.vm, self.log = vm, vm.share / "requests"
        script = vm.share / "modprobe"
        script.write_text(f'#!/bin/sh\necho "$*" >>{self.log}\n')
        script.chmod(0o755)
        self.log.touch()
        vm.sh(f"echo {script} >/proc/sys/kernel/modprobe")

    def read(self):
        return [line.split()[-1] for line in self.log.read_text().splitlines()]


def channels(cards, mk):
    key = TransactionKey(0x40)
    talk = cards.talk()
    talk.open_central(cards.central)
    key.put(talk)
    talk.open(mk)
    fields = b"\0\0" + bytes([len(PURSE)]) + PURSE + b"\0\0\0"
    talk.ask("80E60C00", fields)
    talk.ask("80E62000", fields)
    secret = os.urandom(16)
    data = cbc(mk.dek, bytes(16), pad(b"\1" + secret))
    talk.ask("80E28800", b"\x80\0" + bytes([len(data)]) + data)
    talk.close()
    user = Sealer(cards.module.vm)
    expect_equal(user.use(PURSE, 0x8000, 1, b"data"), cmac(secret, b"data"))
    expect_equal(key.open(user.seal(0x40, b"text")[0])[1], b"text")
    expect_equal(user.open(key.seal(b"text"))[0], b"text")
    user.close()


def life():
    with cards_of_a_module(name="life") as cards:
        vm = cards.module.vm
        requests = Requests(vm)
        with case("loaded, the driver has the kernel load no module: channels and keys"):
            krk, mk = Keyset(0x31), Keyset(0x38)
            cards.issue(mk, krk)
            channels(cards, mk)
            expect_equal(requests.read(), [])
        with case("loaded, the driver has the kernel load no module: the life of a module"):
            cards.module.secmod("reset", "--yes")
            cards.module.personalize(cards.unit)
            expect_equal(requests.read(), [])
        with case("what the kernel asks for is seen"):
            vm.sh("python3 -c 'import socket; socket.socket(socket.AF_ALG, 5)'", check=False)
            expect_equal(requests.read(), ["net-pf-38"])


missing()
life()
