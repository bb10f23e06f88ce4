#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""A campaign for which the key management server opens the cryptograms (B6): HSM 1 has the
public half of the recovery key only."""

import functools

from lib import VM, Tpm, case, expect, expect_equal, expect_match, expect_rc, free_port
from lib.fleet import Site, make

FLEET = 2


class Stand:
    """The fleet, and what all have to have until somebody replaces it."""

    def __init__(self, site, fleet):
        self.site, self.fleet = site, fleet
        self.uids = [instance.uid() for instance in fleet]

    @functools.cache
    def derived(self, version):
        return [self.site.derived(uid, version) for uid in self.uids]

    def expect_masters(self, version):
        """They have these, and no key was tried in vain."""
        for instance, (kvn, kcv) in zip(self.fleet, self.derived(version)):
            keysets = self.site.keysets(instance.serial)
            expect_equal(sorted(keysets), [0x31, kvn])
            expect_equal(keysets[kvn], (kcv, 0))
            expect_equal(keysets[0x31][1], 0)

    def expect_untouched(self, version, cause, *options):
        """The campaign goes on, gets nowhere for this cause, and nothing is lost."""
        expect_rc(self.site.run("campaign", "resume", *options), 1, f"{FLEET} modules are left")
        left = self.site.report()["left"]
        expect_equal([m["step"] for m in left], ["planned"] * FLEET)
        for m in left:
            expect_match(cause, m["cause"])
        self.expect_masters(version)


def refusals(stand):
    site, kms = stand.site, stand.site.kms
    own, tls = site.central.dir / "central.pem", kms.dir / "tls.pem"
    with case("B6 HSM 1 cannot open cryptograms alone, and modules are left for later"):
        site.next_master(2)
        expect_rc(site.run("campaign", "start"), 1, f"{FLEET} modules are left")
        stand.expect_untouched(1, "public half of recovery 1 only")
    with case("B6 options that name no server, or no certificate of one, are refused"):
        expect_rc(site.run("campaign", "resume", "--kms-label", "hsm1"), 1, "--kms names it")
        expect_rc(site.run("campaign", "resume", "--kms", "tcp:127.0.0.1:1"), 1, "kms.pem")
    (site.central.dir / "kms.pem").write_bytes(tls.read_bytes())
    with case("B6 a key management server that cannot be reached is named, and nothing is lost"):
        endpoint = f"tcp:127.0.0.1:{free_port()}"
        stand.expect_untouched(1, f"key management server '{endpoint}': .*refused",
                               "--kms", endpoint)
    with case("B6 nor is anything when the server has not approved the use of its key"):
        server = kms.serve(own)
        at = ("--kms", server.endpoint)
        stand.expect_untouched(1, "key management server .*not approved its use", *at)
    expect_rc(kms.approve("recovery", 1, "here"))
    asked = kms.uses()
    with case("B6 nor under a label that the server does not know"):
        stand.expect_untouched(1, "no HSM 'hsm2'", *at, "--kms-label", "hsm2")
    with case("B6 nor with another certificate than the server's"):
        stand.expect_untouched(1, "has another certificate", *at, "--kms-cert", own)
        server.terminate()
    with case("B6 nor at a server that has another central system's certificate"):
        server = kms.serve(site.unit.certificate)
        stand.expect_untouched(1, "none of those that may ask", "--kms", server.endpoint)
        server.terminate()
    with case("B6 what the server refuses does not come to its key"):
        expect_equal(kms.uses(), asked)


def replacement(stand):
    site, kms = stand.site, stand.site.kms
    asked = kms.uses()
    with case("B6 B7 the campaign goes on with a server that does its part"):
        server = kms.serve(site.central.dir / "central.pem")
        expect_rc(site.run("campaign", "resume", "--kms", server.endpoint), 0, "is done")
        stand.expect_masters(2)
    with case("B6 each use of the recovery key is in the server's log, by module"):
        expect_equal(kms.uses() - asked, FLEET)
        for uid in stand.uids:
            expect_match(f"recovery 1, module {uid}", kms.run("log").out)
    with case("B6 B11 a server that dies in the middle leaves the rest for later"):
        site.next_master(3)
        process = site.campaign("start", "--parallel", "1", "--kms", server.endpoint)
        process.wait_for("module SN-0: done", 120)
        server.kill()
        expect_equal(process.wait(180), 1)
        report = site.report()
        expect(0 < report["done"] < FLEET, report)
        expect({m["step"] for m in report["left"]} == {"planned"}, report)
        kms.flush()
        server = kms.serve(site.central.dir / "central.pem")
        expect_rc(site.run("campaign", "resume", "--kms", server.endpoint), 0, "is done")
        stand.expect_masters(3)
    server.terminate()


def main():
    tpm = Tpm()
    site = Site(tpm, FLEET, at_kms=True)
    with VM(tpm=tpm) as vm:
        vm.load_module(f"instances={FLEET}")
        stand = Stand(site, make(vm, site, FLEET))
        with case("B3 B5 keys are issued with the public half of the recovery key"):
            expect_rc(site.run("issue", *(instance.serial for instance in stand.fleet)), 0)
            stand.expect_masters(1)
        refusals(stand)
        replacement(stand)


if __name__ == "__main__":
    main()
