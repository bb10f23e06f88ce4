#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Root takes the module's counters: raises them, removes them, puts others in their place."""

from lib import case, expect, expect_equal, expect_match
from lib.powercut import EPOCH, VAULT_COUNTER
from lib.root import Terminal

NONCE = ("--nonce", "11" * 32)
ORDINARY = "ownerwrite|ownerread|authread|authwrite|no_da"
COUNTER = f"{ORDINARY}|nt=counter"


def epoch_raised():
    terminal.sh(f"tpm2_nvincrement {EPOCH:#x}")
    with case("A2 the epoch raised by root: the key is dead, that is a reset by root"):
        expect_match("signing with the module key: .*TPM_RC_POLICY", terminal.sign())
        module.secmod("detach")
        module.attach()
        expect_equal((module.state, module.attribute("module_key")), ("personalization", ""))
        terminal.healthy()
    terminal.sh(f"tpm2_nvincrement {EPOCH:#x}", f"tpm2_nvincrement {EPOCH:#x}")
    with case("the epoch raised twice: the vault is behind"):
        module.secmod("detach")
        terminal.refused(("attach", "--vault", module.vault),
                         r"vault: epoch \d+, module: \d+: secmod reset --fresh-vault", "detached")
    with case("the epoch raised twice: the way out is a fresh vault"):
        terminal.fresh_vault()
        terminal.healthy()


def counter_redefined():
    for name, index in {"epoch": EPOCH, "vault": VAULT_COUNTER}.items():
        with case(f"A24 the {name} counter removed and defined anew does not go back"):
            read = f"tpm2_nvread -s 8 {index:#x} | xxd -p"
            before = int(terminal.sh(read).out, 16)
            terminal.sh(f"tpm2_nvundefine -Q -C o {index:#x}",
                        f'tpm2_nvdefine -Q {index:#x} -C o -s 8 -a "{COUNTER}"',
                        f"tpm2_nvincrement {index:#x}")
            expect(int(terminal.sh(read).out, 16) > before)
            module.secmod("detach")
            expect(module.attach(check=False).rc or module.state == "personalization")
    with case("after that the way out is a fresh vault"):
        terminal.fresh_vault()
        terminal.healthy()


def epoch_imitated():
    """PolicyNV is content with an ordinary index of the same value: the name is not."""
    value = int(module.attribute("epoch"))
    terminal.sh(f"tpm2_nvundefine -Q -C o {EPOCH:#x}",
                f'tpm2_nvdefine -Q {EPOCH:#x} -C o -s 8 -a "{ORDINARY}"',
                f"printf {value:016x} | xxd -r -p | tpm2_nvwrite -Q -C o -i - {EPOCH:#x}")
    with case("A2 an ordinary index that holds the epoch is not the counter: nothing is signed"):
        expect_match("signing with the module key: .*TPM_RC_POLICY_FAIL", terminal.sign())
        terminal.refused(("attest", *NONCE), "certifying the epoch counter: ", "operating")
    with case("A2 nor is there a reset with it, and the module lets go of its key"):
        terminal.refused(("reset", "--yes"), "raising a counter: ", "detached")
        terminal.refused(("attach", "--vault", module.vault), "reading a counter: ", "detached")
    with case("the way out is a counter, and a fresh vault"):
        terminal.sh(f"tpm2_nvundefine -Q -C o {EPOCH:#x}",
                    f'tpm2_nvdefine -Q {EPOCH:#x} -C o -s 8 -a "{COUNTER}"',
                    f"tpm2_nvincrement {EPOCH:#x}")
        terminal.fresh_vault()
        terminal.healthy()


def vault_counter_raised():
    terminal.sh(f"tpm2_nvincrement {VAULT_COUNTER:#x}")
    with case("A2 the vault's counter raised by root: the next commit says so"):
        terminal.refused(("reset", "--yes"),
                         r"vault: its counter was raised by someone else to \d+: secmod reset",
                         "detached")
    with case("A2 that commit is not accepted later, nor is the vault before it"):
        terminal.refused(("attach", "--vault", module.vault),
                         "newest copy, or secmod reset --fresh-vault", "detached")
        terminal.fresh_vault()
        terminal.healthy()


terminal = Terminal()
vm, module = terminal.vm, terminal.module
with vm:
    terminal.begin()
    epoch_raised()
    counter_redefined()
    vault_counter_raised()
    epoch_imitated()
