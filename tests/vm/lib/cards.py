# SPDX-License-Identifier: MIT
"""A personalized module as the card that GlobalPlatform describes."""

import contextlib

from .gp import Keyset, Refused, Talk
from .tpm import Tpm
from .vm import VM
from .world import Central, Manufacturer, Module, Unit

TRIES = 3  # of a keyset


def refusal(function, *arguments):
    """The status word that it ends with."""
    try:
        function(*arguments)
    except Refused as refused:
        return refused.sw
    return 0x9000


def fields(aid):
    """Data of INSTALL: file, module, application, privileges, parameters, token."""
    return b"\0\0" + bytes([len(aid)]) + aid + b"\0\0\0"


def group(dgi, data):
    """A data group, for STORE DATA."""
    size = bytes([len(data)]) if len(data) < 255 else b"\xff" + len(data).to_bytes(2, "big")
    return dgi.to_bytes(2, "big") + size + data


def install(talk, aid):
    """Makes an application; STORE DATA goes to it."""
    talk.ask("80E60C00", fields(aid))
    talk.ask("80E62000", fields(aid))


class Cards:
    """Conversations with the module, as the central system and as who has keysets."""

    def __init__(self, module, central):
        self.module, self.central = module, central
        self.uid = module.attribute("uid")

    def talk(self):
        return Talk(self.module.vm)

    def keysets(self):
        """{kvn: (length, failures, tries, check values)}, asked by the central system."""
        talk = self.talk()
        talk.open_central(self.central)
        data = talk.ask("80CADF22")[3:]
        talk.close()
        rows = [data[n : n + 13] for n in range(0, len(data), 13)]
        return {row[0]: (row[1], row[2], row[3], row[4:]) for row in rows}

    def opens(self, keyset):
        """The status word of opening a channel, as soon as it is not slowed down."""
        talk = self.talk()
        talk.select()
        sw = 0x6985
        while sw == 0x6985:
            sw = refusal(talk.initialize, keyset)
        if sw == 0x9000:
            sw = talk.authenticate()
        talk.close()
        return sw

    def read(self, aid, dgi):
        """A data group of an application, as anybody may."""
        talk = self.talk()
        talk.select(aid)
        try:
            return talk.ask(f"80CA{dgi:04x}")
        finally:
            talk.close()

    def issue(self, *keysets, transport=None):
        """Loads keysets, in this order, with a transport keyset: its name is returned."""
        transport = transport or Keyset(0x30)
        talk = self.talk()
        talk.open_central(self.central)
        talk.put_keys(transport)
        talk.open(transport)
        for keyset in keysets:
            talk.put_keys(keyset)
        talk.close()
        return transport


@contextlib.contextmanager
def cards_of_a_module(tpm=None, parameters="", before="true", policy=(), **machine):
    """Cards of a module that has just been personalized; its keysets have TRIES tries.

    before      a command of the guest, before the driver is loaded
    policy      options of the unit
    """
    tpm = tpm or Tpm()
    manufacturer = Manufacturer(ek_ca=tpm.ek_ca)
    unit = Unit(manufacturer, in_tpm=False)
    central = Central(manufacturer, unit)
    manufacturer.serve()
    unit.serve(None, "--keyset-tries", str(TRIES), *policy)
    with VM(tpm=tpm, **machine) as vm:
        vm.sh(before)
        vm.load_module(parameters)
        module = Module(vm)
        module.init(manufacturer)
        module.personalize(unit)
        cards = Cards(module, central.dir)
        cards.manufacturer, cards.unit = manufacturer, unit
        yield cards
