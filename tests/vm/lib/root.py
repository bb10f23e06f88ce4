# SPDX-License-Identifier: MIT
"""Root on the terminal, beside the driver: what he can try with the TPM.

    root = Root(vm)
    root.attack({"A24 reads it": ("tpm2_nvread 0x1950002", NV_LOCKED)})
"""

import re
import shlex
import struct

from .paths import BIN, BUILD
from .powercut import LOADED_SESSION, SAVED_SESSION, TRANSIENT, Stand, tpm_command
from .tap import Failed, case, expect, expect_equal, expect_rc

SEND = BUILD / "vm/tpm_send"
RM, RAW = "/dev/tpmrm0", "/dev/tpm0"

# TPM 2.0 Library, part 2, 6.6.3; with the number of the session where there is one
AUTH_TYPE, POLICY, AUTH_UNAVAILABLE = 0x124, 0x126, 0x12F
NV_LOCKED, NV_AUTHORIZATION = 0x148, 0x149
POLICY_FAIL, BAD_AUTH, BAD_AUTH_OF_SECOND = 0x99D, 0x9A2, 0xAA2
INTEGRITY = 0x1DF

_SRK_TEMPLATE = bytes.fromhex(
    "001a" "0023000b00030072" "0000" "00060080004300100003001000000000"
)
_CREATE_PRIMARY = tpm_command(
    0x131,
    struct.pack(">I", 0x40000007)  # the null hierarchy: forgotten at a restart
    + struct.pack(">IIHBH", 9, 0x40000009, 0, 0, 0)
    + bytes.fromhex("0004" "0000" "0000")
    + _SRK_TEMPLATE
    + bytes(6),
    tag=0x8002,
)
_START_SESSION = tpm_command(
    0x176,
    struct.pack(">IIH", 0x40000007, 0x40000007, 16)
    + bytes(16)
    + struct.pack(">HBHH", 0, 0, 0x10, 0xB),
)

# One attempt: a name, and what the TPM said to the command's last line.
_PRELUDE = """mkdir -p /tmp/root && cd /tmp/root
try() {
    bash -ec "$2" >out 2>&1; rc=$?
    echo "@ $1 = $rc $(grep -oE '\\(?0x[0-9A-Fa-f]+\\)?:? *-? *tpm:|\\(0x[0-9A-Fa-f]+\\)' out |
        head -n 1)"
    cat -v out | sed 's/^/  /'; echo
    if [ "$flush" ]; then
        tpm2_flushcontext -t 2>/dev/null; tpm2_flushcontext -l 2>/dev/null
    fi
}
"""


class Attempt:
    """How a command of root ended."""

    def __init__(self, name, rc, code, text):
        self.name, self.rc, self.code, self.text = name, rc, code, text

    def expect(self, *codes):
        """The TPM refused it with one of these codes."""
        if self.rc == 0:
            raise Failed(f"{self.name}: it works\n{self.text}")
        if self.code not in codes:
            wanted = " or ".join(f"{code:#x}" for code in codes)
            raise Failed(f"{self.name}: {self.code or 0:#x}, want {wanted}\n{self.text}")

    def expect_works(self):
        expect(self.rc == 0, f"{self.name}: exit status {self.rc}\n{self.text}")


def response_code(answer):
    return struct.unpack(">I", answer[6:10])[0]


class Root:
    """Root, with tpm2-tools and with raw commands."""

    def __init__(self, vm):
        self.vm = vm

    def tries(self, attempts, device=RM, timeout=180):
        """Run each shell command, the names are the keys; {name: Attempt}."""
        script = [f"export TPM2TOOLS_TCTI=device:{device} flush="]
        script[0] += "yes" if device == RAW else ""
        script.append(_PRELUDE)
        for name, command in attempts.items():
            script.append(f"try {shlex.quote(name)} {shlex.quote(command)}")
        out = self.vm.sh("\n".join(script), timeout=timeout, check=False).out
        found = {}
        for part in re.split(r"(?m)^@ ", out)[1:]:
            head, _, text = part.partition("\n")
            name, rc, *code = re.match(r"(.*) = (\d+) ?(.*)", head).groups()
            number = re.search(r"0x([0-9A-Fa-f]+)", code[0])
            number = int(number[1], 16) if number else None
            found[name] = Attempt(name, int(rc), number, text)
        expect_equal(sorted(found), sorted(attempts), "attempts")
        return found

    def attack(self, attempts, device=RM):
        """A case for each {name: (command, code, ...)}; without a code root may do it."""
        found = self.tries({name: words[0] for name, words in attempts.items()}, device)
        for name, (_, *codes) in attempts.items():
            with case(name):
                found[name].expect(*codes) if codes else found[name].expect_works()

    def send(self, *commands, device=RAW):
        """Raw commands, one after the other; their answers."""
        words = [command.hex() for command in commands]
        out = self.vm.sh([SEND, device, *words], timeout=120).out
        return [bytes.fromhex(line) for line in out.split()]

    def fill_objects(self):
        """No slot for another transient object is left."""
        answers = self.send(*[_CREATE_PRIMARY] * 4)
        codes = [response_code(answer) for answer in answers]
        expect_equal((codes[0], codes[-1]), (0, 0x902), "filling the slots")

    def fill_sessions(self):
        """No slot for another loaded session is left."""
        answers = self.send(*[_START_SESSION] * 4)
        codes = [response_code(answer) for answer in answers]
        expect_equal((codes[0], codes[-1]), (0, 0x903), "filling the sessions")

    def handles(self, first):
        query = tpm_command(0x17A, struct.pack(">III", 1, first, 64))
        (answer,) = self.send(query)
        (count,) = struct.unpack(">I", answer[15:19])
        return [*struct.unpack(f">{count}I", answer[19 : 19 + 4 * count])]

    def flush(self):
        """Give all slots back."""
        for kind in (TRANSIENT, LOADED_SESSION, SAVED_SESSION):
            if found := self.handles(kind):
                self.send(*(tpm_command(0x165, struct.pack(">I", h)) for h in found))


class Terminal(Stand):
    """An operating module, and root beside it."""

    def __init__(self):
        super().__init__()
        self.root = Root(self.vm)

    def begin(self):
        self.vm.load_module()
        self.module.init(self.manufacturer)
        self.module.secmod("certs", "--out-dir", self.vm.share)
        self.module.personalize(self.unit)

    def sh(self, *commands):
        return self.vm.sh("cd /tmp && " + " && ".join(commands), timeout=120)

    def sign(self):
        """What the module says to a signature with its key, "" when it makes one."""
        share = self.vm.share
        out = self.vm.sh(
            f"cd {share} && {BIN}/secmod keyref module >key && echo m >m &&"
            f" OPENSSL_CONF={share}/openssl.cnf openssl dgst -sha256 -sign key -out s m",
            check=False,
        )
        return "" if out.rc == 0 else self.module.attribute("last_error")

    def healthy(self):
        """The module signs; it is personalized where it has to be."""
        if self.module.state != "operating":
            self.module.personalize(self.unit)
        expect_equal(self.sign(), "")

    def refused(self, words, reason, state):
        """secmod(1) says the reason, and the module is in this state then."""
        expect_rc(self.module.secmod(*words, check=False), 1, reason)
        expect_equal(self.module.state, state)

    def fresh_vault(self):
        """The way out when the vault is behind: the identity stays, a new epoch begins."""
        module, share = self.module, self.vm.share
        self.vm.sh(f"rm -f {module.vault}")
        module.secmod(
            *("reset", "--yes", "--fresh-vault", module.vault),
            *("--checking-cert", share / "checking.pem"),
            *("--identity-cert", share / "identity.pem"),
        )
        expect_equal(module.state, "personalization")
