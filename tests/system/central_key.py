#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The central system's private key: in which process, in which file, in a TPM."""

import os
import signal
from pwd import getpwnam

from pkikit import Plant
from centralkit import Central
from messages import Error, connect_tls
from lib import Tpm, case, expect, expect_equal, expect_match, expect_rc, host, skip


def accepted(central, cert):
    with connect_tls(central.port, cert) as peer:
        expect_equal(peer.book(b"pay 10").status, 0)


def key_process(central, module):
    with case("the private key is in a process of its own, in no other"):
        key = (central.dir / "central.key").read_text()
        secret = host(["openssl", "ec", "-in", central.dir / "central.key", "-text",
                       "-noout"]).out
        words = expect_match(r"priv:\s+((?:[0-9a-f:\s])+?)pub", secret)[1]
        scalar = bytes.fromhex("".join(words.split()).replace(":", ""))
        accepted(central, module)
        parent, child = central.process.child.pid, central.key_process()
        expect(scalar[-32:] in memory(child), "the key process does not hold it")
        expect(scalar[-32:] not in memory(parent), "the network process holds it")
        expect(key[40:80].encode() not in memory(parent))
    with case("the server stops when the key process is gone"):
        os.kill(central.key_process(), signal.SIGKILL)
        expect_equal(central.process.wait(10), 1)
        central.said("key process has ended")
        central.start()
        accepted(central, module)


def privileges(plant, module):
    with case("both processes give up root; the key file stays root's"):
        if os.getuid():
            skip("only root can give up root")
        user = "nobody"
        central = Central(plant, "dropped", user=user)
        os.chmod(central.dir / "central.pem", 0o644)
        expect_equal((central.dir / "central.key").stat().st_uid, 0)
        expect_equal((central.dir / "central.db").stat().st_uid, getpwnam(user).pw_uid)
        expect_rc(central.run("serve", "-n", "--user", user, "tcp:127.0.0.1:0"))
        with central:
            central.start("--user", user, "--register", "auto")
            accepted(central, module)
            for pid in (central.process.child.pid, central.key_process()):
                with open(f"/proc/{pid}/status", encoding="ascii") as status:
                    uids = expect_match(r"^Uid:\s+(.*)", status.read())[1].split()
                expect_equal({int(uid) for uid in uids}, {getpwnam(user).pw_uid})
                expect_equal(os.stat(f"/proc/{pid}/mem").st_uid, 0)  # not dumpable
            # the administrator is root: the server's files stay the server's
            expect_rc(central.run("module", "disable", "--reason", "x", "SN-1"))
            with connect_tls(central.port, module) as peer:
                word = peer.end()
            expect(isinstance(word, Error) and "disabled" in word.text, word)
        expect_rc(central.run("serve", "--user", "no-such", "tcp:127.0.0.1:0"), 1, "no-such")


def memory(pid):
    """All that a process can read of itself."""
    found = b""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, \
            open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            span, mode = line.split()[:2]
            start, end = (int(word, 16) for word in span.split("-"))
            if mode[0] == "r" and "[v" not in line:
                mem.seek(start)
                try:
                    found += mem.read(end - start)
                except OSError:
                    pass
    return found


def in_tpm(plant, module):
    with case("the key can be in a TPM: made there, used there"):
        tpm = Tpm()
        uri = f"tpm:0x81000100?tcti={tpm.serve()}"
        with Central(plant, "tpm", key=uri) as central:
            expect(not (central.dir / "central.key").exists())
            central.start("--register", "auto")
            accepted(central, module)
            central.stop()
            tpm.stop()
            expect_rc(central.run("serve", "-n", "tcp:127.0.0.1:0"), 1, "tpm:0x81000100")


def main():
    plant = Plant()
    module = plant.module(1)
    with Central(plant) as central:
        central.start("--register", "auto")
        key_process(central, module)
    privileges(plant, module)
    in_tpm(plant, module)


if __name__ == "__main__":
    main()
