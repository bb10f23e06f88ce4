#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""What a program's tables of options say is what its usage and its manual say."""

import re
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
_SPEC = re.compile(r'OPTION\(\s*\w+,\s*"([a-z0-9-]+)"([^;]*?)\)(?=,\s*(?:OPTION|\}))', re.S)
_COMMAND = re.compile(r"^\t\{ (\"[a-z0-9-]+\", .*?) \},$", re.M | re.S)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


_COMMA = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')  # outside of strings


def strings(text):
    """The string literals, those that nothing stands between as one."""
    return ["".join(_STRING.findall(part)) for part in _COMMA.split(text) if '"' in part]


class Program:
    """main.c and the manual beside it."""

    def __init__(self, main):
        self.text = main.read_text()
        for name, text in re.findall(r'^#define (\w+) (".*")$', self.text, re.M):
            self.text = re.sub(rf"\b{name}\b", text, self.text)
        self.name = re.search(r'\.name = "([a-z0-9-]+)"', self.text)[1]
        self.manual = (main.parent / f"{self.name}.8").read_text()
        self.synopsis = self.manual.split(".Sh SYNOPSIS")[1].split(".Sh")[0]
        table = self.text.split("option_spec specs[]")[1].split("\n};")[0] + "}"
        self.letters = {}  # name: letter or None
        self.common = set()
        for name, rest in _SPEC.findall(table):
            letter = re.search(r"\.letter = '(.)'", rest)
            self.letters[name] = letter and letter[1]
            if ".common = 1" in rest:
                self.common.add(name)

    def commands(self):
        """(words, names of options, usage)"""
        table = self.text.split("struct command commands[]")
        if len(table) > 1:
            for row in _COMMAND.findall(table[1].split("\n};")[0]):
                words = strings(row)
                yield words[:-2], words[-2], words[-1]
            return
        single = self.text.split("struct command command")[1].split("\n};")[0]
        fields = dict(re.findall(r"\.(options|usage) =\s*((?:\"(?:[^\"\\]|\\.)*\"\s*)+)", single))
        yield [], strings(fields["options"])[0], strings(fields["usage"])[0]

    def named(self, text, dashes):
        """Options that a usage or a manual names, by letter or in full."""
        names = set(re.findall(dashes + r"([a-z0-9][a-z0-9-]+)", text))
        short = re.findall(r"(?:\.Op )?\.?\bFl ([a-z]+)\b|(?<![-\w])-([a-z]+)\b", text)
        letters = set("".join(a or b for a, b in short))
        return names | {name for name, letter in self.letters.items() if letter in letters}

    def complaints(self):
        said = set()
        if not self.letters:
            yield f"{self.name}: no options are read here"
        for words, options, usage in self.commands():
            takes = set(re.split(r"[ |+!]+", options)) - {""}
            said |= takes
            name = " ".join([self.name, *words])
            for option in sorted(takes - set(self.letters)):
                yield f"{name}: there is no option {option}"
            for option in sorted((takes ^ self.named(usage, "--")) - self.common):
                yield f"{name}: --{option} is in the table or in the usage, not in both"
            for word in words:
                if not re.search(rf"^\.(?:It )?Cm .*\b{word}\b", self.manual, re.M):
                    yield f"{name}: the manual does not know it"
        for option in sorted(set(self.letters) - said - self.common):
            yield f"{self.name}: no command takes --{option}"
        # a synopsis that ends with dots does not name all
        where = self.manual if ".Ar ..." in self.synopsis else self.synopsis
        told = self.named(where, "Fl -") | self.named(self.manual, "Fl -") & self.common
        for option in sorted(set(self.letters) - told):
            yield f"{self.name}: the manual does not tell of --{option}"
        for option in sorted(self.named(self.synopsis, "Fl -") - set(self.letters)):
            yield f"{self.name}: the manual has --{option}, which is none"


def main():
    mains = [path for path in sorted((REPO / "userspace").glob("*/main.c"))
             if "option_spec specs[]" in path.read_text()]
    print(f"1..{len(mains)}")
    failed = len(mains) < 7
    for number, path in enumerate(mains, 1):
        program = Program(path)
        complaints = list(program.complaints())
        failed |= bool(complaints)
        verdict = "not ok" if complaints else "ok"
        print(verdict, number, "-", f"{program.name}: table, usage and manual agree")
        for complaint in complaints:
            print("#", complaint)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
