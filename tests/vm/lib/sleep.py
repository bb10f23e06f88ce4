# SPDX-License-Identifier: MIT
"""Machines that sleep: what goes on working in them, and how they are woken."""

import json
import os
import re
import socket

from .paths import BIN, BUILD, socket_path
from .process import Timeout, wait_for
from .tap import expect_equal
from .vm import VM

# The root over 9p does not outlive a sleep: programs after it come from a tmpfs.
SMALL = "/run/small"
_PROVIDER = BUILD / "lib/ossl-modules/secmod.so"
_CONFIG = f"""openssl_conf = conf
[conf]
providers = providers
[providers]
default = on
secmod = secmod
[on]
activate = 1
[secmod]
module = {_PROVIDER}
activate = 1
"""
_MAKE_SMALL = f"""
    programs="{BIN}/secmod /usr/bin/tpm2 /usr/bin/openssl /bin/dash /bin/cat /bin/dd {_PROVIDER}"
    tcti=$(/sbin/ldconfig -p | grep -o '/[^ ]*libtss2-tcti-device.so.0$')
    libraries=$(ldd $programs $tcti | grep -o '/[^ :]*[.]so[^ :]*' | sort -u)
    mkdir -p {SMALL}/etc {SMALL}/tmp
    for file in $programs $tcti $libraries; do
        mkdir -p {SMALL}$(dirname $file)
        [ -e {SMALL}$file ] || cp -L $file {SMALL}$file
    done
    cp /etc/ld.so.cache {SMALL}/etc
    cat >{SMALL}/etc/openssl.cnf
    for dir in /proc /sys /dev /var/lib/secmod; do
        mkdir -p {SMALL}$dir
        mount --rbind $dir {SMALL}$dir
    done
"""
# one process, there before the sleep, that runs what it is told
_SERVE = f"""exec chroot {SMALL} /bin/dash -c '
    export OPENSSL_CONF=/etc/openssl.cnf
    while read -r line; do
        eval "$line" 2>&1
        echo "rc=$?;"
    done'"""

# SeaBIOS leaves the chipset's registers for power management where they are after
# a reset: the next sleep, and the shutdown, would go nowhere.
_LPC = "/sys/bus/pci/devices/0000:00:1f.0/config"
# Linux 7.3 asks whether the host has its end of the agent's port open before it has
# room for the answer. Only the console can tell then.
_UNPLUGGED = "nobody at the port"
_SLEEP = (
    "echo mem >/sys/power/state; rc=$?;"
    rf" for at in 64:\\001\\006 68:\\200; do printf ${{at#*:}}"
    f" | dd of={_LPC} bs=1 seek=${{at%:*}} conv=notrunc 2>&1; done;"
    " case $(cat /sys/kernel/debug/virtio-ports/*) in *host_connected:?0*)"
    f" echo {_UNPLUGGED} >/dev/console;; esac; (exit $rc)"
)


class _Monitor:
    """QEMU's: to see the machine sleep and to wake it."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        wait_for(lambda: self._socket.connect_ex(os.fspath(path)) == 0, 10, "QMP")
        # not one file for both ways: a write throws away what it has read ahead
        self._file = self._socket.makefile("r")
        self._file.readline()
        self.events = []
        self.run("qmp_capabilities")

    def run(self, command):
        self._socket.sendall(json.dumps({"execute": command}).encode() + b"\n")
        while True:
            answer = json.loads(self._file.readline())
            if "event" not in answer:
                return answer["return"]
            self.events.append(answer["event"])

    def slept(self):
        """How often it has."""
        self.run("query-status")
        return self.events.count("SUSPEND")


class Shell:
    """Runs commands of the small root, one after the other."""

    def __init__(self, vm):
        self._process = vm.start(_SERVE)
        self.sh("true")  # it has left the root that does not outlive a sleep

    def start(self, command):
        """Call what it returns until that is a match: of the output, and the status."""
        before = len(self._process.out)
        self._process.write(command + "\n")
        return lambda: re.match(r"(?s)(.*)rc=(\d+);\n", self._process.out[before:])

    def finish(self, answer, what="command"):
        """The output of what start() has started, which must succeed."""
        match = wait_for(answer, 120, what)
        expect_equal(match[2], "0", f"{what}: {match[1]}")
        return match[1]

    def sh(self, command):
        return self.finish(self.start(command), command)


class SleepyVM(VM):
    """Its firmware boots it, for it is what resumes it; slow.

    QEMU puts what it loaded itself into memory again at a reset, and an awakening
    is one.
    """

    def __init__(self, **options):
        self._qmp = socket_path("qmp")
        monitor = ["-qmp", f"unix:{self._qmp},server=on,wait=off"]
        # the console tells how far it got, when nothing else does any more
        append = "loglevel=7 no_console_suspend pm_debug_messages"
        super().__init__(firmware=True, extra=monitor, append=append, **options)

    def boot(self, timeout=300):
        self._qmp.unlink(missing_ok=True)
        super().boot(timeout)
        self._monitor = _Monitor(self._qmp)
        self.sh(_MAKE_SMALL, stdin=_CONFIG, timeout=300)
        self.shell, self.other_shell = Shell(self), Shell(self)
        return self

    def _told(self, text):
        """How often the console has."""
        return self.console.read_text(errors="replace").count(text)

    def freezing(self):
        """How often processes were put to sleep, or began to be."""
        return self._told("PM: suspend entry")

    def _await(self, condition, what):
        try:
            wait_for(condition, 120, what)
        except Timeout as late:
            raise Timeout(f"{late}\n{self._tail()}") from late

    def sleep(self):
        """Suspend to RAM, and resume."""
        before, unplugged = self._monitor.slept(), self._told(_UNPLUGGED)
        awake = self.shell.start(_SLEEP)
        self._await(lambda: self._monitor.slept() > before or awake(), "sleep")
        self._monitor.run("system_wakeup")
        self._await(lambda: awake() or self._told(_UNPLUGGED) > unplugged, "awakening")
        if not awake():
            self._agent.reconnect()
        self.shell.finish(awake, "suspend to RAM")
        expect_equal(self._monitor.slept(), before + 1, "times it slept")
