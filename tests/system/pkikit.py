# SPDX-License-Identifier: MIT
"""Certificates of the project's roles, made by the openssl command: a second
implementation of what userspace/pki issues, and able to make wrong ones."""

import itertools
import os

from lib import host, run_dir

ARC = "2.25.184078804434078780937188407950041110596"
ROLES = {
    "identity": (1, "digitalSignature", "clientAuth"),
    "signer": (2, "digitalSignature,keyCertSign", "clientAuth,serverAuth"),
    "module": (3, "digitalSignature", "clientAuth"),
    "central": (4, "digitalSignature", "serverAuth"),
    "unit-tls": (5, "digitalSignature", "serverAuth"),
}

_numbers = itertools.count(1)


class Cert:
    """A certificate with its key; .chain is it and its issuers below the root."""

    def __init__(self, name, pem, key, issuer):
        self.name, self.pem, self.key, self.issuer = name, pem, key, issuer

    @property
    def chain(self):
        """PEM file: this certificate, then its signer (if that is not the root)."""
        path = self.pem.with_suffix(".chain")
        text = self.pem.read_text()
        if self.issuer and self.issuer.issuer:
            text += self.issuer.pem.read_text()
        path.write_text(text)
        return path

    @property
    def fingerprint(self):
        out = host(["openssl", "x509", "-in", self.pem, "-noout", "-fingerprint",
                    "-sha256"]).out
        return out.strip().partition("=")[2].replace(":", "").lower()


def _config(role, epoch):
    if role == "manufacturer":
        return ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]
    number, usage, extended = ROLES[role]
    ca = "CA:TRUE,pathlen:0" if role == "signer" else "CA:FALSE"
    lines = [
        f"basicConstraints=critical,{ca}",
        f"keyUsage=critical,{usage}",
        f"extendedKeyUsage={ARC}.1.{number},{extended}",
    ]
    if role == "module":
        nonce = os.urandom(32).hex()
        lines += [
            f"{ARC}.2.1=ASN1:FORMAT:HEX,OCT:{nonce}",
            f"{ARC}.2.2=ASN1:FORMAT:HEX,OCT:{nonce}",
            f"{ARC}.2.3=ASN1:INTEGER:{epoch}",
        ]
    return lines


def make_key(path):
    """A P-256 key in a PEM file."""
    host(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
          "ec_paramgen_curve:P-256", "-out", path])
    os.chmod(path, 0o600)
    return path


def certify(csr, name, role, issuer, *, key=None, epoch=1, days=365):
    """Issue a certificate for a request; issuer None: self-signed with key."""
    base = run_dir() / f"c{next(_numbers)}-{name}"
    extensions = base.with_suffix(".ext")
    ids = ["subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid:always"]
    extensions.write_text("\n".join(_config(role, epoch) + ids) + "\n")
    pem = base.with_suffix(".pem")
    command = ["openssl", "x509", "-req", "-in", csr, "-out", pem, "-sha256",
               "-days", str(days), "-extfile", extensions,
               "-set_serial", f"0x7{os.urandom(15).hex()}"]
    if issuer:
        command += ["-CA", issuer.pem, "-CAkey", issuer.key]
    else:
        command += ["-signkey", key]
    host(command)
    return Cert(name, pem, key, issuer)


def issue(name, role, issuer=None, *, uid=None, serial=None, epoch=1, days=365, key=None):
    """A key and its certificate."""
    base = run_dir() / f"c{next(_numbers)}-{name}"
    key = key or make_key(base.with_suffix(".key"))
    subject = f"/CN={name}"
    if uid:
        subject += f"/serialNumber={serial}/UID={uid}"
    csr = base.with_suffix(".csr")
    host(["openssl", "req", "-new", "-utf8", "-key", key, "-out", csr, "-subj", subject])
    return certify(csr, name, role, issuer, key=key, epoch=epoch, days=days)


class Plant:
    """A manufacturer with personalization units."""

    def __init__(self, name="manufacturer"):
        self.root = issue(name, "manufacturer")
        self.signer = self.new_signer("PU 1")

    def new_signer(self, name, **how):
        return issue(name.replace(" ", "-"), "signer", self.root, **how)

    def module(self, number=1, *, signer=None, role="module", **how):
        """Certificate and key of module `number`: UID 000…n, serial SN-n."""
        return issue(f"m{number}", role, signer or self.signer,
                     uid=f"{number:032x}", serial=f"SN-{number}", **how)
