#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Content of the vault that was written and never committed, put back by root."""

from lib import Disk, case, expect_equal, expect_rc
from lib.cards import cards_of_a_module
from lib.gp import Keyset

DIRECTORY = "/var/lib/secmod"


def without_journal(cards):
    """The vault on a file system that goes on when a flush has failed."""
    cards.module.secmod("detach")
    cards.module.vm.sh(
        f"cp {DIRECTORY}/secmod0.vault /tmp/vault && umount {DIRECTORY} &&"
        f" mkfs.ext4 -qF -O ^has_journal /dev/vda && mount /dev/vda {DIRECTORY} &&"
        f" cp /tmp/vault {DIRECTORY}/secmod0.vault && sync"
    )
    cards.module.attach()


disk = Disk()
with cards_of_a_module(nbd=disk) as cards:
    vm, module, vault = cards.module.vm, cards.module, cards.module.vault
    krk, mk, new = Keyset(0x31), Keyset(0x38), Keyset(0x39)
    without_journal(cards)
    cards.issue(mk, krk)
    with case("B9 a commit that the disk does not confirm changes nothing, and says so"):
        server = cards.talk()
        server.open(krk)
        other = cards.talk()
        other.select()
        other.initialize(Keyset(mk.kvn))
        disk.stubborn = True
        expect_equal(other.authenticate(), 0x6400)
        other.close()
        vm.sh(f"cp {vault} /tmp/uncommitted")
        disk.stubborn = False
    with case("B9 the session of another file goes on, and replaces the master keyset"):
        server.put_keys(new, old=mk.kvn)
        server.close()
        vm.sh(f"cp {vault} /tmp/committed")
    with case("B9 the content that was not committed does not bring the old one back"):
        module.secmod("detach")
        vm.sh(f"cp /tmp/uncommitted {vault}")
        expect_rc(module.attach(check=False), 1, "the module is at")
        vm.sh(f"cp /tmp/committed {vault}")
        module.attach()
        expect_equal(cards.opens(mk), 0x6A88)
        expect_equal(cards.opens(new), 0x9000)
