#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The key management server: what it makes, and to whom it gives it."""

import json
import os
import subprocess

from lib.kms import KMS, STORAGE, Kms, ToolsHsm, kcv, name_of, sized
from lib import BUILD, Tpm, case, expect, expect_equal, expect_match, expect_rc, host
from lib import run_dir


def enrollment(kms, hsm):
    with case("B2 HSM 1's storage key is certified when its TPM opens the challenge"):
        kms.admit(hsm)
    with case("B2 a storage key whose attributes are others is refused, by their names"):
        for bit, name in ((1, "fixedTPM"), (4, "fixedParent"), (5, "sensitiveDataOrigin"),
                          (16, "restricted")):
            area = bytearray(hsm.public("storage.pub"))
            attributes = int.from_bytes(area[4:8], "big") & ~(1 << bit)
            area[4:8] = attributes.to_bytes(4, "big")
            result = kms.run("enroll", "--request", hsm.request(storage=area.hex()),
                             "--ek-ca", hsm.tpm.ek_ca, "--out", run_dir() / "none", "lax")
            expect_rc(result, 1, f"storage key is refused: its attribute {name} is not set")
        expect(not (run_dir() / "none").exists())
    with case("B2 the storage key of another TPM is not certified"):
        other = ToolsHsm("other")
        request = other.request(ek=hsm.public("ek.pub").hex(),
                                ek_certificate=(hsm.dir / "ek.cert").read_bytes().hex())
        challenge = run_dir() / "stolen.challenge"
        expect_rc(kms.run("enroll", "--request", request, "--ek-ca", hsm.tpm.ek_ca,
                          "--out", challenge, "stolen"))
        for tpm in (hsm, other):  # the one has the EK, the other the storage key
            try:
                tpm.activate(json.loads(challenge.read_text()))
                expect(False, "the challenge opens")
            except subprocess.CalledProcessError:
                pass
        answer = run_dir() / "guessed"
        answer.write_text(json.dumps({"type": "secmod hsm1 response",
                                      "answer": "00" * 32}))
        expect_rc(kms.certify(other, answer, label="stolen"), 1, "has not opened the challenge")
        expect_rc(kms.approve("master", 1, "stolen"), 1, "'stolen' is not certified")
    with case("B2 an endorsement key of no CA given is refused"):
        bare = ToolsHsm("bare")
        stranger = ["--ek-ca", kms.strange_ca]
        result = kms.run("enroll", "--request", bare.request(), *stranger, "--out",
                         run_dir() / "none", "bare")
        expect_rc(result, 1, "does not verify")
        result = kms.run("enroll", "--request", bare.request(
            ek_certificate=(hsm.dir / "ek.cert").read_bytes().hex()), "--ek-ca",
                         hsm.tpm.ek_ca, "--out", run_dir() / "none", "bare")
        expect_rc(result, 1, "endorsement key")
    with case("B2 only the authority certifies, and only what was enrolled"):
        result, challenge = kms.enroll(other, label="honest")
        expect_rc(result)
        response = other.answer(challenge)
        strange = f"file:{run_dir()}/strange.key"
        expect_rc(host([KMS, "authority", "--key", strange, "--out", run_dir() / "s.pem"]))
        result = kms.run("certify", "--response", response, "--key", strange, "honest")
        expect_rc(result, 1, "not the key of this authority")
        expect_rc(kms.certify(other, response, label="nobody"), 1, "no HSM 'nobody'")
        expect_rc(kms.certify(other, response, label="honest"))
    return strange


def approval(kms, hsm, strange):
    with case("B2 no key leaves without the authority's approval"):
        expect_rc(kms.export("replacement", 1, "tools")[0], 1, "has not approved its export")
        result = kms.run("approve", "--to", "tools", "--key", strange, "replacement", "1")
        expect_rc(result, 1, "not the key of this authority")
        expect_rc(kms.export("master", 1, "nobody")[0], 1, "no HSM 'nobody'")
    with case("B2 an approval is good for one HSM, one key and one version"):
        approvals = kms.dir / "approvals"
        expect_rc(kms.approve("master", 1, "tools"))
        good = (approvals / "master-1-tools.json").read_text()
        for stolen, words in (("master-2-tools", ("master", 2, "tools")),
                              ("replacement-1-tools", ("replacement", 1, "tools")),
                              ("master-1-honest", ("master", 1, "honest"))):
            (approvals / f"{stolen}.json").write_text(good)
            expect_rc(kms.export(*words)[0], 1, "has not approved its export")
            (approvals / f"{stolen}.json").unlink()
        expect_rc(kms.export("master", 1, "tools")[0])
    with case("B2 a storage key exchanged after its certification is refused"):
        path = kms.dir / "hsm/tools.json"
        good, evil = path.read_text(), json.loads(path.read_text())
        evil["storage"] = kms.document("hsm/honest.json")["storage"]
        path.write_text(json.dumps(evil))
        expect_rc(kms.export("master", 1, "tools")[0], 1, "'tools' is not certified")
        path.write_text(good)
    with case("B2 a block leaves for a certified storage key; the other TPM has the same"):
        x = hsm.load(kms.give("master", 2, "tools"))
        block = hsm.unseal(x, kms.authority)
        expect_equal(len(block), 32)
        expect_equal(kcv(block), kms.kcv("master", 2))
        expect(kms.kcv("master", 1) != kms.kcv("master", 2))
        for path in kms.dir.rglob("*.*"):
            expect(block.hex() not in path.read_text(), path)
    with case("B2 the exported file alone, without HSM 1's TPM, is of no use"):
        other = ToolsHsm("thief")
        try:
            other.load(run_dir() / "master-2-tools.export")
            expect(False, "another TPM takes it")
        except subprocess.CalledProcessError:
            pass
    with case("B2 the public half of the key pair is approved and exported by itself"):
        expect_rc(kms.approve("recovery", 1, "tools", "--public"))
        result, out = kms.export("recovery", 1, "tools", "--public")
        expect_rc(result)
        document = json.loads(out.read_text())
        expect("private" not in document and "seed" not in document)
        expect_rc(kms.export("recovery", 1, "tools")[0], 1, "has not approved its export")
        expect_rc(kms.approve("master", 1, "tools", "--public"), 1, "key pair")


class Inside:
    """Somebody at the key management server with its TPM and its files, and no approval."""

    def __init__(self, kms, document):
        self.dir = run_dir() / "inside"
        self.dir.mkdir()
        self.env = {**os.environ, "TPM2TOOLS_TCTI": kms.tcti}
        unique = b"\x0e\0secmod custody" + b"\0\0"
        (self.dir / "unique").write_bytes(unique)
        self.tool("createprimary", "-C", "o", "-g", "sha256", "-G", "ecc256:aes128cfb",
                  "-a", STORAGE, "-c", "storage.ctx", "-u", "unique")
        self.tool("readpublic", "-c", "storage.ctx", "-o", "storage.pub")
        for name, key in (("key.pub", "public"), ("key.priv", "private")):
            (self.dir / name).write_bytes(sized(bytes.fromhex(document[key])))

    def tool(self, name, *words):
        done = subprocess.run([f"tpm2_{name}", *map(str, words)], env=self.env,
                              cwd=self.dir, capture_output=True, text=True, check=False)
        if not name.startswith("policy") and not name.startswith("start"):
            subprocess.run(["tpm2_flushcontext", "-t"], env=self.env, cwd=self.dir,
                           check=True, capture_output=True)
        if done.returncode:
            raise RuntimeError(done.stderr)

    def refused(self, name, *words):
        try:
            self.tool(name, *words)
        except RuntimeError as error:
            return str(error)
        expect(False, f"{name} {words} is allowed")
        return None


def tpm_refuses(kms):
    with case("B2 the TPM itself refuses what the authority has not approved"):
        who = Inside(kms, kms.document("keys/master-1.json"))
        area = (who.dir / "storage.pub").read_bytes()[2:].hex()
        expect_equal(name_of(area), name_of(kms.document("kms.json")["storage"]))
        who.tool("load", "-C", "storage.ctx", "-u", "key.pub", "-r", "key.priv", "-c",
                 "key.ctx")
        expect_match("(?i)auth", who.refused("unseal", "-c", "key.ctx", "-o", "block"))
        who.tool("createprimary", "-C", "n", "-g", "sha256", "-G", "ecc256:aes128cfb",
                 "-a", STORAGE, "-c", "mine.ctx")
        who.tool("readpublic", "-c", "mine.ctx", "-n", "mine.name")
        who.tool("readpublic", "-c", "key.ctx", "-n", "key.name")
        who.tool("startauthsession", "--policy-session", "-S", "s")
        who.tool("policyduplicationselect", "-S", "s", "-n", "key.name", "-N", "mine.name")
        who.refused("duplicate", "-C", "mine.ctx", "-c", "key.ctx", "-G", "aes", "-p",
                    "session:s", "-r", "dup", "-s", "seed", "-o", "inner")
        expect(not (who.dir / "dup").exists() or not (who.dir / "dup").stat().st_size)
        who.tool("flushcontext", "s")


def records(kms):
    with case("B2 every act is in the log; a line changed or removed is noticed"):
        lines = [json.loads(line) for line in kms.run("log").out.splitlines()]
        events = [line["event"] for line in lines]
        expect({"init", "generate", "enroll", "certify", "approve", "export"} <=
               set(events), events)
        path = kms.dir / "audit.log"
        good = path.read_text()
        third = good.splitlines(True)[2]
        path.write_text(good.replace(third, ""))
        expect_rc(kms.run("log"), 1, "audit.log, line 3: a line before it was changed or removed")
        path.write_text(good.replace(third, third.replace("generate", "generated")))
        expect_rc(kms.run("generate", "master"), 1, "audit.log, line 4")
        path.write_text(good)
        expect_rc(kms.run("log"))
    with case("B2 a directory is not made anew, and belongs to one TPM"):
        expect_rc(kms.run("init", "--authority", kms.authority, "--tcti", kms.tcti), 1,
                  "already")
        office = kms.document("kms.json")
        stranger = Tpm(name="stranger")
        good = (kms.dir / "kms.json").read_text()
        (kms.dir / "kms.json").write_text(
            json.dumps({**office, "tcti": stranger.serve()}))
        expect_rc(kms.run("generate", "master"), 1, "another TPM")
        (kms.dir / "kms.json").write_text(good)
        stranger.stop()
        expect_rc(kms.run("generate", "passwords"), 1, "none of master")
        expect_rc(kms.run("export", "--out", "x", "--to", "tools", "master", "77"), 1,
                  "no master 77")
    with case("its files are for its owner only"):
        for path in kms.dir.rglob("*"):
            if path.name != "tls.pem":  # a certificate
                expect_equal(path.stat().st_mode & 0o077, 0, path)


def killed(kms):
    """Each command, killed before each of its steps towards the disk."""
    steps = 0
    for words, ahead in ((("generate", "replacement"), lambda: kms.list()),
                         (("approve", "--to", "tools", "--key", kms.key, "replacement",
                           "1"), None),
                         (("export", "--to", "tools", "--out", run_dir() / "killed",
                           "replacement", "1"), None)):
        for at in range(1, 40):
            before = ahead() if ahead else None
            done = subprocess.run(
                list(map(str, [KMS, *words, "--dir", kms.dir])), check=False,
                capture_output=True,
                env={**os.environ, "LD_PRELOAD": f"{BUILD}/vm/kill_at.so",
                     "KILL_AT": str(at)})
            expect_rc(kms.run("log"))
            expect(kms.list())  # reads and checks each key
            if done.returncode == 0:
                break
            expect_equal(done.returncode, -9)
            steps += 1
            after = ahead() if ahead else None
            if ahead:
                expect(after[:len(before)] == before or len(after) - len(before) == 1)
        expect(done.returncode == 0 and at > 3, f"{words}: {at} steps")
    json.loads((run_dir() / "killed").read_text())
    expect(steps > 12, steps)


def main():
    kms = Kms()
    kms.strange_ca = kms.authority.with_suffix(".ca")
    host(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
          "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null", "-out",
          kms.strange_ca, "-subj", "/CN=other"])
    with case("B2 blocks and key pair are made, versioned and listed"):
        kms.generate("master", "replacement", "recovery", "master")
        listed = [(k["kind"], k["version"]) for k in kms.list()]
        expect_equal(listed, [("master", 1), ("master", 2), ("replacement", 1),
                              ("recovery", 1)])
        expect_equal(len({k["kcv"] for k in kms.list()}), 4)
    hsm = ToolsHsm("tools")
    strange = enrollment(kms, hsm)
    approval(kms, hsm, strange)
    tpm_refuses(kms)
    records(kms)
    with case("B2 killed at any step, it leaves keys and log in order"):
        killed(kms)


if __name__ == "__main__":
    main()
