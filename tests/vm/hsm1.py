#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""HSM 1 with a TPM device and a kernel that computes CMACs for it."""

import json

from lib import BIN, BUILD, VM, Tpm, case, expect, expect_equal, expect_match, expect_rc
from lib.kms import Hsm1, Kms

UID = "00112233445566778899aabbccddeeff"
NO_ALG = "/etc/modprobe.d/no-alg.conf"


class GuestHsm1(Hsm1):
    """In the machine; its files pass through the directory both see."""

    def __init__(self, vm, tpm, kms):  # pylint: disable=super-init-not-called
        self.vm, self.tpm, self.label = vm, tpm, "hsm1"
        self.dir = "/var/lib/secmod-hsm1"
        authority = vm.share / "authority.pem"
        authority.write_text(kms.authority.read_text())
        expect_rc(self.run("init", "--authority", authority))

    def run(self, *words):
        words = [self.shared(word) if hasattr(word, "read_text") else word for word in words]
        return self.vm.sh([BIN / "secmod-hsm1", *words], check=False)

    def shared(self, path):
        """A copy that the machine sees."""
        if self.vm.share in path.parents:
            return path
        copy = self.vm.share / path.name
        copy.write_text(path.read_text())
        return copy

    def request(self):
        path = self.vm.share / "request"
        expect_rc(self.run("request", "--out", path))
        return path

    def answer(self, challenge):
        path = self.vm.share / "response"
        expect_rc(self.run("answer", "--challenge", challenge, "--out", path))
        return path


def unit(vm, name, passes):
    """Nothing of it is skipped in the machine."""
    result = vm.sh(f"SECMOD_BUILD={BUILD} {BUILD}/unit/{name}", timeout=600, check=False)
    expect_rc(result, 0, passes)
    expect("SKIPPED" not in result.out + result.err, result)


def main():
    tpm = Tpm()
    kms = Kms()
    kms.generate("master", "replacement", "recovery")
    with VM(tpm=tpm) as vm:
        vm.sh(f"echo 'install algif_hash /bin/false' >{NO_ALG}")
        hsm = GuestHsm1(vm, tpm, kms)
        with case("B2 keys are imported into a TPM behind its device"):
            kms.admit(hsm)
            for kind in ("master", "replacement", "recovery"):
                expect_rc(hsm.run("import", kms.give(kind, 1, "hsm1")), 0, kms.kcv(kind, 1))
        with case("HSM 1 has no sockets, no network, few system calls, locked memory"):
            status = hsm.status()
            expect(not status["local_sockets"] and status["network_namespace"] and
                   status["system_calls_limited"] and status["memory_locked"], status)
            expect_equal(status["cmac"], "OpenSSL")
        with case("B4 the kernel derives the same keys, where it computes CMACs"):
            by_library = hsm.run("derive", "--explain", "--uid", UID).out
            expect_match("check value", by_library)
            vm.sh(f"rm {NO_ALG}")
            expect_equal(hsm.status()["cmac"], "kernel")
            expect_equal(hsm.run("derive", "--explain", "--uid", UID).out, by_library)
        with case("B3 blocks are then in the kernel, and not in HSM 1's memory"):
            unit(vm, "hsm1_test", "B3 the random number is destroyed")
        with case("B4 NIST and OpenSSL derive the same keys as the kernel"):
            unit(vm, "hsm1_cmac_test", "B4 NIST's answers, by the kernel")


if __name__ == "__main__":
    main()
