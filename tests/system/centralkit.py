# SPDX-License-Identifier: MIT
"""A central system on the loopback interface."""

import json
import subprocess

from pkikit import certify
from lib import BIN, Process, expect_rc, host, run_dir

CENTRAL = BIN / "secmod-central"


class Central:
    """Its directory, made by `init`, certified by the signer; and its server."""

    def __init__(self, plant, name="central", signer=None, register=True, user=None,
                 key=None):
        self.dir = run_dir() / name
        self.process = self.port = None
        self.signer = signer or plant.signer
        owner = ["--user", user] if user else []
        owner += ["--key", key] if key else []
        expect_rc(self.run("init", "--name", name, "--root", plant.root.pem, *owner))
        self.cert = certify(self.dir / "central.csr", name, "central", self.signer)
        (self.dir / "central.pem").write_text(self.cert.chain.read_text())
        if register:
            expect_rc(self.run("signer", "add", self.signer.pem))

    def run(self, *words):
        """A command of secmod-central, to its end."""
        return host([CENTRAL, *words, "--dir", self.dir], check=False)

    def start(self, *options, endpoint=None):
        """Serve; on a port of its own, the same after a restart."""
        endpoint = endpoint or f"tcp:127.0.0.1:{self.port or 0}"
        self.process = Process([CENTRAL, "serve", "-v", "--dir", self.dir, *options,
                                endpoint])
        match = self.process.wait_for(r"listening on (?:tcp:[\d.]+:(\d+)|.*)")
        self.port = int(match[1]) if match[1] else None
        return self

    def said(self, pattern, timeout=10):
        """Waits for a line of its log."""
        return self.process.wait_for(pattern, timeout)

    def key_process(self):
        """Process id of the one that holds the key."""
        out = subprocess.run(["pgrep", "-P", str(self.process.child.pid)],
                             capture_output=True, text=True, check=False).stdout
        return int(out)

    def stop(self):
        return self.process.terminate()

    def ledger(self, *options):
        return json.loads(self.run("ledger", "--json", *options).out)

    def audit(self):
        return json.loads(self.run("audit", "--json").out)

    def modules(self):
        return json.loads(self.run("module", "list", "--json").out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.running:
            self.process.terminate()
