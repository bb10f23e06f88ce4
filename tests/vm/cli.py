#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""secmod(1) through a module's life: what it prints, refuses and leaves behind."""

import json

from lib import (
    BIN,
    VM,
    Central,
    Manufacturer,
    Module,
    Tpm,
    Unit,
    case,
    expect,
    expect_equal,
    expect_match,
    expect_rc,
    free_port,
    host,
    run_dir,
)

STATUS = (
    "device state uid serial epoch personalized_at generation abi_version identity_key "
    "module_key srk_name certificates last_error next"
).split()
NONCE = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4


def status(module):
    return json.loads(module.secmod("status", "--json").out)


def vault_exists(module):
    return module.vm.sh(f"test -e {module.vault}", check=False).rc == 0


def init_refused(module, text, *words):
    result = module.secmod("init", *words, "--vault", module.vault, check=False)
    expect_rc(result, 1)
    expect_match(text, result.err)
    expect(not vault_exists(module), "a vault is left")
    expect_equal(module.state, "virgin")


def initialize(module, manufacturer, stranger):
    where = manufacturer.guest_endpoint
    with case("cli: a virgin module says so, and the next step"):
        expect_rc(module.secmod("status"), 0, "virgin(.|\n)*secmod init")
        expect_equal(list(status(module)), STATUS)
        expect_equal(module.secmod("status", "-q").out, "virgin\n")
    with case("cli: init at a closed port leaves nothing"):
        init_refused(module, "cannot connect", f"tcp:10.0.2.2:{free_port()}",
                     "--root", manufacturer.root, "--serial", "SN-0001")
    with case("A28 cli: init refuses a server that is not the root's manufacturer"):
        init_refused(module, "is not the manufacturer of", where,
                     "--root", stranger.root, "--serial", "SN-0001")
    with case("cli: init refused by the manufacturer is taken back"):
        init_refused(module, "the peer refused", where, "--root", manufacturer.root,
                     "--serial", "SN-0001", "--ek-cert", stranger.root)
    with case("cli: init refuses to overwrite a file"):
        module.vm.sh(f"echo precious >{module.vault}")
        expect_rc(module.init(manufacturer, check=False), 1)
        expect_equal(module.vm.sh(f"cat {module.vault}").out, "precious\n")
        module.vm.sh(f"rm {module.vault}")
    with case("A8 cli: init makes the vault, owner only, with all its space"):
        result = module.init(manufacturer)
        expect_match("the manufacturer has certified it", result.out)
        stat = module.vm.sh(f"stat -c '%a %s %b' {module.vault}").out.split()
        expect_equal(stat[:2], ["600", "131072"])
        expect(int(stat[2]) * 512 >= 131072, "space is not allocated")
    with case("cli: init of an initialized module names the way out"):
        expect_match("personalize", module.init(manufacturer, check=False).err)


def personalize(module, unit, strange_unit):
    with case("A7 cli: a unit of another manufacturer is refused, nothing has changed"):
        result = module.personalize(strange_unit, check=False)
        expect_rc(result, 1)
        expect_match("no personalization unit of this module's manufacturer", result.err)
        expect_equal(module.state, "personalization")
    with case("A1 cli: personalize says each step, and ends operating"):
        steps = module.personalize(unit).out.splitlines()
        expect_equal(len(steps), 5)
        expect_match("connected to personalization unit 'pu'", steps[0])
        expect_match("cleared down", steps[3])
        expect_match("operating", steps[4])
    with case("cli: status in JSON has the certificates and the keys"):
        shown = status(module)
        expect_equal([cert["kind"] for cert in shown["certificates"]],
                     ["checking", "identity", "signer", "module", "central"])
        expect_equal((shown["state"], shown["serial"]), ("operating", "SN-0001"))
        expect_equal(len(shown["module_key"]), 64)
        # reading the certificates there are asks for one too many
        expect("there is none" not in status(module)["last_error"])
        expect_equal(shown["uid"], module.attribute("uid"))
    with case("cli: the certificates it writes are a chain for stock verifiers"):
        share = module.vm.share
        module.secmod("certs", "--out-dir", share)
        chain = ["openssl", "verify", "-CAfile", share / "checking.pem"]
        host([*chain, share / "identity.pem"])
        host([*chain, "-untrusted", share / "signer.pem", share / "module.pem"])
    with case("cli: personalizing again names the way out"):
        expect_match("not personalization", module.personalize(unit, check=False).err)


def attest(module, manufacturer):
    vm, path = module.vm, module.vm.share / "attestation.json"
    root = ["--root", manufacturer.root]
    module.secmod("attest", "--nonce", NONCE, "--out", path)
    verify = [BIN / "secmod", "verify-attest"]
    with case("cli: an attestation is checked without the module"):
        result = host([*verify, path, *root, "--nonce", NONCE])
        expect_match("SN-0001, state operating, epoch", result.out)
    with case("cli: without the nonce it is not said to be fresh"):
        expect_match("fresh is unknown", host([*verify, path, *root]).out)
    with case("cli: an attestation for another nonce is refused"):
        result = host([*verify, path, *root, "--nonce", OTHER], check=False)
        expect_rc(result, 1)
        expect_match("another nonce", result.err)
    good = json.loads(path.read_text())
    changes = {
        "state": "personalization",
        "epoch": good["epoch"] + 1,
        "uid": "00" * 16,
        "nonce": OTHER,
        "key_digest": "00" * 32,
        "signature": "11" * 64,
        "attest": good["attest"][:-2] + "00",
        "nv_public": good["nv_public"][:-2] + "09",
    }
    for field, value in changes.items():
        with case(f"cli: an attestation with another {field} is refused"):
            bad = vm.share / "bad.json"
            bad.write_text(json.dumps({**good, field: value}))
            expect_rc(host([*verify, bad, *root], check=False), 1)


def vault_comes_and_goes(module):
    with case("cli: detach and attach take the module through its states"):
        expect_match("detached", module.secmod("detach").out)
        expect_rc(module.secmod("status"), 0, "secmod attach")
        expect_match("operating", module.attach().out)
    with case("cli: attaching what is no vault says why"):
        module.secmod("detach")
        module.vm.sh("head -c 131072 /dev/zero >/var/lib/secmod/zeros")
        result = module.secmod("attach", "--vault", "/var/lib/secmod/zeros", check=False)
        expect_rc(result, 1)
        expect_match("attaching vault '/var/lib/secmod/zeros': vault: ", result.err)
        result = module.secmod("attach", "--vault", "/nonexistent", check=False)
        expect_match("cannot open vault '/nonexistent'", result.err)
        module.attach()


def reset(module, manufacturer):
    share = module.vm.share
    with case("cli: a reset must be confirmed"):
        result = module.secmod("reset", check=False)
        expect_rc(result, 1)
        expect_match("--yes", result.err)
        asked = module.vm.start([BIN / "secmod", "reset"], terminal=True)
        asked.wait_for("Type 'yes'")
        asked.write("no\n")
        expect_equal(asked.wait(), 1)
        expect_equal(module.state, "operating")
    with case("cli: a reset whose proof cannot be written is not begun"):
        result = module.secmod("reset", "--yes", "--proof", "/nonexistent/p", check=False)
        expect_rc(result, 1)
        expect_equal(module.state, "operating")
    with case("A2 cli: a reset destroys the key and leaves the proof"):
        epoch = status(module)["epoch"]
        proof = share / "proof.der"
        module.secmod("reset", "--yes", "--proof", proof, "--nonce", NONCE)
        shown = status(module)
        expect_equal((shown["state"], shown["epoch"]), ("personalization", epoch + 1))
        expect_equal(shown["module_key"], "")
    verify_proof(manufacturer, proof)
    with case("cli: a proof without a certified key is refused before anything is done"):
        result = module.secmod("reset", "--yes", "--proof", share / "p2", check=False)
        expect_rc(result, 1)
        expect_equal(status(module)["epoch"], epoch + 1)


def verify_proof(manufacturer, proof):
    root = ["--root", manufacturer.root]
    verify = [BIN / "secmod", "verify-proof"]
    with case("A2 cli: the proof is checked without the module"):
        result = host([*verify, proof, *root, "--nonce", NONCE, "--json"])
        shown = json.loads(result.out)
        expect(shown["valid"] and shown["epoch"] > shown["module_epoch"])
    with case("A2 cli: a proof for another nonce or manufacturer is refused"):
        expect_rc(host([*verify, proof, *root, "--nonce", OTHER], check=False), 1)
        stranger = run_dir() / "stranger/root.pem"
        expect_rc(host([*verify, proof, "--root", stranger], check=False), 1)
    with case("A2 cli: a proof with any byte changed is refused"):
        data = proof.read_bytes()
        bad = run_dir() / "bad.der"
        for at in range(0, len(data), 7):
            bad.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            result = host([*verify, bad, *root], check=False)
            expect(result.rc == 1, f"byte {at} of {len(data)}")


def vault_lost(module, manufacturer, unit):
    vm, share = module.vm, module.vm.share
    module.personalize(unit)
    module.secmod("detach")
    vm.sh(f"rm {module.vault}")
    fresh = ["--fresh-vault", module.vault, "--checking-cert"]
    identity = ["--identity-cert", share / "identity.pem"]
    with case("cli: a fresh vault wants the checking certificate of the initialization"):
        stranger = run_dir() / "stranger/root.pem"
        result = module.secmod("reset", "--yes", *fresh, stranger, *identity, check=False)
        expect_rc(result, 1)
        expect(not vault_exists(module))
    with case("cli: with a fresh vault the module starts over"):
        module.secmod("reset", "--yes", *fresh, manufacturer.root, *identity)
        expect_equal(module.state, "personalization")
        module.personalize(unit)
        expect_equal(module.state, "operating")
    with case("cli: init --discard makes another module of the TPM"):
        uid = status(module)["uid"]
        module.secmod("detach")
        vm.sh(f"rm {module.vault}")
        manufacturer.run("release", "SN-0001")
        module.init(manufacturer, "SN-0002", "--discard", "--yes")
        shown = status(module)
        expect(shown["uid"] != uid)
        expect_equal((shown["serial"], shown["state"]), ("SN-0002", "personalization"))


def main():
    tpm = Tpm()
    manufacturer = Manufacturer(ek_ca=tpm.ek_ca)
    stranger = Manufacturer("stranger", ek_ca=tpm.ek_ca)
    unit = Unit(manufacturer, in_tpm=False)
    strange_unit = Unit(stranger, "strange", in_tpm=False)
    Central(manufacturer, unit)
    Central(stranger, strange_unit, "other")
    for server in (manufacturer, unit, strange_unit):
        server.serve()
    with VM(tpm=tpm) as vm:
        vm.load_module()
        module = Module(vm)
        initialize(module, manufacturer, stranger)
        personalize(module, unit, strange_unit)
        attest(module, manufacturer)
        vault_comes_and_goes(module)
        reset(module, manufacturer)
        vault_lost(module, manufacturer, unit)
    for server in (manufacturer, unit, strange_unit):
        server.stop()


if __name__ == "__main__":
    main()
