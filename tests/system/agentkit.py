# SPDX-License-Identifier: MIT
"""An agent on the host, with a software key in place of a module."""

import json

from lib import BIN, Process, host, run_dir
from messages import connect_unix

AGENT = BIN / "secmod-agent"


class Agent:
    """secmod-agent for `module`, which knows the certificates of `centrals`."""

    def __init__(self, module, centrals, endpoint, name="agent"):
        self.socket = run_dir() / f"{name}.sock"
        self.stored = run_dir() / f"{name}-central.pem"
        self.stored.write_text("".join(c.pem.read_text() for c in centrals))
        self.words = [AGENT, "-v", "--insecure-software-key",
                      "--key", f"file:{module.key}", "--cert", module.chain,
                      "--central", self.stored, "--connect", endpoint,
                      "--listen", f"unix:{self.socket}"]
        self.process = None

    def start(self, *options):
        """Retries fast; the test's options come last and win."""
        self.process = Process([*self.words, "--retry", "50,200", *options])
        self.process.wait_for("listening on")
        return self

    def said(self, pattern, timeout=10):
        return self.process.wait_for(pattern, timeout)

    def app(self):
        """An application's connection."""
        return connect_unix(self.socket)

    def run(self, *words):
        return host([AGENT, *words, "--listen", f"unix:{self.socket}"], check=False)

    def status(self):
        return json.loads(self.run("--status").out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.running:
            self.process.terminate()
