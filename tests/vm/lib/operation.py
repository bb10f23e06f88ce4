# SPDX-License-Identifier: MIT
"""A module in operation: everybody it needs at work, and its agent."""

from .paths import BIN
from .tap import expect_rc
from .world import Central, Manufacturer, Module, Unit

SERIAL = "SN-0001"
SOCKET = "unix:/run/secmod-agent.sock"  # of the agent, for applications


def start_agent(vm, endpoint, *options, listen=SOCKET):
    """In the guest; retries fast."""
    return vm.start([BIN / "secmod-agent", "-v", "--connect", endpoint, "--listen", listen,
                     "--retry", "200,1000", "--time-limit", "60", *options])


def connect_agent(vm, central, *options):
    agent = start_agent(vm, central.guest_endpoint, *options)
    agent.wait_for("connected to", 60)
    return agent


class Operation:
    """Manufacturer, unit and central system at work for the module of a running machine."""

    def __init__(self, vm, tpm, *options):
        """@options: of the central system."""
        vm.load_module()
        self.vm, self.module = vm, Module(vm)
        self.manufacturer = Manufacturer(ek_ca=tpm.ek_ca)
        self.manufacturer.serve()
        self.unit = Unit(self.manufacturer, in_tpm=False)
        self.central = Central(self.manufacturer, self.unit)
        self.unit.serve()
        self.central.serve(None, *options)

    def init(self):
        """Initialized, and registered; the UID."""
        self.module.init(self.manufacturer, SERIAL)
        uid = self.module.attribute("uid")
        expect_rc(self.central.run("module", "add", uid, SERIAL), 0)
        return uid

    def operate(self):
        """Operating; the UID."""
        uid = self.init()
        self.module.personalize(self.unit)
        return uid

    def stop(self):
        for party in (self.central, self.unit, self.manufacturer):
            party.stop()
