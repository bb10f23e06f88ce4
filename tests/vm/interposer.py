#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Somebody on the bus who changes, exchanges, repeats and withholds what passes.

Each change must be told of, or be without meaning: then the result is right all the same.
In the short form a sample of the bytes is changed, with SECMOD_LONG each, in three ways.
"""

import struct
import threading

from lib import (
    LONG,
    VM,
    Bus,
    Module,
    Tpm,
    case,
    chance,
    comment,
    expect,
    expect_equal,
    expect_match,
    serving,
    wait_for,
)
from lib.bus import command_code
from lib.interposer import Operator, code_of, flip, positions

MASKS = (0x01, 0x80, 0xFF) if LONG else (0x01,)
STRIDE = 1 if LONG else 7

START, FLUSH, POLICY_NV, NV_READ = 0x176, 0x165, 0x149, 0x14E
HASH, NV_CERTIFY, READ_PUBLIC = 0x17D, 0x184, 0x173
# where the password stands among the sessions of an answer
PASSWORD_AT = {POLICY_NV: 0, NV_READ: 0, NV_CERTIFY: 2 + 32 + 1 + 2 + 32}
GIVEN_UP = "Operation Timed out"  # the kernel's TPM core
PASSWORD = struct.pack(">IHBH", 0x40000009, 0, 0, 0)


def within(at, first, length):
    return first <= at < first + length


def without_meaning(exchange, side, at):
    """Bytes nobody relies on, by name; "" for all others."""
    command, answer = exchange
    code = code_of(exchange)
    if code == FLUSH:
        return "flush: the session is gone anyhow, or stays for the next restart"
    if code == START and side == "command" and command[10:14] == b"\x40\0\0\7":
        if within(at, 20, 32):
            return "nonceCaller of a session without salt: it goes into no key"
        if at >= len(command) - 8:
            return "encryption of a session that encrypts nothing"
    if side == "command" and command[:2] == b"\x80\2":
        password = command.find(PASSWORD)
        if password >= 0 and at == password + 6:
            return "continueSession of a password"
    if side == "answer" and answer[:2] == b"\x80\2" and code in PASSWORD_AT:
        # behind header, parameters, the sessions before it and an empty nonce
        (size,) = struct.unpack(">I", answer[10:14])
        if at == 14 + size + PASSWORD_AT[code] + 2:
            return "continueSession of a password"
    if code == HASH and side == "command" and at >= len(command) - 4:
        return "hierarchy of a ticket"
    if code == READ_PUBLIC and side == "answer" and at >= len(answer) - 36:
        return "qualified name: the driver does not use it"
    return ""


def hides_a_handle(exchange, side):
    """The answer with the handle does not arrive, or the flush does not."""
    return code_of(exchange) == FLUSH or side == "answer" and code_of(exchange) == START


def each_byte(operation):
    wire, good = recorded(operation)
    luck = chance(operation)
    count, wrong, reasons = 0, [], {}
    for number, exchange in enumerate(wire, 1):
        for side, message in zip(("command", "answer"), exchange):
            apply = operator.with_command if side == "command" else operator.with_answer
            for at in positions(message, STRIDE, luck):
                for mask in MASKS:
                    change = flip(at, mask)
                    if change(message) is None:
                        continue
                    place = f"{side} {number} ({code_of(exchange):#x}) byte {at} ^ {mask:#x}"
                    result = apply(operation, number, change)
                    verdict = operator.judge(operation, result, good, place,
                                             hides_a_handle(exchange, side))
                    count += 1
                    name = without_meaning(exchange, side, at)
                    if verdict == "right" and name:
                        reasons[name] = reasons.get(name, 0) + 1
                    elif verdict:
                        wrong.append(f"{place}: succeeded" if verdict == "right" else verdict)
    size = sum(len(message) for exchange in wire for message in exchange)
    comment(f"{operation}: {count} changes in {len(wire)} commands and answers of {size} bytes")
    for name, times in sorted(reasons.items()):
        comment(f"without meaning, {times} times: {name}")
    expect(count > 50, "too few")
    expect_equal(wrong, [])


def recorded(operation):
    recording = operator.record(operation)
    if operation == "attach":
        operator.ask("detach")
    return recording


def replays(operation):
    """Each answer is one of an earlier time, that of the next command or of the last."""
    old, good = recorded(operation)
    now, _ = recorded(operation)
    wrong = []
    for number, (exchange, before) in enumerate(zip(now, old), 1):
        others = {"older": before[1]}
        if number > 1:
            others["last"] = None
        if number < len(old):
            others["next"] = old[number][1]
        for name, other in others.items():
            if other == exchange[1]:
                continue
            place = f"{name} answer to command {number} ({code_of(exchange):#x})"
            if other:
                result = operator.with_answer(operation, number, lambda _, a=other: a)
            else:
                result = operator.with_answer_again(operation, number)
            verdict = operator.judge(operation, result, good, place, True)
            # the answer to a flush is not waited for
            if verdict == "right" and code_of(exchange) in (FLUSH, START):
                continue
            if verdict:
                wrong.append(verdict)
    expect_equal(wrong, [])


def swapped(operation):
    """Two commands in each other's place: the one asked first is sent second."""
    wire, good = operator.record(operation)
    wrong = []
    for number in range(1, len(wire)):
        result = operator.with_command(operation, number, lambda _, n=number: wire[n][0])
        place = f"command {number} is that after it"
        verdict = operator.judge(operation, result, good, place, True)
        if verdict:
            wrong.append(f"{place}: {verdict}")
    expect_equal(wrong, [])


CODES = {
    0x101: "FAILURE",
    0x18B: "HANDLE",
    0x9A2: "BAD_AUTH",
    0x99D: "POLICY_FAIL",
    0x128: "PCR_CHANGED",
    0x921: "LOCKOUT",
    0x903: "SESSION_MEMORY",
    0x910: "REFERENCE_H0",
    0x14A: "NV_UNINITIALIZED",
    0x01E: "BAD_TAG",
    0x500: "of a vendor",
    0xFFFFFFFF: "of nobody",
}


def refusals(operation):
    """The TPM has done it and is made to say no."""
    wire, good = operator.record(operation)
    wrong = []
    for number, exchange in enumerate(wire, 1):
        for code, name in CODES.items():
            answer = struct.pack(">HII", 0x8001, 10, code)
            result = operator.with_answer(operation, number, lambda _, a=answer: a)
            place = f"{name} to command {number} ({code_of(exchange):#x})"
            verdict = operator.judge(operation, result, good, place, True)
            if verdict == "right" and code_of(exchange) == FLUSH:
                continue
            if verdict:
                wrong.append(f"{place}: {verdict}")
            # nothing in it is by the owner's authorization
            if name == "BAD_AUTH" and "owner" in (told := module.attribute("last_error")):
                wrong.append(f"{place}: {told}")
    expect_equal(wrong, [])


def delayed(operation):
    """An answer that comes late, but in time."""
    def later(answer):
        threading.Event().wait(1.2)
        return answer

    wire, good = operator.record(operation)
    for number in range(1, len(wire) + 1):
        result = operator.with_answer(operation, number, later)
        expect(result.startswith("ok"), result)
        expect(operator.is_right(operation, result, good), f"answer {number}: {result}")


def withheld(operation, code, side):
    """A command or its answer passes only when the driver has given up to wait for it."""
    wire, good = recorded(operation)
    (number, *_) = [n for n, exchange in enumerate(wire, 1) if code_of(exchange) == code]

    def hold(_):
        told = vm.kernel_log.text.count(GIVEN_UP)
        wait_for(lambda: vm.kernel_log.text.count(GIVEN_UP) > told, 50, "the driver")

    apply = operator.with_command if side == "command" else operator.with_answer
    result = apply(operation, number, hold)
    expect(result.startswith("E"), result)
    expect_equal(operator.judge(operation, result, good, f"{side} withheld", True), None)


def of_an_old_vault():
    """Root puts an old copy of the vault back, and on the bus the TPM's answers of its time."""
    module.attach()
    module.secmod("reset", "--yes")
    vm.sh(f"cp {module.vault} {module.vault}.old")
    operator.ask("detach")
    wire, _ = recorded("attach")
    module.attach()
    module.secmod("reset", "--yes")
    operator.ask("detach")
    vm.sh(f"mv {module.vault} {module.vault}.new && mv {module.vault}.old {module.vault}")
    asked = {code_of(exchange) for exchange in wire}
    for name, codes in {"the counters'": [NV_READ], "all": asked}.items():
        answers = iter([each[1] for each in wire if code_of(each) in codes])
        bus.arm(on_answer=lambda _, command, __, codes=codes, answers=answers:
                next(answers, None) if command_code(command) in codes else None)
        result = operator.ask("attach")
        bus.arm()
        expect_match(r"^E[A-Z]+ \w.{15,}", result, f"{name} answers of its time")
        expect_equal(module.state, "detached")
        operator.clean_up()
    expect_match("^ESTALE", operator.ask("attach"), "its own answers")
    vm.sh(f"mv {module.vault}.new {module.vault}")
    module.attach()
    module.personalize(unit)
    operator.ask("detach")


bus = Bus()
tpm = Tpm(bus=bus)
manufacturer, unit = serving(tpm)
with VM(tpm=tpm) as vm:
    module = Module(vm)
    vm.load_module()
    module.init(manufacturer)
    module.personalize(unit)
    operator = Operator(module, bus)
    for operation in ("sign", "identity", "attest"):
        with case(f"A24 bus: {operation}: each change is told of or without meaning"):
            each_byte(operation)
    for operation in ("sign", "identity", "attest"):
        with case(f"A24 bus: {operation}: answers of another time or command are told of"):
            replays(operation)
    with case("A24 bus: sign: commands in another order are told of"):
        swapped("sign")
    with case("A24 bus: sign: each kind of refusal is passed on, and the module goes on"):
        refusals("sign")
    with case("A24 bus: sign: late answers are waited for"):
        delayed("sign")
    with case("A24 bus: attach: each change is told of or without meaning"):
        operator.ask("detach")
        each_byte("attach")
    with case("A24 bus: attach: answers of another time or command are told of"):
        replays("attach")
    for side in ("command", "answer"):
        with case(f"A24 bus: attach: a withheld {side} is not waited for for ever"):
            withheld("attach", NV_READ, side)
    with case("A24 bus: attach: answers of an old vault's time do not make it good"):
        of_an_old_vault()
    with case("the module is what it was"):
        module.attach()
        expect_equal(module.state, "operating")
        expect_equal(operator.clean_up(), 0, "left in the TPM")
