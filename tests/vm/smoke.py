#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""What every other VM test relies on: the harness itself, without secmod."""

import os
import socket
import subprocess
import sys
import threading
import time

from lib import (
    REPO,
    VM,
    CommandFailed,
    GuestDied,
    Process,
    Tpm,
    case,
    comment,
    expect,
    expect_equal,
    expect_match,
    expect_rc,
    host,
    wait_for,
)


def commands(vm):
    with case("a command's output, error text and exit status come back"):
        result = vm.sh("echo out; echo err >&2; exit 7", check=False)
        expect_equal((result.rc, result.out, result.err), (7, "out\n", "err\n"))
    with case("a failing command raises when it is checked"):
        try:
            vm.sh("exit 3")
        except CommandFailed as failure:
            expect_equal(failure.result.rc, 3)
        else:
            expect(False, "no exception")
    with case("a command that a signal ends has a negative status"):
        expect_equal(vm.sh("kill -9 $$", check=False).rc, -9)
    with case("input reaches a command, a megabyte of it"):
        data = os.urandom(500_000).hex()
        expect_equal(len(vm.sh("cat", stdin=data).out), len(data))
    with case("the guest works in the repository at the host's path"):
        expect_equal(vm.sh("pwd").out, f"{REPO}\n")
        expect_rc(vm.sh("test -x tests/run"))
    with case("what the guest writes to its root does not reach the host"):
        vm.sh("echo x >/etc/secmod-smoke && cat /etc/secmod-smoke")
        expect(not os.path.exists("/etc/secmod-smoke"))
    with case("the share is the same directory on both sides"):
        vm.sh(f"echo from guest >{vm.share}/a")
        expect_equal((vm.share / "a").read_text(), "from guest\n")
        (vm.share / "b").write_text("from host")
        expect_equal(vm.sh(f"cat {vm.share}/b").out, "from host")


def background(vm):
    with case("a background command runs beside others and can be ended"):
        ticker = vm.start("while :; do echo tick; sleep 0.2; done")
        ticker.wait_for("tick\ntick")
        expect_rc(vm.sh("echo beside"), 0, "beside")
        expect(ticker.running)
        expect_equal(ticker.terminate(), -15)
    with case("a background command takes input while it runs"):
        cat = vm.start("while read -r line; do echo got $line; done")
        cat.write("one\n")
        cat.wait_for("got one")
        cat.write("two\n")
        cat.wait_for("got two")
        cat.close_input()
        expect_equal(cat.wait(), 0)
    with case("a command on a terminal has one"):
        shell = vm.start("tty; stty size", terminal=True)
        shell.wait()
        expect_match("/dev/pts/", shell.out)


def devices(vm, tpm):
    with case("the TPM is the one that was given, with its EK certificate"):
        vm.sh("tpm2_getcap -T device:/dev/tpmrm0 properties-fixed")
        der = vm.share / "ek.der"
        vm.sh(f"tpm2_nvread -T device:/dev/tpmrm0 -C o 0x1c00002 -o {der}")
        pem = vm.dir / "ek.pem"
        host(["openssl", "x509", "-inform", "der", "-in", der, "-out", pem])
        check = ["openssl", "verify", "-ignore_critical", "-CAfile", tpm.ek_ca, pem]
        expect_rc(host(check), 0, "OK")
    with case("the second serial line carries bytes both ways"):
        reader = vm.start("stty -F /dev/ttyS1 raw -echo; head -c 256 /dev/ttyS1 | xxd -p")
        data = bytes(range(256))
        vm.wait_for("pgrep -x head")
        with open(vm.serial, "r+b", buffering=0) as line:
            line.write(data)
            expect_equal(reader.wait(), 0)
            expect_equal(bytes.fromhex(reader.out.replace("\n", "")), data)
            vm.sh("printf 'hello from V.24' >/dev/ttyS1")
            expect_equal(line.read(15), b"hello from V.24")
    with case("the guest reaches a server of the host's loopback interface"):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            client = vm.start(f"exec 3<>/dev/tcp/10.0.2.2/{port} && cat <&3".join(
                ("bash -c '", "'")))
            server.settimeout(20)
            peer, _ = server.accept()
            peer.sendall(b"hello guest")
            peer.close()
            expect_equal(client.wait(), 0)
            expect_equal(client.out, "hello guest")


def power(vm, tpm):
    state = "/var/lib/secmod"
    counter = "tpm2_nvread -T device:/dev/tpmrm0 -C o 0x1500001 | xxd -p"
    with case("after a power cut synced data is there, other data is lost"):
        vm.sh(f"echo kept >{state}/synced && sync {state}/synced {state}")
        vm.sh(f"echo gone >{state}/unsynced")
        vm.sh("tpm2_nvdefine -Q -T device:/dev/tpmrm0 -C o -s 8 "
              "-a 'ownerread|ownerwrite|nt=counter' 0x1500001 && "
              "tpm2_nvincrement -T device:/dev/tpmrm0 -C o 0x1500001")
        before = vm.sh(counter).out
        vm.power_cut()
        expect(not vm.running and not tpm.running)
        vm.boot()
        comment(f"booted in {vm.boot_time:.1f} s")
        expect_equal(vm.sh(f"cat {state}/synced").out, "kept\n")
        expect_equal(vm.sh(f"cat {state}/unsynced", check=False).out, "")
    with case("the TPM keeps its state over a power cut"):
        expect_equal(vm.sh(counter).out, before)
    with case("an orderly shutdown keeps what was not synced"):
        vm.sh(f"echo kept >{state}/unsynced")
        vm.shutdown()
        vm.boot()
        expect_equal(vm.sh(f"cat {state}/unsynced").out, "kept\n")


def faults(vm):
    with case("a guest that panics is noticed at once, with the reason"):
        try:
            vm.sh("echo c >/proc/sysrq-trigger", check=False)
        except GuestDied as death:
            expect_match("sysrq triggered crash", str(death))
        else:
            expect(False, "no exception")
    with case("a kernel that complained fails the test"):
        try:
            vm.power_cut()
        except AssertionError as failure:
            expect_match("panic", str(failure))
        else:
            expect(False, "no exception")


def children():
    with case("children die when the harness is killed"):
        code = (
            "import time; from lib import Process, Tpm;"
            "p = Process(['sleep', '1000']); t = Tpm(); t.serve();"
            "print(p.child.pid, t.child.pid, flush=True); time.sleep(1000)"
        )
        harness = subprocess.Popen(
            [sys.executable, "-B", "-c", code],
            cwd=REPO / "tests/vm",
            stdout=subprocess.PIPE,
            text=True,
        )
        pids = [int(pid) for pid in harness.stdout.readline().split()]
        expect_equal(len(pids), 2)
        harness.kill()
        harness.wait()

        def all_gone():
            return not any(alive(pid) for pid in pids)

        wait_for(all_gone, 5)
    with case("a child survives the thread that started it"):
        made = []
        thread = threading.Thread(target=lambda: made.append(Process("sleep 1000")))
        thread.start()
        thread.join()
        time.sleep(0.2)  # nothing is to happen
        expect(made[0].running)
        made[0].terminate()


def alive(pid):
    """Runs, and is no zombie that waits for its new parent."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def main():
    with case("two TPMs have different endorsement keys, made in a few seconds"):
        tpm, other = Tpm(), Tpm()
        keys = [host(["tpm2_readpublic", "-T", each.serve(), "-c", "0x81010001"]).out
                for each in (tpm, other)]
        expect(keys[0] != keys[1])
        tpm.stop()
        other.stop()
    children()
    vm = VM(tpm=tpm)
    with case("the machine boots"):
        vm.boot()
        comment(f"booted in {vm.boot_time:.1f} s")
    commands(vm)
    background(vm)
    devices(vm, tpm)
    power(vm, tpm)
    faults(vm)
    with case("a machine with a TIS TPM has it"):
        with VM(tpm=other, tpm_device="tpm-tis") as tis:
            tis.sh("tpm2_getcap -T device:/dev/tpmrm0 properties-fixed")


if __name__ == "__main__":
    main()
