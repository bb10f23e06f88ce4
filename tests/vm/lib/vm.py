# SPDX-License-Identifier: MIT
"""The machine under test."""

import re
import subprocess
import time

from . import boot
from .agent import Agent, GuestDied
from .klog import KernelLog, problems, unexpected_taint
from .paths import KERNEL, MODULE, REPO, SLOW, kernel_has, run_dir, socket_path
from .process import CommandFailed, Timeout, host, shell_text, spawn, wait_for
from .serial import SerialLine
from .tap import Failed


class VM:
    """A guest that boots the stock kernel on the host's root file system.

    The guest sees the host's files, at the host's paths; what it writes is gone
    at power off, but for two places: /var/lib/secmod (its disk) and vm.share (a
    directory with the same path on both sides). It reaches servers of the
    host's loopback interface as 10.0.2.2. Its /dev/ttyS1 is vm.serial here.

    With "with", it is booted at the start, and at the end shut down and its
    kernel log checked.

    tpm         a Tpm, or None for a machine without
    tpm_device  "tpm-crb" or "tpm-tis"
    disk        a file with the image of an earlier VM, or None for a new one
    hostfwd     {port of the host's loopback: port of the guest}
    extra       more arguments for QEMU; append: more for the kernel
    firmware    it loads the kernel, and resumes it; QEMU does otherwise
    nbd         a Disk that serves the image, to cut its writes off
    allow       patterns of kernel log lines that the test provokes
    allow_leaks functions of the kernel's that lose what they have allocated
    """

    _count = 0

    def __init__(
        self,
        tpm=None,
        tpm_device="tpm-crb",
        disk=None,
        disk_mb=64,
        memory=1024,
        cpus=1,
        hostfwd=None,
        extra=(),
        append="",
        allow=(),
        name=None,
        nbd=None,
        firmware=False,
    ):
        VM._count += 1
        self.name = name or f"vm{VM._count}"
        self.dir = run_dir() / self.name
        self.share = self.dir / "share"
        self.share.mkdir(parents=True)
        self.tpm, self.tpm_device = tpm, tpm_device
        self.disk = disk or self._make_disk(disk_mb)
        self.nbd = nbd
        self.firmware = firmware
        self.memory, self.cpus = memory, cpus
        self.hostfwd = hostfwd or {}
        self.extra, self.append = list(extra), append
        self.allow = list(allow)
        self.allow_leaks = []
        self.kernel_log = KernelLog(self.dir / "kernel.log")
        self.console = self.dir / "console.log"
        self.line = SerialLine()
        self.serial = self.line.path
        self.boot_time = None
        self._qemu = self._agent = None
        self._reported = 0  # problems of the log that were raised already

    def _make_disk(self, megabytes):
        disk = self.dir / "disk"
        with open(disk, "wb") as image:
            image.truncate(megabytes << 20)
        # no lazy initialisation, or a kernel thread would do it in the guest
        options = "lazy_itable_init=0,lazy_journal_init=0"
        host(["/sbin/mkfs.ext4", "-q", "-F", "-E", options, disk])
        return disk

    def __enter__(self):
        return self if self.running else self.boot()

    def __exit__(self, kind, *_):
        if not self.running:
            return
        if kind is None:
            self.shutdown()
        else:
            self.power_cut()

    @property
    def running(self):
        return self._qemu is not None and self._qemu.poll() is None

    def _arguments(self, agent, line):
        accelerator = boot.accelerator()
        image = self.nbd.attach(self.disk) if self.nbd else self.disk
        modules = KERNEL / "lib/modules"
        environment = f"vm_share={self.share} vm_modules={modules} vm_net=1 vm_disk=1"
        virtfs = "security_model=none,multidevs=remap"
        forward = "".join(
            f",hostfwd=tcp:127.0.0.1:{ours}-:{theirs}"
            for ours, theirs in self.hostfwd.items()
        )
        arguments = [
            *("qemu-system-x86_64", "-name", self.name, "-M", "q35"),
            *("-accel", accelerator),
            *("-cpu", "host" if accelerator == "kvm" else "max"),
            *("-m", self.memory, "-smp", self.cpus, "-nodefaults"),
            *("-no-user-config", "-display", "none", "-no-reboot"),
            *boot.arguments(f"{environment} {self.append}", self.firmware),
            *("-serial", f"file:{self.console}"),
            *("-chardev", f"socket,id=line,path={line},server=on,wait=off"),
            *("-serial", "chardev:line"),
            *("-device", "virtio-serial-pci"),
            *("-chardev", f"socket,id=agent,path={agent},server=on,wait=off"),
            *("-device", "virtserialport,chardev=agent,name=agent"),
            *("-virtfs", f"local,path=/,mount_tag=hostroot,readonly=on,{virtfs}"),
            *("-virtfs", f"local,path={self.share},mount_tag=share,{virtfs}"),
            # what QEMU was given survives it in the host's page cache
            *("-drive", f"file={image},format=raw,if=none,id=disk"),
            *("-device", "virtio-blk-pci,drive=disk"),
            *("-netdev", f"user,id=net{forward}"),
            *("-device", "virtio-net-pci,netdev=net,romfile="),
        ]
        if self.tpm:
            arguments += [
                *("-chardev", f"socket,id=tpm,path={self.tpm.attach()}"),
                *("-tpmdev", "emulator,id=tpm,chardev=tpm"),
                *("-device", f"{self.tpm_device},tpmdev=tpm"),
            ]
        return arguments + self.extra

    def boot(self, timeout=300):
        """Power on, until commands can run; the machine keeps TPM and disk. What does not
        come up, on a busy host, is tried again: nothing of the driver runs yet."""
        death = None
        for _ in range(3):
            try:
                self._boot_once(timeout)
            except GuestDied as error:
                death = error
                continue
            if not self._clock_is_wild():
                return self
            self._off()
            death = GuestDied("the guest's clock runs much too fast")
        raise death

    def _clock_is_wild(self):
        """On a busy host the guest may measure its clock wrongly; then its timeouts,
        which are shorter than they should be, fail what is sound."""
        if "-icount" in self.extra:  # it counts instructions
            return False
        return float(self.sh("read up _ </proc/uptime; echo $up").out) > 2 * self.boot_time + 2

    def _boot_once(self, timeout):
        assert not self.running, "it runs already"
        start = time.monotonic()
        self.kernel_log.boundary("power on")
        agent = socket_path(f"{self.name}.agent")
        line = socket_path(f"{self.name}.line")
        for path in (agent, line, self.console):
            path.unlink(missing_ok=True)
        arguments = self._arguments(agent, line)
        with open(self.dir / "qemu.log", "a", encoding="utf-8") as log:
            log.write(shell_text(arguments) + "\n")
            log.flush()
            self._qemu = spawn(
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for(lambda: agent.exists() or not self.running, 10, "QEMU")
        if not self.running:
            raise GuestDied((self.dir / "qemu.log").read_text())
        self._agent = Agent(agent, self.kernel_log.add)
        self.line.connect(line)
        if not self._agent.wait_ready(timeout * SLOW):
            self._off()
            raise GuestDied(f"did not boot:\n{self._tail()}")
        self.boot_time = time.monotonic() - start

    def _tail(self):
        logs = (self.console, self.dir / "qemu.log")
        texts = [p.read_text(errors="replace") for p in logs if p.exists()]
        return "\n".join(text[-3000:] for text in texts)

    def start(self, command, cwd=REPO, terminal=False):
        """Start a command (text for the shell, or a list of words)."""
        if not self._agent:
            raise GuestDied("the machine is off")
        return self._agent.start(shell_text(command), cwd, terminal)

    def sh(self, command, timeout=180, check=True, stdin=None, cwd=REPO):
        """Run a command to its end; a Result. check: it must exit with 0."""
        process = self.start(command, cwd)
        if stdin:
            process.write(stdin)
        process.close_input()
        try:
            process.wait(timeout)
        except Timeout:
            process.signal(9)
            raise
        except GuestDied as death:
            raise GuestDied(f"{death}\n{self._tail()}") from death
        if check and process.rc:
            raise CommandFailed(process.result())
        return process.result()

    def wait_for(self, predicate, timeout=30, what=None):
        """Until predicate() is true, or a guest command given as text succeeds."""
        if isinstance(predicate, str):
            what = what or predicate
            command = predicate

            def predicate():
                return self.sh(command, check=False).rc == 0

        return wait_for(predicate, timeout, what)

    def load_module(self, parameters="", module=MODULE):
        """insmod secmod.ko, until the device is there."""
        self.load_needed(module)
        self.sh(f"insmod {module} {parameters}")
        if module == MODULE:
            self.wait_for("test -c /dev/secmod0", 10)

    def load_needed(self, module=MODULE):
        """modprobe what the module depends on."""
        for needed in self._module_needs(module):
            self.sh(["modprobe", needed])

    @staticmethod
    def _module_needs(module):
        fields = host(["/sbin/modinfo", "-F", "depends", module]).out.strip()
        soft = host(["/sbin/modinfo", "-F", "softdep", module]).out
        soft = soft.replace("pre:", " ").partition("post:")[0]
        return [*filter(None, fields.split(",")), *soft.split()]

    def shutdown(self, timeout=30):
        """Orderly power off; then the kernel log must be clean."""
        if not self.running:
            self._off()
            raise GuestDied(f"before shutdown:\n{self._tail()}")
        leaks = self.find_leaks() if kernel_has("CONFIG_DEBUG_KMEMLEAK") else ""
        agent = self._agent
        agent.halt()
        try:
            self._qemu.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            self._off()
            raise GuestDied(f"hangs at shutdown:\n{self._tail()}") from None
        wait_for(lambda: agent.dead, 5, "the end of the log")
        self._off()
        if leaks:
            raise Failed(f"memory leaks:\n{leaks}")
        self.check_kernel_log()
        if agent.last_taint is None:
            raise GuestDied(f"died at shutdown:\n{self._tail()}")
        taint = unexpected_taint(agent.taint, agent.last_taint)
        if taint:
            raise Failed(f"the kernel is tainted: {taint:#x}")

    def find_leaks(self):
        """Unloads the driver, if nobody uses it; what nothing points to any more.

        Only what is older than 5 s counts; what has changed since the last scan
        is reported by the next.
        """
        self.sh(
            "rmmod secmod 2>/dev/null; cd /sys/kernel/debug && sleep 5 &&"
            "echo scan >kmemleak && echo scan >kmemleak",
            timeout=300,
        )
        report = self.sh("cat /sys/kernel/debug/kmemleak").out
        objects = re.split(r"(?m)^(?=unreferenced object)", report)
        return "".join(o for o in objects if not any(f in o for f in self.allow_leaks))

    def power_cut(self):
        """Everything stops at once: QEMU and TPM are killed."""
        if self.running:
            self._qemu.kill()
        if self.tpm:
            self.tpm.kill()
        self._off()
        self.check_kernel_log()

    def _off(self):
        if self.running:
            self._qemu.kill()
        if self._qemu:
            self._qemu.wait()
        self.line.disconnect()
        if self.nbd:
            self.nbd.off()
        if self._agent:
            self._agent.close()
            self._agent = None
        if self.tpm:
            self.tpm.stop()

    def check_kernel_log(self):
        """Fail if the kernel complained of anything since the last check."""
        known = self.kernel_log.problems(self.allow)
        new = known[self._reported :]
        self._reported = len(known)
        if not new and self.console.exists():
            # a guest that died could not send its last words
            new = problems(self.console.read_text(errors="replace"), self.allow)
        if new:
            raise Failed("the kernel complains:\n" + "\n...\n".join(new))
