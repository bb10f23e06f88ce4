#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Power cuts at random moments of random operations, one after the other.

QEMU and the TPM are killed together. After each the module must be what its caller was
told before the cut, or what the operation under way makes of it; nothing else. The
counters of the TPM never fall. SECMOD_CUTS=N cuts N times; a moment that is a TPM command
or a write is the same again with the same SECMOD_SEED, one that is a time only nearly.
"""

import os
import re
import struct
import threading
import time

from lib import (
    BIN,
    LONG,
    CommandFailed,
    Failed,
    GuestDied,
    Timeout,
    case,
    chance,
    comment,
    expect,
    wait_for,
)
from lib.powercut import EPOCH, IDENTITY, KEY, VAULT_COUNTER, Stand, tpm_command

CUTS = int(os.environ.get("SECMOD_CUTS") or (300 if LONG else 12))
DIRECTORY = "/var/lib/secmod"
TOO_SLOW = "Operation Timed out"  # says the kernel's TPM core

# how often each is chosen in a state, once the vault is attached
CHOICE = {
    "virgin": {"init": 1},
    "personalization": {"personalize": 6, "discard": 1, "fresh": 1},
    "operating": {"reset": 4, "fresh": 2, "sign": 1, "discard": 1},
}
# TPM commands, writes to the disk and seconds each takes, about; a cut may come after
EXTENT = {
    "attach": (26, 6, 1.0),
    "init": (95, 14, 1.5),
    "discard": (110, 14, 1.5),
    "personalize": (46, 8, 1.0),
    "reset": (26, 8, 0.8),
    "fresh": (46, 14, 1.2),
    "sign": (5, 1, 0.8),
}


class Caller:
    """What somebody who uses the module knows of it, from the answers alone."""

    def __init__(self):
        self.state, self.uid, self.key, self.epoch = "virgin", "", "", 0
        self.vaults = []  # that may be the module's, the newest first
        self.under_way = None  # what the power cut interrupted

    def learn(self, status):
        self.state, self.uid, self.key, self.epoch = seen(status)


def seen(status):
    """State, UID, key, epoch; None stands for what nobody has told yet."""
    if status["state"] == "virgin":
        return "virgin", "", "", 0
    return status["state"], status["uid"] or "", status["module_key"] or "", status["epoch"]


known, stand = Caller(), Stand()
module = stand.module
random = chance("power cuts")
floor = {EPOCH: 0, VAULT_COUNTER: 0}
count = {"answered": 0, "lost": 0, "done": 0, "undone": 0}


def counter(index):
    """Its value by a command of our own, None when there is none."""
    password = struct.pack(">IIHBH", 9, 0x40000009, 0, 0, 0)
    body = struct.pack(">II", index, index) + password + struct.pack(">HH", 8, 0)
    answer = stand.bus.ask(tpm_command(0x14E, body, tag=0x8002))
    return struct.unpack(">Q", answer[16:24])[0] if answer[6:10] == bytes(4) else None


def check_counters():
    for index in floor:
        value = counter(index)
        if value is not None:
            expect(value >= floor[index], f"{index:#x} fell: {value} < {floor[index]}")
            floor[index] = value


#
# Operations. Each begins on an attached module (or a virgin one); what arm() brings is
# in force from when it is called.
#


def attach(arm):
    """What is under way stays so: this may be the attach that clears up."""
    arm()
    find_vault()


def init(arm):
    if stand.issued:
        stand.manufacturer.run("release", "SN-0001")
    module.vault = new_vault()
    arm()
    module.init(stand.manufacturer)


def discard(arm):
    module.secmod("detach")
    if stand.issued:
        stand.manufacturer.run("release", "SN-0001")
    module.vault = new_vault()
    arm()
    module.init(stand.manufacturer, "SN-0001", "--discard", "--yes")


def personalize(arm):
    arm()
    module.personalize(stand.unit)


def reset(arm):
    arm()
    module.secmod("reset", "--yes")


def fresh(arm):
    share = stand.vm.share
    stand.vm.sh(f"mkdir -p {share}/kept && {BIN}/secmod certs --out-dir {share}/kept")
    module.secmod("detach")
    module.vault = new_vault()
    arm()
    module.secmod(
        *("reset", "--yes", "--fresh-vault", module.vault),
        *("--checking-cert", stand.manufacturer.root),
        *("--identity-cert", share / "kept/identity.pem"),
    )


def sign(arm):
    arm()
    stand.expect_signs()


OPERATIONS = {f.__name__: f for f in (attach, init, discard, personalize, reset, fresh, sign)}
vaults_made = 0


def new_vault():
    global vaults_made
    vaults_made += 1
    known.vaults.insert(0, f"{DIRECTORY}/{vaults_made}.vault")
    return known.vaults[0]


#
# After the cut
#

WAY_OUT = re.compile(
    "attach the newest|belongs to another module|is no vault|No such file|cannot open"
)


def find_vault():
    """Attaches the newest vault that is the module's; the others are refused by name."""
    for path in known.vaults:
        module.vault = path
        result = module.attach(check=False)
        if not result.rc:
            return
        expect(known.under_way in ("fresh", "discard", "init"), result)
        expect(WAY_OUT.search(result.err), f"no way out is named:\n{result.err}")
    expect(False, "no vault is the module's")


def forget_vaults(status):
    """Those that are not in use any more."""
    if status["state"] == "virgin":
        known.vaults = []
    elif len(known.vaults) > 1:
        old = [path for path in known.vaults if path != module.vault]
        known.vaults = [module.vault]
        stand.vm.sh(["rm", "-f", *old])


def done():
    """What the module is when the operation under way has come to its end."""
    new = ("personalization", None, "", None)
    erased = ("personalization", known.uid, "", known.epoch and known.epoch + 1)
    return {
        "init": new,
        "discard": new,
        "personalize": ("operating", known.uid, None, known.epoch),
        "reset": erased,
        "fresh": erased,
    }.get(known.under_way)


def verdict(status):
    """None when the module is neither as known nor as the operation under way makes it."""
    before = (known.state, known.uid, known.key, known.epoch)
    allowed = [("undone", before), ("done", done())]
    if known.under_way == "discard":
        allowed.append(("undone", ("virgin", "", "", 0)))
    for word, state in allowed:
        if state and all(w in (None, g) for g, w in zip(seen(status), state)):
            return word
    return None


PERSISTENT = {"personalization": [IDENTITY], "operating": [IDENTITY, KEY]}


def boot():
    """Until the driver is loaded. Where the TPM was too slow for the kernel, because the
    host was, the power fails once more."""
    for _ in range(3):
        told = stand.vm.kernel_log.text.count(TOO_SLOW)
        try:
            return stand.boot()
        except (CommandFailed, Timeout) as error:
            if stand.vm.kernel_log.text.count(TOO_SLOW) == told:
                raise
            slow = error
            comment(f"booted again: {TOO_SLOW}")
            stand.vm.power_cut()
    raise slow


def recover():
    """What is found is what was answered, or what was under way; all else is lost."""
    try:
        find_what_was_left()
    except (Failed, CommandFailed):
        count["lost"] += 1
        raise


def find_what_was_left():
    check_counters()
    status = stand.status()
    expect(status["state"] in ("virgin", "detached"), status)
    if status["state"] == "detached":
        find_vault()
        status = stand.status()
        stand.expect_tidy(*PERSISTENT[status["state"]])
    forget_vaults(status)
    word, under_way = verdict(status), known.under_way
    before = (known.state, known.uid, known.key, known.epoch)
    known.learn(status)
    known.under_way = None
    expect(word, f"{under_way} made of {before}: {status}")
    count[word] += bool(under_way)


#
# The cut
#


class Moment:
    """When the power fails; it may be after the end."""

    def __init__(self, operation):
        commands, writes, seconds = EXTENT[operation]
        kind = random.choices(["before", "after", "write", "time"], [4, 4, 3, 2])[0]
        self.at, self.after = None, None  # a time
        if kind == "time":
            self.after = random.uniform(0, seconds)
            self.name = f"after {self.after:.2f} s"
            self.arm = self._start
        elif kind == "write":
            number, tear = random.randint(1, writes), random.choice([0, 512, 1024, 4096])
            self.name = f"in write {number} after {tear} bytes"
            self.arm = lambda: stand.disk.cut_at(number, tear)
        else:
            number = random.randint(1, commands)
            cut = stand.bus.cut_before if kind == "before" else stand.bus.cut_after
            self.name = f"{kind} TPM command {number}"
            self.arm = lambda: cut(number)

    def _start(self):
        self.at = time.monotonic() + self.after

    @property
    def has_come(self):
        if self.at:
            return time.monotonic() >= self.at
        return stand.bus.cut.is_set() or stand.disk.cut.is_set()


class Attempt(threading.Thread):
    """An operation that may be cut: answered when it came to its end."""

    def __init__(self, operation, moment):
        super().__init__(daemon=True)
        self.operation, self.moment = operation, moment
        self.answered, self.error = False, None
        self.start()

    def run(self):
        try:
            OPERATIONS[self.operation](self.moment.arm)
            self.answered = True
        except GuestDied:
            pass
        except Exception as error:  # pylint: disable=broad-except; for the case to raise
            self.error = error


def take_answer(operation):
    """It said that it is done: from now on that must not be lost."""
    count["answered"] += 1
    if done():
        known.state, known.uid, known.key, known.epoch = done()
    known.under_way = None


def cut_in(operation, moment):
    """Runs it until the moment, or its end."""
    if operation != "attach":
        known.under_way = operation
    attempt = Attempt(operation, moment)
    try:
        wait_for(lambda: moment.has_come or not attempt.is_alive(), 600, operation)
    finally:
        stand.vm.power_cut()
        attempt.join(120)
        stand.bus.arm()
        stand.disk.arm()
    if attempt.error:
        raise attempt.error
    if attempt.answered and operation != "attach":
        take_answer(operation)


def learn_answer():
    """It came to its end without a cut; what it says is taken as it is."""
    known.learn(stand.status())
    count["answered"] += 1


def choose(state):
    return random.choices(list(CHOICE[state]), list(CHOICE[state].values()))[0]


def one_cut(number):
    """Boots, looks what the cut before has left, cuts again."""
    luck = random.random()  # drawn before anything depends on the module
    in_attach = luck < 0.2 and known.state != "virgin" and known.under_way != "discard"
    operation = "attach"
    boot()
    if not in_attach:
        recover()
        if luck > 0.4 and known.state == "virgin":
            init(lambda: None)
            learn_answer()
        if luck > 0.7 and known.state == "personalization":
            module.personalize(stand.unit)
            learn_answer()
        operation = choose(known.state)
    moment = Moment(operation)
    comment(f"cut {number}: {operation}, {moment.name}")
    cut_in(operation, moment)


for at in range(1, CUTS + 1):
    with case(f"A2 A24 random power cut {at}"):
        try:
            one_cut(at)
        finally:
            stand.vm.power_cut()
    if count["lost"]:  # all that follows would only follow from it
        break
with case(f"A2 A24 a healthy module after {at} power cuts"):
    boot()
    recover()
    if known.state == "virgin":
        init(lambda: None)
    elif known.state == "operating":
        module.secmod("reset", "--yes")
    stand.expect_works()
    stand.vm.shutdown()
with case("A2 A24 nothing of what was answered is lost"):
    comment(
        "{answered} operations answered before their cut; of those cut {done} were found done, "
        "{undone} undone; {lost} modules were found otherwise".format(**count)
    )
    expect(not count["lost"])
