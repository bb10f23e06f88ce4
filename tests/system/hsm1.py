#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""HSM 1: what it takes in, what it derives."""

import hashlib
import json
import os
import subprocess

from lib.kms import HSM1, Hsm1, Kms, ToolsHsm, kcv, kdf
from lib import BUILD, case, expect, expect_equal, expect_match, expect_rc, run_dir

UID = "00112233445566778899aabbccddeeff"


def intake(kms, hsm):
    files = {kind: kms.give(kind, 1, "hsm1") for kind in ("master", "replacement", "recovery")}
    with case("B2 HSM 1 imports what was approved for it, check values agree"):
        for kind, path in files.items():
            result = hsm.run("import", path)
            expect_rc(result, 0, f"{kind} 1, check value {kms.kcv(kind, 1)}")
        keys = {(k["kind"], k["version"]): k["kcv"] for k in hsm.status()["keys"]}
        expect_equal(keys, {(k, 1): kms.kcv(k, 1) for k in files})
        expect_rc(hsm.run("import", files["master"]))  # once more
        expect_equal(len(hsm.status()["keys"]), 3)
    with case("B2 what was changed on its way is refused"):
        document = json.loads(files["master"].read_text())
        changed = run_dir() / "changed"
        for key in ("public", "private", "seed", "blob", "secret"):
            data = bytearray.fromhex(document[key])
            data[-1] ^= 1
            changed.write_text(json.dumps({**document, key: data.hex()}))
            expect_rc(hsm.run("import", changed), 1)
        for right in ("export", "use"):
            approvals = dict(document["approvals"])
            approvals[right] = approvals[right][:-2] + f"{int(approvals[right][-2:], 16) ^ 1:02x}"
            changed.write_text(json.dumps({**document, "approvals": approvals}))
            expect_rc(hsm.run("import", changed), 1, f"has not approved its {right}")
            del approvals[right]
            changed.write_text(json.dumps({**document, "approvals": approvals}))
            expect_rc(hsm.run("import", changed), 1, f"has not approved its {right}")
        changed.write_text(json.dumps({**document, "kcv": "000000"}))
        expect_rc(hsm.run("import", changed), 1, "check value is another")
        changed.write_text(json.dumps({**document, "version": 2}))
        expect_rc(hsm.run("import", changed), 1, "of another kind or version")
        changed.write_text(json.dumps({**document, "kind": "replacement"}))
        expect_rc(hsm.run("import", changed), 1, "of another kind or version")
        expect_equal(len(hsm.status()["keys"]), 3)
    with case("B2 a block that another authority's KMS wraps for HSM 1 is refused"):
        evil = Kms("evil")
        evil.generate("master")
        evil.admit(hsm)
        expect_rc(hsm.run("import", evil.give("master", 1, "hsm1")), 1, "not under this authority")
    with case("B2 the public half does not take the place of the whole key pair"):
        half = kms.give("recovery", 1, "hsm1", "--public")
        expect_rc(hsm.run("import", half), 1, "has the whole of recovery 1 already")


def derivation(kms, hsm):
    with case("B4 the master key is what another implementation derives from the UID"):
        tools = ToolsHsm("tools")
        kms.admit(tools)
        for version, kvn in ((1, "38"), (2, "39")):
            block = tools.unseal(tools.load(kms.give("master", version, "tools")), kms.authority)
            values = [kcv(kdf(block, f"secmod MK {key} {kvn}", UID))
                      for key in ("ENC", "MAC", "DEK")]
            if version == 2:
                expect_rc(hsm.run("import", kms.give("master", 2, "hsm1")))
            result = hsm.run("derive", "--uid", UID, "--version", str(version))
            expect_equal(result.out.split(), [kvn, *values])
            for word in (block.hex(), block):
                explained = hsm.run("derive", "--explain", "--uid", UID, "--version", str(version))
                expect(str(word) not in explained.out)
            expect_match(f"master block {version}, check value {kcv(block)}", explained.out)
            expect_match(f"UID {UID}", explained.out)
            for key, value in zip(("ENC", "MAC", "DEK"), values):
                expect_match(f'"secmod MK {key} {kvn}"   result: check value {value}',
                             explained.out)
    with case("B4 the newest version is taken when none is named; another UID, another key"):
        expect_match("^39 ", hsm.run("derive", "--uid", UID).out)
        one = hsm.run("derive", "--uid", UID).out
        expect(one != hsm.run("derive", "--uid", UID[:-1] + "e").out)
        expect_rc(hsm.run("derive", "--uid", UID, "--version", "3"), 1, "no master 3: import it")
        expect_rc(hsm.run("derive", "--uid", "12"), 1, "32 hex digits")


def protection(kms, hsm):
    with case("HSM 1 has no network, few system calls, locked memory"):
        status = hsm.status()
        expect(status["system_calls_limited"])
        if os.getuid() == 0:
            expect(status["network_namespace"] and status["memory_locked"], status)
    with case("no key is in its directory, and its files are its owner's"):
        for path in hsm.dir.rglob("*"):
            expect_equal(path.stat().st_mode & 0o077, 0, path)
    with case("B2 its directory is of no use with another TPM"):
        other = Hsm1(kms, "other")
        site = json.loads((hsm.dir / "hsm1.json").read_text())
        moved = run_dir() / "moved"
        moved.mkdir()
        (moved / "keys").symlink_to(hsm.dir / "keys")
        (moved / "hsm1.json").write_text(json.dumps({**site, "tcti": other.tcti}))
        result = subprocess.run([str(HSM1), "status", "--dir", str(moved)],
                                capture_output=True, text=True, check=False)
        expect_equal(result.returncode, 1)
        expect_match("another TPM", result.stderr)
        # nor when the storage key's name is changed as well
        fake = json.loads((other.dir / "hsm1.json").read_text())
        (moved / "hsm1.json").write_text(json.dumps(fake))
        result = subprocess.run([str(HSM1), "status", "--dir", str(moved)],
                                capture_output=True, text=True, check=False)
        expect_equal(result.returncode, 1)
        expect_match("has not approved its use|loading", result.stderr)
    with case("B2 killed at any step of an import, it has the key or has it not"):
        kms.generate("replacement")
        path = kms.give("replacement", 2, "hsm1")
        for at in range(1, 20):
            done = subprocess.run(
                [str(HSM1), "import", "--dir", str(hsm.dir), str(path)], check=False,
                capture_output=True, env={**os.environ, "KILL_AT": str(at),
                                          "LD_PRELOAD": f"{BUILD}/vm/kill_at.so"})
            hsm.flush()
            keys = [(k["kind"], k["version"]) for k in hsm.status()["keys"]]
            expect(set(keys) - {("replacement", 2)} ==
                   {("master", 1), ("master", 2), ("replacement", 1), ("recovery", 1)}, keys)
            if done.returncode == 0:
                break
        expect(("replacement", 2) in keys and at > 3, (keys, at))


def names(document):
    """Of the keys in a request, by hashlib and the openssl command."""
    storage = "000b" + hashlib.sha256(bytes.fromhex(document["storage"])).hexdigest()
    public = subprocess.run(
        "openssl x509 -inform DER -pubkey -noout | openssl pkey -pubin -outform DER",
        input=bytes.fromhex(document["ek_certificate"]), shell=True, capture_output=True,
        check=True).stdout
    digest = hashlib.sha256(public).hexdigest()
    return f"storage key {storage}\nendorsement key {digest}\n"


def main():
    kms = Kms()
    kms.generate("master", "replacement", "recovery", "master")
    hsm = Hsm1(kms)
    with case("B2 HSM 1 proves its storage key to the key management server"):
        kms.admit(hsm)
    with case("B2 both print the names of HSM 1's keys, for people to compare"):
        request = run_dir() / "again.request"
        printed = hsm.run("request", "--out", request).out
        expect_equal(printed, names(json.loads(request.read_text())))
        other, _ = kms.enroll(hsm, label="again")
        expect_equal(other.out, printed)
    intake(kms, hsm)
    derivation(kms, hsm)
    protection(kms, hsm)


if __name__ == "__main__":
    main()
