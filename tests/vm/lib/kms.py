# SPDX-License-Identifier: MIT
"""A key management server, and HSMs to get keys from it: one made of tpm2-tools,
which is another implementation of what HSM 1 does with its TPM."""

import hashlib
import json
import os
import re
import struct
import subprocess

from lib import BIN, Process, Tpm, expect_rc, host, run_dir

KMS = BIN / "secmod-kms"
STORAGE = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt|noda"


def kcv(key):
    """First bytes of AES-ECB(key, 16 bytes 01), by the openssl command."""
    out = subprocess.run(
        ["openssl", "enc", f"-aes-{8 * len(key)}-ecb", "-nopad", "-K", key.hex()],
        input=b"\x01" * 16, capture_output=True, check=True).stdout
    return out[:3].hex()


def flush(tcti):
    """What a killed process left; a resource manager would do it."""
    host(["tpm2_flushcontext", "-T", tcti, "-t"])
    host(["tpm2_flushcontext", "-T", tcti, "-l"])


def kdf(block, label, context):
    """32 bytes of SP 800-108, by the openssl command."""
    out = subprocess.run(
        ["openssl", "kdf", "-keylen", "32", "-kdfopt", "mode:counter", "-kdfopt",
         "mac:CMAC", "-kdfopt", "cipher:AES-256-CBC", "-kdfopt", f"hexkey:{block.hex()}",
         "-kdfopt", f"salt:{label}", "-kdfopt", f"hexinfo:{context}", "-binary", "KBKDF"],
        capture_output=True, check=True).stdout
    return out


class Kms:
    """Its directory, its TPM, and the authority whose approval keys need."""

    def __init__(self, name="kms", tcti=None):
        self.dir = run_dir() / name
        self.tpm = None
        if not tcti:
            self.tpm = Tpm(name=name + "-tpm")
            tcti = self.tpm.serve()
        self.tcti = tcti
        self.key = f"file:{run_dir()}/{name}-authority.key"
        self.authority = run_dir() / f"{name}-authority.pem"
        expect_rc(host([KMS, "authority", "--key", self.key, "--out", self.authority]))
        expect_rc(self.run("init", "--authority", self.authority, "--tcti", tcti))

    def run(self, *words):
        return host([KMS, *words, "--dir", self.dir], check=False)

    def generate(self, *kinds):
        for kind in kinds:
            expect_rc(self.run("generate", kind))

    def serve(self, *clients):
        """For access servers with these certificates; until it is ended."""
        words = [word for cert in clients for word in ("--client", cert)]
        argv = [KMS, "serve", *words, "--dir", self.dir, "tcp:127.0.0.1:0"]
        server = Process([str(word) for word in argv])
        server.endpoint = server.wait_for(r"listening on (tcp:\S+)")[1]
        return server

    def flush(self):
        flush(self.tcti)

    def uses(self):
        """How often the recovery key was to be used, by the log."""
        return self.run("log").out.count("recovery ")

    def list(self):
        return json.loads(self.run("list", "--json").out)

    def kcv(self, kind, version):
        return next(k["kcv"] for k in self.list()
                    if (k["kind"], k["version"]) == (kind, version))

    def document(self, path):
        return json.loads((self.dir / path).read_text())

    def enroll(self, hsm, *options, label=None):
        label = label or hsm.label
        challenge = run_dir() / f"{label}.challenge"
        challenge.unlink(missing_ok=True)
        return self.run("enroll", "--request", hsm.request(), "--ek-ca", hsm.tpm.ek_ca,
                        "--out", challenge, *options, label), challenge

    def certify(self, hsm, response, label=None):
        return self.run("certify", "--response", response, "--key", self.key,
                        label or hsm.label)

    def admit(self, hsm):
        """Both, as it should be."""
        result, challenge = self.enroll(hsm)
        expect_rc(result)
        expect_rc(self.certify(hsm, hsm.answer(challenge)))

    def approve(self, kind, version, to, *options):
        return self.run("approve", "--to", to, "--key", self.key, *options, kind,
                        str(version))

    def export(self, kind, version, to, *options):
        out = run_dir() / f"{kind}-{version}-{to}.export"
        out.unlink(missing_ok=True)
        return self.run("export", "--to", to, "--out", out, *options, kind,
                        str(version)), out

    def give(self, kind, version, to, *options):
        """Approved and exported: the file."""
        expect_rc(self.approve(kind, version, to, *options))
        result, out = self.export(kind, version, to, *options)
        expect_rc(result)
        return out


def sized(data):
    """A TPM2B."""
    return struct.pack(">H", len(data)) + data


class ToolsHsm:
    """HSM 1 as tpm2-tools would have it."""

    def __init__(self, label, attributes=STORAGE, tpm=None):
        self.label = label
        self.dir = run_dir() / label
        self.dir.mkdir()
        self.tpm = tpm or Tpm(name=label + "-tpm")
        tcti = self.tpm.serve()
        self.env = {**os.environ, "TPM2TOOLS_TCTI": tcti}
        self.tool("createprimary", "-C", "o", "-g", "sha256", "-G", "ecc256:aes128cfb",
                  "-a", attributes, "-c", "storage.ctx")
        self.tool("readpublic", "-c", "storage.ctx", "-o", "storage.pub")
        self.tool("createek", "-G", "rsa", "-c", "ek.ctx", "-u", "ek.pub")
        self.tool("nvread", "0x01c00002", "-C", "o", "-o", "ek.cert")

    def tool(self, name, *words):
        quiet = {"env": self.env, "cwd": self.dir, "check": True, "capture_output": True}
        try:
            subprocess.run([f"tpm2_{name}", *map(str, words)], **quiet)
        finally:  # there is no resource manager
            subprocess.run(["tpm2_flushcontext", "-t"], **quiet)

    def put(self, name, data):
        (self.dir / name).write_bytes(data)
        return name

    def public(self, name):
        """The TPMT_PUBLIC in a file of tpm2-tools."""
        return (self.dir / name).read_bytes()[2:]

    def request(self, **changes):
        path = self.dir / "request"
        path.write_text(json.dumps({
            "type": "secmod hsm1 request",
            "storage": self.public("storage.pub").hex(),
            "ek": self.public("ek.pub").hex(),
            "ek_certificate": (self.dir / "ek.cert").read_bytes().rstrip(b"\xff").hex(),
            **changes}))
        return path

    def activate(self, document):
        blob, secret = (bytes.fromhex(document[key]) for key in ("blob", "secret"))
        self.put("credential", b"\xba\xdc\xc0\xde\0\0\0\1" + sized(blob) + sized(secret))
        self.tool("startauthsession", "--policy-session", "-S", "ek.session")
        self.tool("policysecret", "-S", "ek.session", "-c", "e")
        try:
            self.tool("activatecredential", "-c", "storage.ctx", "-C", "ek.ctx", "-i",
                      "credential", "-o", "opened", "-P", "session:ek.session")
        finally:
            self.tool("flushcontext", "ek.session")
        return (self.dir / "opened").read_bytes()

    def answer(self, challenge):
        path = self.dir / "response"
        secret = self.activate(json.loads(challenge.read_text()))
        path.write_text(json.dumps({"type": "secmod hsm1 response",
                                    "answer": secret.hex()}))
        return path

    def load(self, export):
        """Takes an object in; leaves key.ctx."""
        x = json.loads(export.read_text())
        self.put("key.pub", sized(bytes.fromhex(x["public"])))
        self.put("key.dup", sized(bytes.fromhex(x["private"])))
        self.put("key.seed", sized(bytes.fromhex(x["seed"])))
        self.put("inner", self.activate(x))
        self.tool("import", "-C", "storage.ctx", "-u", "key.pub", "-i", "key.dup", "-s",
                  "key.seed", "-k", "inner", "-r", "key.priv")
        self.tool("load", "-C", "storage.ctx", "-u", "key.pub", "-r", "key.priv", "-c",
                  "key.ctx")
        return x

    def authorized(self, x, authority, command):
        """A session in which the authority's approval of "use" is proved."""
        self.tool("startauthsession", "--policy-session", "-S", "s")
        self.tool("policysecret", "-S", "s", "-c", "storage.ctx")
        self.tool("policycommandcode", "-S", "s", "-L", "use.policy", command)
        ref = f"secmod {x['kind']} {x['version']}".encode()
        self.put("ref", ref)
        self.put("message", (self.dir / "use.policy").read_bytes() + ref)
        r_and_s = bytes.fromhex(x["approvals"]["use"])
        self.put("signature", b"\0\x18\0\x0b" + sized(r_and_s[:32]) + sized(r_and_s[32:]))
        self.tool("loadexternal", "-C", "o", "-G", "ecc", "-u", authority, "-a",
                  "sign|userwithauth", "-c", "authority.ctx", "-n", "authority.name")
        self.tool("verifysignature", "-c", "authority.ctx", "-g", "sha256", "-m",
                  "message", "-s", "signature", "-t", "ticket")
        self.tool("policyauthorize", "-S", "s", "-i", "use.policy", "-n",
                  "authority.name", "-q", "ref", "-t", "ticket")

    def unseal(self, x, authority):
        self.authorized(x, authority, "TPM2_CC_Unseal")
        try:
            self.tool("unseal", "-c", "key.ctx", "-p", "session:s", "-o", "block")
        finally:
            self.tool("flushcontext", "s")
        return (self.dir / "block").read_bytes()

    def agree(self, x, authority, point):
        """What the recovery key and this point agree on."""
        self.put("point", sized(sized(point[1:33]) + sized(point[33:])))
        self.authorized(x, authority, "TPM2_CC_ECDH_ZGen")
        self.tool("ecdhzgen", "-c", "key.ctx", "-p", "session:s", "-u", "point", "-o", "z")
        self.tool("flushcontext", "-l")  # the tool does not save the session again
        z = (self.dir / "z").read_bytes()
        return z[4:36]  # x of a TPM2B_ECC_POINT


# ECC-CMS-SharedInfo (RFC 5753, 7.2): id-aes256-wrap, 256 bits
WRAP_INFO = bytes.fromhex("3015300b060960864801650304012da206040400000100")


def _decrypt(cipher, key, iv, data):
    argv = ["openssl", "enc", "-d", f"-{cipher}", "-K", key.hex(), "-iv", iv.hex(), "-nopad"]
    return subprocess.run(argv, input=data, capture_output=True, check=True).stdout


def open_cryptogram(cms, agree):
    """UID and random number in it, by the openssl command; agree(point): see ToolsHsm."""
    out = subprocess.run(["openssl", "asn1parse", "-inform", "DER"], input=cms,
                         capture_output=True, check=True).stdout.decode()
    rows = re.findall(r"(\d+):d=\d+ +hl=(\d+) l= *(\d+) prim: +(?:BIT STR|OCTET STR|cont)", out)
    point, _, wrapped, nonce, content, _ = (
        cms[int(at) + int(head) : int(at) + int(head) + int(size)] for at, head, size in rows)
    secret = hashlib.sha256(agree(point[1:]) + b"\0\0\0\1" + WRAP_INFO).digest()
    key = _decrypt("id-aes256-wrap", secret, b"\xa6" * 8, wrapped)
    # GCM without its tag (NIST SP 800-38D, 7.2)
    return _decrypt("aes-256-ctr", key, nonce + b"\0\0\0\2", content)


def name_of(public):
    """Name of a public area (hex)."""
    return "000b" + hashlib.sha256(bytes.fromhex(public)).hexdigest()


HSM1 = BIN / "secmod-hsm1"


class Hsm1:
    """HSM 1 itself, as the access server has it."""

    def __init__(self, kms, label="hsm1", authority=None):
        self.label = label
        self.dir = run_dir() / label
        self.tpm = Tpm(name=label + "-tpm")
        self.tcti = self.tpm.serve()
        expect_rc(self.run("init", "--authority", authority or kms.authority, "--tcti",
                           self.tcti))

    def run(self, *words):
        return host([HSM1, *words, "--dir", self.dir], check=False)

    def request(self):
        path = run_dir() / f"{self.label}.request"
        expect_rc(self.run("request", "--out", path))
        return path

    def answer(self, challenge):
        path = run_dir() / f"{self.label}.response"
        expect_rc(self.run("answer", "--challenge", challenge, "--out", path))
        return path

    def flush(self):
        flush(self.tcti)

    def status(self):
        result = self.run("status")
        expect_rc(result)
        return json.loads(result.out)
