#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Suspend to RAM in each state and in the middle of things; what a TPM forgets in it."""

import signal
import struct
import threading

from lib import BIN, Bus, Tpm, case, expect, expect_equal, expect_match, serving, wait_for
from lib.bus import command_code
from lib.powercut import ROOT
from lib.sleep import SMALL, SleepyVM

SHUTDOWN, STARTUP, STIR, SIGN = 0x145, 0x144, 0x146, 0x15D
CLEAR = 0
VAULT = "/var/lib/secmod/secmod0.vault"
READ_ROOT = f"/usr/bin/tpm2 nvread -s 64 {ROOT:#x}"
SIGN_DATA = "/usr/bin/openssl dgst -sha256 -sign secmod:module -out /tmp/s /etc/data"
VERIFY = "/usr/bin/openssl dgst -sha256 -verify /etc/module.pub -signature /tmp/s /etc/data"


def attribute(name):
    return vm.shell.sh(f"cat /sys/class/secmod/secmod0/{name}").strip()


def secmod(*words):
    return f"{BIN}/secmod " + " ".join(str(word) for word in words)


def init(root, serial):
    return secmod("init", manufacturer.guest_endpoint, "--root", root,
                  "--serial", serial, "--vault", VAULT)


def read_locked():
    """Root does not get the root secret, for it is locked."""
    answer = wait_for(vm.shell.start(READ_ROOT), 60)
    expect_match("NV_LOCKED|NV access locked", answer[1])


def virgin():
    with case("A1 a virgin module is virgin after suspend to RAM, and is initialized then"):
        vm.sleep()
        expect_equal(attribute("state"), "virgin")
        expect_match("virgin", vm.shell.sh(secmod("status")))
        vm.shell.sh(init("/etc/root.pem", "SN-0001"))
        expect_equal(attribute("state"), "personalization")


def in_personalization():
    """Asleep between the salt's way into the TPM and the unit's bundle."""
    begun = threading.Event()

    def stop_unit(_, command):
        if command_code(command) == STIR:
            unit.server.signal(signal.SIGSTOP)
            begun.set()

    with case("A12 a personalization goes on after suspend to RAM"):
        bus.arm(on_command=stop_unit)
        answer = vm.other_shell.start(secmod("personalize", unit.guest_endpoint))
        wait_for(lambda: begun.is_set() or answer(), 60, "the salt")
        expect(begun.is_set(), answer() and answer()[1])
        vm.sleep()
        expect_equal(attribute("state"), "personalization")
        expect(not answer(), "the personalization has ended")
        unit.server.signal(signal.SIGCONT)
        vm.other_shell.finish(answer, "personalize")
        expect_equal(attribute("state"), "operating")
        bus.arm()


def operating(key):
    bus.arm()
    with case("A1 after suspend to RAM the module operates, its vault attached"):
        vm.sleep()
        expect_equal(attribute("state"), "operating")
        expect_equal(attribute("module_key"), key)
        expect(SHUTDOWN in bus.codes and STARTUP in bus.codes, bus.codes)
    with case("A1 after suspend to RAM it signs with the same key"):
        vm.shell.sh(SIGN_DATA)
        vm.shell.sh(VERIFY)
    with case("A24 after suspend to RAM the root secret is still read locked"):
        read_locked()


def in_signature():
    """The TPM has the command and does not answer until the machine falls asleep."""
    asked = threading.Event()
    before = vm.freezing()

    def hold(_, command):
        if command_code(command) == SIGN and not asked.is_set():
            asked.set()
            wait_for(lambda: vm.freezing() > before, 60, "the machine to fall asleep")

    with case("A1 a signature that is being made when the machine falls asleep is good"):
        bus.arm(on_command=hold)
        answer = vm.other_shell.start(SIGN_DATA)
        wait_for(lambda: asked.is_set() or answer(), 60, "the command")
        expect(asked.is_set(), answer() and answer()[1])
        vm.sleep()
        vm.other_shell.finish(answer, "sign")
        vm.shell.sh(VERIFY)


def cleared(*codes):
    """The TPM forgets, as one does that loses power without telling; these commands say so."""

    def clear(_, command):
        known = command_code(command) in codes
        return command[:10] + struct.pack(">H", CLEAR) if known else command

    bus.arm(on_command=clear)


def forgot(key):
    with case("A24 a TPM that was reset in its sleep gets the root secret locked again"):
        cleared(SHUTDOWN, STARTUP)
        vm.sleep()
        expect(STARTUP in bus.codes, bus.codes)
        read_locked()
    with case("A24 a TPM that the firmware could not start then is not left to root to start"):
        cleared(SHUTDOWN)
        vm.sleep()
        wait_for(vm.shell.start("/usr/bin/tpm2 startup -c"), 60)
        read_locked()
    with case("A1 and the module signs with the same key"):
        expect_equal(attribute("module_key"), key)
        vm.shell.sh(SIGN_DATA)
        vm.shell.sh(VERIFY)


def forgot_measurements():
    """Root knows what was measured into PCR 14, and does it once more."""
    measure = f"/usr/bin/tpm2 pcrextend 14:sha256={'11' * 32}"
    vm.sh(measure)
    vm.load_module("pcrs=14")
    vm.sh(init(manufacturer.root, "SN-0002"))
    with case("A24 pcrs=: root cannot give a TPM that was reset in its sleep the old PCRs"):
        cleared(SHUTDOWN, STARTUP)
        vm.sleep()
        vm.shell.sh(measure)
        answer = wait_for(vm.shell.start(f"{READ_ROOT} -P pcr:sha256:14"), 60)
        expect_match("policy check failed", answer[1])


bus = Bus()
tpm = Tpm(bus=bus)
manufacturer, unit = serving(tpm, in_tpm=True)
with SleepyVM(tpm=tpm) as vm:
    vm.load_module()
    vm.sh(f"cp {manufacturer.root} {SMALL}/etc/root.pem; head -c 32 /dev/urandom >{SMALL}/etc/data")
    virgin()
    in_personalization()
    handle = attribute("tpm/module_handle")
    vm.shell.sh(f"/usr/bin/tpm2 readpublic -Q -c {handle} -f pem -o /etc/module.pub")
    module_key = attribute("module_key")
    operating(module_key)
    in_signature()
    forgot(module_key)
bus = Bus()
with SleepyVM(tpm=Tpm(bus=bus), name="pcrs") as vm:
    forgot_measurements()
