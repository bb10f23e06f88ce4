# SPDX-License-Identifier: MIT
"""Who signs: the module's key, and what people take instead."""

import shutil
from pathlib import Path

from lib import BUILD, host

TPMRM = "device:/dev/tpmrm0"
RAW_HANDLE = "0x81010010"
ABRMD = Path(__file__).resolve().parent / "abrmd.sh"
P11_STORE = "/run/p11"
LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
P11_MODULE = LIBRARIES / "pkcs11/libtpm2_pkcs11.so"
P11_ENGINE = LIBRARIES / "engines-3/pkcs11.so"  # Debian 13 has a provider

CONFIG = """openssl_conf = init
[init]
providers = providers
[providers]
default = default_provider
{name} = {name}_provider
[default_provider]
activate = 1
[{name}_provider]
activate = 1
{more}
"""

TEMPLATE = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|noda"

# in a guest whose storage root key the driver has made
MAKE_TPM_KEY = f"""set -e; cd {{share}}; export TPM2TOOLS_TCTI={TPMRM}
tpm2_create -Q -C 0x81000001 -G ecc256 -a '{TEMPLATE}' -u tpm.pub -r tpm.priv -c tpm.ctx
tpm2_evictcontrol -Q -C o -c tpm.ctx {RAW_HANDLE}
tpm2_readpublic -Q -c {RAW_HANDLE} -f pem -o tpm.pub.pem
"""
MAKE_P11_KEY = f"""set -e; export TPM2TOOLS_TCTI={TPMRM} TPM2_PKCS11_TCTI={TPMRM}
export TPM2_PKCS11_STORE={P11_STORE}; mkdir -p {P11_STORE}
tpm2_ptool init --primary-handle 0x81000001
tpm2_ptool addtoken --pid 1 --label bench --userpin pin --sopin sopin
tpm2_ptool addkey --label bench --userpin pin --key-label key --algorithm ecc256
cp -r {P11_STORE} {{share}}
"""


class Contender:
    """A key with a certificate, and how OpenSSL gets at it.

    uri    as load(1) of this directory takes it; propq: for its library context
    env    of every program that uses it
    dgst   arguments of openssl dgst -sign, None: no way there
    beside a program that runs the command given to it
    """

    def __init__(self, name, uri, share, env=None, propq=None, dgst=None, beside=""):
        self.name, self.uri, self.propq, self.dgst = name, uri, propq, dgst
        self.chain = share / f"{name}-chain.pem"
        self.env, self.beside = env or {}, beside

    def command(self, words):
        """words with the environment, as text for the guest's shell."""
        environment = "".join(f"{key}='{value}' " for key, value in self.env.items())
        return f"env {environment} {self.beside} {words}"


class Authority:
    """Issues the certificates of the others: a root and a CA below it, like ours."""

    def __init__(self, directory):
        self.dir = directory
        self._issue("root", "CA:TRUE", "-key", self._key("root"))
        self._issue("signer", "CA:TRUE", *self._under("root", self._public("signer")))

    def _key(self, name):
        path = self.dir / f"{name}.key"
        host(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path])
        return path

    def _public(self, name):
        path = self.dir / f"{name}.pub.pem"
        host(["openssl", "pkey", "-in", self._key(name), "-pubout", "-out", path])
        return path

    def _under(self, issuer, public):
        issued_by = ("-CA", self.dir / f"{issuer}.pem", "-CAkey", self.dir / f"{issuer}.key")
        return (*issued_by, "-force_pubkey", public)

    def _issue(self, name, constraint, *arguments):
        extensions = self.dir / f"{name}.ext"
        extensions.write_text(f"basicConstraints = critical, {constraint}\n")
        host(
            ["openssl", "x509", "-new", "-subj", f"/CN=bench {name}", "-days", "30"]
            + ["-extfile", extensions, "-out", self.dir / f"{name}.pem", *arguments]
        )

    def certify(self, name, public=None):
        """NAME-chain.pem over a public key in PEM, or over that of a new NAME.key."""
        self._issue(name, "CA:FALSE", *self._under("signer", public or self._public(name)))
        chain = [self.dir / f"{part}.pem" for part in (name, "signer")]
        (self.dir / f"{name}-chain.pem").write_text("".join(p.read_text() for p in chain))
        return self.dir / f"{name}.key"


def _config(share, name, more=""):
    path = share / f"{name}.cnf"
    path.write_text(CONFIG.format(name=name, more=more))
    return path


def _secmod(share, module):
    module.secmod("certs", "--out-dir", share)
    shutil.copy(share / "module-chain.pem", share / "secmod-chain.pem")
    so = BUILD / "lib/ossl-modules/secmod.so"
    env = {"OPENSSL_CONF": _config(share, "secmod", f"module = {so}")}
    return Contender("secmod", "secmod:module", share, env, dgst="-sign secmod:module")


def _tpm2_openssl(share, name, tcti, beside=""):
    shutil.copy(share / "bare-chain.pem", share / f"{name}-chain.pem")
    env = {"OPENSSL_CONF": _config(share, "tpm2"), "TPM2OPENSSL_TCTI": tcti}
    uri = f"handle:{RAW_HANDLE}"
    # hashing in the TPM is what makes it slowest: it is told not to
    propq = "?provider=tpm2,tpm2.digest!=yes"
    dgst = None if beside else f"-propquery '{propq}' -sign {uri}"
    return Contender(name, uri, share, env, propq, dgst, beside)


def _tpm2_pkcs11(share):
    env = {"TPM2_PKCS11_TCTI": TPMRM, "TPM2_PKCS11_STORE": P11_STORE}
    uri = "pkcs11:token=bench;object=key;type=private;pin-value=pin"
    if P11_ENGINE.exists():
        env["PKCS11_MODULE_PATH"] = P11_MODULE
        dgst = f"-engine pkcs11 -keyform engine -sign '{uri}'"
        return Contender("tpm2-pkcs11", f"engine:pkcs11:{uri}", share, env, dgst=dgst)
    more = f"pkcs11-module-path = {P11_MODULE}"
    env["OPENSSL_CONF"] = _config(share, "pkcs11", more)
    return Contender("tpm2-pkcs11", uri, share, env, dgst=f"-sign '{uri}'")


def _public_p11(vm, contender):
    """Public key of the token's key, by the way it is used later."""
    uri = contender.uri.removeprefix("engine:pkcs11:").replace("private", "public")
    way = "-engine pkcs11 -inform engine" if P11_ENGINE.exists() else ""
    public = vm.share / "p11.pub.pem"
    vm.sh(contender.command(f"openssl pkey {way} -in '{uri}' -pubin -pubout -out {public}"))
    return public


def prepare(vm, module, manufacturer):
    """All contenders, ours first; what they need is in vm.share afterwards."""
    share = vm.share
    authority = Authority(share)
    software = authority.certify("software")
    vm.sh(MAKE_TPM_KEY.format(share=share), timeout=300)
    authority.certify("bare", share / "tpm.pub.pem")
    p11 = _tpm2_pkcs11(share)
    vm.sh(MAKE_P11_KEY.format(share=share), timeout=600)
    authority.certify(p11.name, _public_p11(vm, p11))
    authority.certify("server")
    trusted = (manufacturer.root, share / "root.pem")
    (share / "trusted.pem").write_text("".join(p.read_text() for p in trusted))
    return [
        _secmod(share, module),
        Contender("software", software, share, dgst=f"-sign {software}"),
        Contender("bare", f"raw:{RAW_HANDLE}", share),
        p11,
        _tpm2_openssl(share, "tpm2-openssl", TPMRM),
        _tpm2_openssl(share, "tpm2-openssl-abrmd", "tabrmd:bus_type=session", ABRMD),
    ]
