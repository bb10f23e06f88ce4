#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Stock programs with the module's keys: openssl, curl, nginx."""

from lib import (
    BUILD,
    VM,
    Module,
    Tpm,
    case,
    comment,
    expect,
    expect_equal,
    expect_match,
    expect_rc,
    serving,
)

HANDSHAKES = 200

CONFIG = """openssl_conf = init
[init]
providers = providers
[providers]
{order}
[default_provider]
activate = 1
[secmod_provider]
activate = 1
module = {module}
"""

NGINX = """daemon off;
user www-data;
worker_processes 2;
pid {dir}/nginx.pid;
error_log {dir}/error.log notice;
events {{ worker_connections 64; }}
http {{
	access_log off;
	client_body_temp_path {dir}/body;
	proxy_temp_path {dir}/proxy;
	fastcgi_temp_path {dir}/fastcgi;
	uwsgi_temp_path {dir}/uwsgi;
	scgi_temp_path {dir}/scgi;
	ssl_session_tickets off;
	server {{
		listen 127.0.0.1:4443 ssl;
		ssl_certificate {share}/module-chain.pem;
		ssl_certificate_key {share}/module.key;
		ssl_protocols TLSv1.2 TLSv1.3;
		location / {{ return 200 "worker $pid\\n"; }}
	}}
}}
"""

# connects again and again, prints the number and which workers answered
MANY = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
pids, n = set(), 0
for i in range(int(sys.argv[1])):
    with socket.create_connection(("127.0.0.1", 4443)) as s:
        with context.wrap_socket(s) as t:
            t.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
            answer = b""
            while part := t.recv(4096):
                answer += part
            pids.add(answer.split()[-1])
            n += 1
print(n, len(pids))
"""


def prepare(vm, module):
    """Certificates, references and configurations where both sides see them."""
    share = vm.share
    module.secmod("certs", "--out-dir", share)
    for name in ("module", "identity"):
        (share / f"{name}.key").write_text(module.secmod("keyref", name).out)
    so = BUILD / "lib/ossl-modules/secmod.so"
    orders = {
        "openssl.cnf": "default = default_provider\nsecmod = secmod_provider",
        "reverse.cnf": "secmod = secmod_provider\ndefault = default_provider",
    }
    for name, order in orders.items():
        (share / name).write_text(CONFIG.format(order=order, module=so))
    vm.sh("ip link set lo up", check=False)


class Openssl:
    """openssl(1) of the guest with the provider configured."""

    def __init__(self, vm, config="openssl.cnf"):
        self.vm, self.env = vm, f"OPENSSL_CONF={vm.share}/{config}"

    def __call__(self, words, check=True, stdin=None):
        command = f"{self.env} openssl {words}"
        return self.vm.sh(command, check=check, stdin=stdin)


def tls_server(vm, root, extra=""):
    """s_server with a software key that requires a certificate of the manufacturer."""
    share = vm.share
    vm.sh(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        f" -subj /CN=central -keyout {share}/s.key -out {share}/s.pem 2>&1"
    )
    server = vm.start(
        f"openssl s_server -accept 127.0.0.1:4433 -cert {share}/s.pem -key {share}/s.key"
        f" -Verify 3 -verify_return_error -CAfile {root} -www {extra}"
    )
    server.wait_for("ACCEPT")
    return server


def connect(openssl, key, version, cert="module"):
    """A handshake with s_client; what it printed."""
    share = openssl.vm.share
    chain = f" -cert_chain {share}/module-chain.pem" if cert == "module" else ""
    return openssl(
        f"s_client -connect 127.0.0.1:4433 -{version} -cert {share}/{cert}.pem"
        f" -key {key}{chain} -ign_eof",
        check=False,
        stdin="GET / HTTP/1.0\r\n\r\n",
    )


def expect_handshake(result):
    expect_match("HTTP/1.0 200", result.out)
    expect_match("Client certificate", result.out)


def clients(vm, manufacturer):
    openssl, share = Openssl(vm), vm.share
    server = tls_server(vm, manufacturer.root)
    for form, key in (
        ("URI", "secmod:module"),
        ("reference file", f"{share}/module.key"),
    ):
        for version in ("tls1_3", "tls1_2"):
            with case(f"provider: s_client authenticates by {form}, {version}"):
                expect_handshake(connect(openssl, key, version))
    with case("provider: s_client authenticates, secmod before default"):
        reverse = Openssl(vm, "reverse.cnf")
        expect_handshake(connect(reverse, f"{share}/module.key", "tls1_3"))
    with case("A8 provider: s_client authenticates with the identity key"):
        key = f"{share}/identity.key"
        expect_handshake(connect(openssl, key, "tls1_3", "identity"))
    with case("provider: curl authenticates with the module key"):
        result = vm.sh(
            f"OPENSSL_CONF={share}/openssl.cnf curl -sS --cacert {share}/s.pem"
            f" --resolve central:4433:127.0.0.1 --cert {share}/module-chain.pem"
            f" --key {share}/module.key https://central:4433/"
        )
        expect_match("Client certificate", result.out)
        expect_match("secmod SN-0001", result.out)
    server.terminate()


def keys(vm):
    openssl, share = Openssl(vm), vm.share
    with case("provider: the public key is the certificate's"):
        public = openssl(f"pkey -in {share}/module.key -pubout").out
        expect_equal(public, openssl(f"x509 -in {share}/module.pem -noout -pubkey").out)
    with case("provider: the private key does not come out"):
        result = openssl(f"pkey -in {share}/module.key", check=False)
        expect(result.rc != 0)
        expect("PRIVATE" not in result.out)
    for name in ("module", "identity"):
        with case(f"provider: the {name} key signs a certificate request"):
            result = openssl(
                f"req -new -key {share}/{name}.key -subj /CN=x -verify -noout"
            )
            expect_match("verify OK", result.err)
    with case("provider: the module key signs a file, OpenSSL alone verifies it"):
        openssl(f"dgst -sha384 -sign {share}/module.key -out {share}/sig {share}/s.pem")
        vm.sh(f"openssl x509 -in {share}/module.pem -noout -pubkey >{share}/pub.pem")
        verify = f"openssl dgst -sha384 -verify {share}/pub.pem -signature {share}/sig"
        expect_rc(vm.sh(f"{verify} {share}/s.pem"), 0, "OK")
        expect_rc(vm.sh(f"{verify} {share}/pub.pem", check=False), 1)
    with case("provider: ordinary keys work beside it, in both orders"):
        for config in ("openssl.cnf", "reverse.cnf"):
            each = Openssl(vm, config)
            each(f"ecparam -name prime256v1 -genkey -noout -out {share}/soft.key")
            each(f"dgst -sha256 -sign {share}/soft.key -out {share}/sig {share}/s.pem")
            each(f"pkey -in {share}/soft.key -pubout -out {share}/soft.pub")
            verified = each(
                f"dgst -sha256 -verify {share}/soft.pub -signature {share}/sig"
                f" {share}/s.pem"
            )
            expect_match("OK", verified.out)
    with case("provider: who may not open the device is told so"):
        result = vm.sh(
            f"OPENSSL_CONF={share}/openssl.cnf setpriv --reuid 65534 --clear-groups"
            " openssl pkey -in secmod:module -pubout",
            check=False,
        )
        expect_rc(result, 1)
        expect_match("cannot open '/dev/secmod0': Permission denied", result.err)


def left_in_tpm(vm):
    """Transient objects and loaded sessions of the TPM."""
    getcap = "tpm2_getcap -T device:/dev/tpm0"
    return vm.sh(f"{getcap} handles-transient; {getcap} handles-loaded-session").out


def nginx(vm):
    share, directory = vm.share, "/run/nginx-test"
    config = NGINX.format(dir=directory, share=share)
    (share / "nginx.conf").write_text(config)
    (share / "many.py").write_text(MANY)
    vm.sh(f"mkdir -p {directory}")
    server = vm.start(
        f"OPENSSL_CONF={share}/openssl.cnf nginx -e {directory}/error.log"
        f" -c {share}/nginx.conf"
    )
    with case("provider: nginx serves TLS with the module key"):
        vm.wait_for(f"test -s {directory}/nginx.pid", 20)
        vm.wait_for("curl -sk https://127.0.0.1:4443/", 20)
        shown = vm.sh(
            "openssl s_client -connect 127.0.0.1:4443 </dev/null 2>/dev/null"
            " | openssl x509 -noout -fingerprint -sha256"
        ).out
        expect_equal(
            shown, vm.sh(f"openssl x509 -in {share}/module.pem -noout -fingerprint -sha256").out
        )
    with case(f"provider: {HANDSHAKES} handshakes in workers without right to the device"):
        stats = "/sys/class/secmod/secmod0/stats/tpm_commands"
        before = int(vm.sh(f"cat {stats}").out)
        done = vm.sh(f"python3 {share}/many.py {HANDSHAKES}", timeout=180).out.split()
        expect_equal(int(done[0]), HANDSHAKES)
        commands = int(vm.sh(f"cat {stats}").out) - before
        comment(f"{done[1]} workers, {commands} TPM commands")
        expect(commands >= HANDSHAKES)
        owner = vm.sh("ps -o user= -C nginx").out.split()
        expect("www-data" in owner, f"workers run as {owner}")
    with case("provider: nothing of the handshakes is left in the TPM"):
        expect_equal(left_in_tpm(vm), "")
    server.terminate()


def after_reset(vm, module, unit):
    openssl, share = Openssl(vm), vm.share
    with case("A2 provider: after a reset the key is gone"):
        module.secmod("reset", "--yes")
        result = openssl("pkey -in secmod:module -pubout", check=False)
        expect_rc(result, 1)
        expect_match("no module certificate", result.err)
    with case("A2 provider: the next personalization's key is another"):
        module.personalize(unit)
        public = openssl(f"pkey -in {share}/module.key -pubout").out
        old = vm.sh(f"openssl x509 -in {share}/module.pem -noout -pubkey").out
        expect_match("PUBLIC KEY", public)
        expect(public != old)


def main():
    tpm = Tpm()
    manufacturer, unit = serving(tpm)
    with VM(tpm=tpm) as vm:
        vm.load_module()
        module = Module(vm)
        module.init(manufacturer)
        module.personalize(unit)
        prepare(vm, module)
        clients(vm, manufacturer)
        keys(vm)
        nginx(vm)
        after_reset(vm, module, unit)
    unit.stop()
    manufacturer.stop()


if __name__ == "__main__":
    main()
