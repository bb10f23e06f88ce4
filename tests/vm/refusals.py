#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""What the kernel refuses of a unit that is wrong in one point (design: certificates).

The client of these tests checks nothing itself, so that every refusal is the
kernel's; the unit's bundles are good but for the one thing.
"""

import re

from lib import (
    BUILD,
    VM,
    Central,
    Manufacturer,
    Module,
    Process,
    Tpm,
    Unit,
    case,
    expect,
    expect_equal,
    expect_match,
    free_port,
    host,
    run_dir,
)

EVIL, CLIENT = BUILD / "vm/evil_pu", BUILD / "vm/perso_client"

# requirement, case of evil_pu, when it is refused, errno, reason
CASES = """
A7  signer-foreign        begin    EKEYREJECTED signing certificate: signature is wrong
A7  signer-signature      begin    EKEYREJECTED signing certificate: signature is wrong
A7  signer-issuer         begin    EKEYREJECTED signing certificate: its issuer is not
A28 signer-is-module      begin    EKEYREJECTED signing certificate: role is module, not signer
A28 signer-is-identity    begin    EKEYREJECTED signing certificate: role is identity, not signer
A28 signer-role-module    begin    EKEYREJECTED signing certificate: role is module, not signer
A28 signer-role-identity  begin    EKEYREJECTED signing certificate: role is identity, not signer
A28 signer-two-roles      begin    EBADMSG      signing certificate: an extension is malformed, repeated
A28 signer-no-role        begin    EKEYREJECTED signing certificate: role is manufacturer, not signer
A7  signer-expired        begin    EKEYEXPIRED  signing certificate: not valid after
A7  signer-not-yet        begin    EKEYEXPIRED  signing certificate: not valid before
A7  signer-critical       begin    EBADMSG      signing certificate: an extension is malformed, .* critical
A7  signer-no-ca          begin    EKEYREJECTED signing certificate: it is no certification authority
A7  signer-no-basic       begin    EKEYREJECTED signing certificate: it is no certification authority
A7  signer-no-pathlen     begin    EKEYREJECTED signing certificate: its path length is not 0
A7  signer-pathlen-1      begin    EKEYREJECTED signing certificate: its path length is not 0
A7  signer-no-usage       begin    EKEYREJECTED signing certificate: its key usage does not allow signing certificates
A7  signer-usage          begin    EKEYREJECTED signing certificate: its key usage does not allow signing certificates
A7  signer-version        begin    EBADMSG      signing certificate: its version is not 3
A28 bundle-uid            complete ESTALE       bundle: made for another module
A9  bundle-nonce          complete ESTALE       bundle: answers another module nonce
A10 bundle-salt           complete ESTALE       bundle: made for another salt
A9  bundle-epoch          complete ESTALE       bundle: made for epoch
A28 bundle-type           complete EBADMSG      bundle: its type is not that of a bundle
A28 bundle-version        complete EBADMSG      bundle: its version is not 1
A4  bundle-no-central     complete EBADMSG      bundle: it does not have one to four central
A4  bundle-five-central   complete EBADMSG      bundle: it does not have one to four central
A7  bundle-policy         complete EBADMSG      bundle: its policy is malformed
A7  signature-other-key   complete EKEYREJECTED bundle: signature is wrong
A7  signature-root        complete EKEYREJECTED bundle: signature is wrong
A7  signature-broken      complete EKEYREJECTED bundle: signature is wrong
A7  signature-zero        complete EKEYREJECTED bundle: signature is wrong
A7  trailing              complete EBADMSG      bundle: bytes follow it
A7  truncated             complete EBADMSG      bundle: it is no DER sequence
A7  extra                 complete EBADMSG      bundle: it is not signed content and signature
A7  ber-indefinite        complete EBADMSG      bundle: it is no DER sequence
A7  ber-length            complete EBADMSG      bundle: it is no DER sequence
A7  huge                  complete E2BIG        .*bundle
A28 module-uid            complete ESTALE       module certificate: UID is another module's
A9  module-nonce          complete ESTALE       module certificate: module nonce is another
A10 module-salt           complete ESTALE       module certificate: salt is another
A9  module-epoch          complete ESTALE       module certificate: epoch is another
A7  module-key            complete EKEYREJECTED module certificate: it is over another key
A28 module-role-identity  complete EKEYREJECTED module certificate: role is identity, not module
A28 module-role-signer    complete EKEYREJECTED module certificate: role is signer, not module
A28 module-role-central   complete EKEYREJECTED module certificate: role is central, not module
A28 module-two-roles      complete EBADMSG      module certificate: an extension is malformed, repeated
A28 module-ca             complete EKEYREJECTED module certificate: it is a certification authority
A7  module-usage          complete EKEYREJECTED module certificate: its key usage does not allow digital
A7  module-critical       complete EBADMSG      module certificate: an extension is malformed, .* critical
A9  module-no-nonce       complete ESTALE       module certificate: module nonce is another
A7  module-expired        complete EKEYEXPIRED  module certificate: not valid after
A7  module-not-yet        complete EKEYEXPIRED  module certificate: not valid before
A5  central-foreign       complete EKEYREJECTED central certificate: its issuer is not
A5  central-signature     complete EKEYREJECTED central certificate: signature is wrong
A28 central-role          complete EKEYREJECTED central certificate: role is unit-tls, not central
A5  central-expired       complete EKEYEXPIRED  central certificate: not valid after
A5  central-ca            complete EKEYREJECTED central certificate: it is a certification authority
"""


def attack(module, unit, manufacturer, *options, client=()):
    """One session with the evil unit; what the client printed."""
    port = free_port()
    words = [EVIL, "--dir", unit.dir, "--manufacturer", manufacturer.dir, *options]
    server = Process([str(word) for word in [*words, f"tcp:127.0.0.1:{port}"]])
    server.wait_for("listening", 20)
    out = module.vm.sh([CLIENT, "/dev/secmod0", f"tcp:10.0.2.2:{port}", *client]).out
    server.wait(30)
    return out


def table():
    for line in CASES.strip().splitlines():
        yield line.split(None, 4)


def refused(module, unit, manufacturer):
    known = dict(line.split("\t") for line in host([EVIL, "--list"]).out.splitlines())
    with case("every case of the evil unit is in the table"):
        expect_equal(set(known) - {"none", "replay"}, {row[1] for row in table()})
    for row, name, phase, errno, reason in table():
        with case(f"{row} {known.get(name, name)}: {errno}"):
            out = attack(module, unit, manufacturer, "--evil", name)
            expect_match(rf"(?m)^{phase}: {errno}: {reason}", out)
            expect_match(r"(?m)^state: personalization", out)


NO_SESSION = "EBADFD: no personalization session waits for a bundle on this file"
OPEN = "EBUSY: a session is open: end it first"
OTHER = "EBUSY: another process is personalizing the module"
STORED = "EBADFD: the bundle is stored: close the file to end the session"
UNSIGNED = "EBADFD: SIGN: module is personalization, its key signs when operating"
# what is out of place while a session is open, and what it gets
INTRUSIONS = {
    "begun, another file begins": OTHER,
    "begun, another file completes": NO_SESSION,
    "begun, another file resets": OPEN,
    "begun, another file detaches": OPEN,
    "begun, another file signs": UNSIGNED,
    "stored, begins": STORED,
    "stored, completes": NO_SESSION,
    "stored, resets": OPEN,
    "stored, detaches": OPEN,
    "stored, signs": UNSIGNED,
    "stored, another file begins": OTHER,
    "stored, another file completes": NO_SESSION,
    "stored, another file resets": OPEN,
    "stored, another file detaches": OPEN,
    "stored, another file signs": UNSIGNED,
}


def intruded(module, unit, manufacturer):
    out = attack(module, unit, manufacturer, client=["intrude"])
    for step, verdict in INTRUSIONS.items():
        with case(f"A1 personalization {step}: {verdict.partition(':')[0]}"):
            expect_match(rf"(?m)^{step}: {verdict}$", out)
    with case("A1 the session is as if nobody had been there"):
        expect_match(r"(?s)begin: ok.*complete: ok.*state: operating", out)
        module.secmod("reset", "--yes")


def replayed(module, unit, manufacturer):
    tape = run_dir() / "recorded.bundle"
    with case("A1 a good bundle of the same unit is accepted"):
        out = attack(module, unit, manufacturer, "--record", tape)
        expect_match(r"(?s)begin: ok.*complete: ok.*state: operating", out)
    with case("A9 the recorded bundle is refused after a reset: another epoch"):
        module.secmod("reset", "--yes")
        out = attack(module, unit, manufacturer, "--replay", tape)
        expect_match(r"(?m)^complete: ESTALE: bundle: made for epoch 2, not 3", out)
    with case("A9 a bundle of this epoch is refused in the next session: another nonce"):
        second = run_dir() / "second.bundle"
        attack(module, unit, manufacturer, "--evil", "signature-broken")
        attack(module, unit, manufacturer, "--evil", "central-expired", "--record", second)
        out = attack(module, unit, manufacturer, "--replay", second)
        expect_match(r"(?m)^complete: ESTALE: bundle: answers another module nonce", out)


def nothing_left(module):
    with case("A2 no refused session left a key or an object in the TPM"):
        key = module.attribute("tpm/module_handle")
        out = module.vm.sh(
            "tpm2_getcap handles-persistent; tpm2_getcap handles-transient;"
            "tpm2_getcap handles-loaded-session"
        ).out
        expect(key.lower() not in out.lower(), out)
        expect(not re.search(r"0x(80|02|03)[0-9A-Fa-f]{6}", out), out)


tpm = Tpm()
manufacturer = Manufacturer(ek_ca=tpm.ek_ca)
unit = Unit(manufacturer, in_tpm=False)
Central(manufacturer, unit)
manufacturer.serve()
with VM(tpm=tpm) as vm:
    vm.load_module()
    module = Module(vm)
    module.init(manufacturer)
    refused(module, unit, manufacturer)
    nothing_left(module)
    intruded(module, unit, manufacturer)
    replayed(module, unit, manufacturer)
