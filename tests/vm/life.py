#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The life of a module, seen by programs that are not ours (tpm2-tools, openssl)."""

import re

from lib import (
    BIN,
    VM,
    Module,
    Tpm,
    case,
    expect,
    expect_equal,
    expect_match,
    expect_rc,
    host,
    serving,
)


def read_public(module, name):
    handle = module.attribute(f"tpm/{name}")
    return module.vm.sh(f"tpm2_readpublic -c {handle}").out


def field(text, name):
    return re.search(rf"(?m)^{name}:\s*(\S+)", text)[1]


def virgin(module):
    with case("A24 a virgin module has no key and no secret in the TPM"):
        expect_equal(module.state, "virgin")
        names = ("identity_handle", "module_handle")
        persistent = module.vm.sh("tpm2_getcap handles-persistent").out.lower()
        for name in names:
            expect(module.attribute(f"tpm/{name}") not in persistent)
        indices = module.vm.sh("tpm2_getcap handles-nv-index").out.lower()
        expect(module.attribute("tpm/root_index")[4:] not in indices, indices)
    with case("A24 a virgin module signs nothing and says what to do"):
        result = module.secmod("attest", "--nonce", "00" * 32, check=False)
        expect_rc(result, 1, "secmod init")


def initialized(module, manufacturer):
    with case("A8 the manufacturer certifies only after credential activation"):
        expect_match("certified module", manufacturer.server.out + manufacturer.server.err)
        expect_equal(module.state, "personalization")
    with case("A8 the identity key is restricted, fixed to this TPM, born in it, noDA"):
        text = read_public(module, "identity_handle")
        for word in "fixedtpm fixedparent sensitivedataorigin noda restricted sign".split():
            expect_match(rf"(?m)^  value: .*{word}", text)
        expect("adminwithpolicy" not in text and "decrypt" not in text, text)
        expect_equal(module.attribute("identity_key"), field(text, "name")[4:])
    with case("A8 the UID is the digest of the identity key's public area"):
        expect(module.attribute("identity_key").startswith(module.attribute("uid")))
    with case("the root secret is read locked: nobody reads it until the TPM restarts"):
        index = module.attribute("tpm/root_index")
        result = module.vm.sh(f"tpm2_nvread -s 64 {index}", check=False)
        expect_rc(result, 1, "0x148|NV access locked|locked")
        expect_match("readlocked", module.vm.sh(f"tpm2_nvreadpublic {index}").out)
    with case("A24 the root secret cannot be written, whole or in part"):
        module.vm.sh("head -c 64 /dev/zero >/tmp/zeros")
        for words in ("-i /tmp/zeros", "-i /tmp/digest --offset 32"):
            module.vm.sh("head -c 32 /dev/zero >/tmp/digest")
            result = module.vm.sh(f"tpm2_nvwrite -C o {index} {words}", check=False)
            expect_rc(result, 1, "0x148|locked")
    with case("A24 before the personalization the vault holds no module key"):
        expect_equal(module.attribute("module_key"), "")
        handle = module.attribute("tpm/module_handle")
        expect(handle not in module.vm.sh("tpm2_getcap handles-persistent").out.lower())


def personalized(module, unit):
    with case("A1 operating only after the connection was cleared down"):
        expect_equal(module.state, "operating")
    with case("A1 the module key is fixed to this TPM, born in it, noDA, policy only"):
        text = read_public(module, "module_handle")
        for word in "fixedtpm fixedparent sensitivedataorigin noda sign decrypt".split():
            expect_match(rf"(?m)^  value: .*{word}", text)
        expect("userwithauth" not in text and "restricted" not in text, text)
        expect_equal(module.attribute("module_key"), field(text, "name")[4:])
    with case("A2 its policy is PolicyNV(epoch) and PolicyAuthValue, as the TPM computes it"):
        expect_equal(field(text, "authorization policy").lower(), trial_policy(module))
    with case("A1 the certificate is over the key in the TPM and chains to the manufacturer"):
        certificates(module, unit)
    with case("A10 salt, nonce and epoch of the session are in the module certificate"):
        issued = [entry for entry in unit.log() if entry["event"] == "issued"][-1]
        pem = module.vm.share / "module.pem"
        parsed = host(["openssl", "asn1parse", "-in", pem]).out.lower()
        for name in ("salt", "moduleNonce"):
            expect_match("0420" + issued[name].lower(), parsed)
        expect_equal(issued["epoch"], int(module.attribute("epoch")))


def trial_policy(module):
    """PolicyNV and PolicyAuthValue in a trial session of tpm2-tools."""
    index, epoch = module.attribute("tpm/epoch_index"), int(module.attribute("epoch"))
    script = f"""cd /tmp && printf '{epoch:016x}' | xxd -r -p >epoch &&
        tpm2_startauthsession -S trial.ctx -g sha256 &&
        tpm2_policynv -Q -S trial.ctx -i epoch -L policy {index} eq &&
        tpm2_policyauthvalue -Q -S trial.ctx -L policy &&
        tpm2_flushcontext trial.ctx && xxd -p -c 64 policy"""
    return module.vm.sh(script).out.split()[-1]


def certificates(module, unit):
    share = module.vm.share
    module.secmod("certs", "--out-dir", share)
    chain = ["openssl", "verify", "-CAfile", share / "checking.pem", "-untrusted"]
    purpose = ["-purpose", "sslclient", share / "module.pem"]
    expect_rc(host([str(w) for w in [*chain, share / "signer.pem", *purpose]]), 0, "OK")
    key = host(["openssl", "x509", "-in", share / "module.pem", "-noout", "-pubkey"]).out
    handle = module.attribute("tpm/module_handle")
    read = f"tpm2_readpublic -Q -c {handle} -f pem -o /tmp/k.pem && cat /tmp/k.pem"
    expect_equal(key, module.vm.sh(read).out)
    signer = (share / "signer.pem").read_text()
    expect_equal(signer.strip(), unit.certificate.read_text().strip())


def signing(module, vm):
    nothing = "tpm2_getcap handles-transient; tpm2_getcap handles-loaded-session"
    with case("no transient object and no session is left after any operation"):
        expect_equal(vm.sh(nothing).out.strip(), "")
        module.secmod("attest", "--nonce", "11" * 32)
        expect_equal(vm.sh(nothing).out.strip(), "")
    with case("A28 the module key cannot be used beside the driver"):
        handle = module.attribute("tpm/module_handle")
        vm.sh("head -c 32 /dev/urandom >/tmp/digest")
        sign = f"tpm2_sign -Q -c {handle} -g sha256 -s ecdsa -d -o /tmp/sig /tmp/digest"
        expect_rc(vm.sh(sign, check=False), 1, "0x12F|AUTH|auth")
    with case("A8 the identity key cannot be used beside the driver"):
        handle = module.attribute("tpm/identity_handle")
        hash_it = "tpm2_hash -Q -C o -g sha256 -o /tmp/h -t /tmp/t /tmp/digest"
        sign = f"{hash_it} && tpm2_sign -Q -c {handle} -g sha256 -s ecdsa -t /tmp/t -d -o /tmp/sig /tmp/h"
        expect_rc(vm.sh(sign, check=False), 1, "0x98E|auth|AUTH")
    with case("the dictionary attack counter stays where it was"):
        expect_equal(module.attribute("tpm/lockout_counter"), "0")


def others(module, vm):
    with case("other users of /dev/tpmrm0 are undisturbed while the driver works"):
        busy = vm.start(
            "for i in 1 2 3 4 5 6; do tpm2_createprimary -Q -C o -g sha256 -G ecc256 -c /tmp/p.ctx"
            " && tpm2_create -Q -C /tmp/p.ctx -G ecc256 -u /tmp/k.pub -r /tmp/k.priv"
            " && tpm2_load -Q -C /tmp/p.ctx -u /tmp/k.pub -r /tmp/k.priv -c /tmp/k.ctx"
            " && tpm2_sign -Q -c /tmp/k.ctx -g sha256 -o /tmp/s /etc/hostname || exit 1; done"
        )
        signed = 0
        while busy.running:
            module.secmod("attest", "--nonce", "22" * 32)
            signed += 1
        expect_equal(busy.wait(60), 0, busy.err)
        expect(signed >= 3, f"only {signed} attestations beside it")


def attested(module):
    with case("A8 the attestation verifies outside and is bound to its nonce"):
        out = module.vm.share / "attestation"
        module.secmod("attest", "--nonce", "33" * 32, "--out", out)
        verify = [BIN / "secmod", "verify-attest", out, "--root", manufacturer.root]
        good = host([str(w) for w in [*verify, "--nonce", "33" * 32]], check=False)
        expect_rc(good, 0, "operating")
        bad = host([str(w) for w in [*verify, "--nonce", "44" * 32]], check=False)
        expect_rc(bad, 1, "nonce")


def instances(vm):
    with case("two instances on one TPM are two modules with their own keys"):
        vm.sh("rmmod secmod")
        vm.power_cut()
        vm.boot()
        vm.load_module("instances=2 handles=0x150000")
        vm.wait_for("test -c /dev/secmod1")
        expect_equal(vm.sh("cat /sys/class/secmod/secmod*/state").out.split(), ["detached", "virgin"])


tpm = Tpm()
manufacturer, unit = serving(tpm, in_tpm=True)
with VM(tpm=tpm) as vm:
    vm.load_module()
    module = Module(vm)
    virgin(module)
    module.init(manufacturer)
    initialized(module, manufacturer)
    module.personalize(unit)
    personalized(module, unit)
    signing(module, vm)
    attested(module)
    with case("A1 after a power cut the same key goes on operating"):
        before = module.attribute("module_key")
        module.reboot()
        expect_equal(module.state, "detached")
        module.attach()
        expect_equal((module.state, module.attribute("module_key")), ("operating", before))
    signing(module, vm)
    others(module, vm)
    instances(vm)
