#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""make.py: write the fixed certificates and bundles of the tests anew.

The private keys are hashes of their names (model.py), so that vectors can be
added; signatures differ from run to run. The C side is cert.h and bundle.h.
"""

from pathlib import Path

import bundles
import certs
import fields  # noqa: F401 adds to certs
import links  # noqa: F401 likewise
from model import *

HERE = Path(__file__).parent
NOTE = "/* Made by make.py. */\n"
WIDTH = 72


class Chunks:
    """What many vectors share, written once, as macros."""

    def __init__(self):
        self.names = {}
        self.text = NOTE

    def add(self, name, der):
        lines = self.literal(der)
        body = "".join(f" \\\n\t{line}" for line in lines)
        self.text += f"#define {name}{body}\n"
        self.names[der.hex()] = name

    def literal(self, der):
        """Lines of C: hexadecimal literals, and chunks by name."""
        pieces = [der.hex()]
        for value in sorted(self.names, key=len, reverse=True):
            pieces = [part for p in pieces for part in self._split(p, value)]
        lines = []
        for piece in pieces:
            if piece in self.names.values():
                lines.append(piece)
                continue
            lines += [
                f'"{piece[i:i + WIDTH]}"' for i in range(0, len(piece), WIDTH)
            ]
        return lines or ['""']

    def _split(self, piece, value):
        """A name has letters beyond f, a literal has none."""
        if piece in self.names.values():
            return [piece]
        found = piece.find(value)
        while found % 2 == 1 and found != -1:
            found = piece.find(value, found + 1)
        if found == -1:
            return [piece] if piece else []
        rest = self._split(piece[found + len(value) :], value)
        return [*filter(None, [piece[:found]]), self.names[value], *rest]


ROLE_NAMES = (
    "0", "SECMOD_ROLE_IDENTITY", "SECMOD_ROLE_SIGNER", "SECMOD_ROLE_MODULE",
    "SECMOD_ROLE_CENTRAL", "SECMOD_ROLE_UNIT_TLS", "SECMOD_ROLE_RECOVERY",
)


def quoted(text):
    return "NULL" if text is None else f'"{text}"'


def error_number(error):
    return f"-{error}" if error else "0"


def indented(lines):
    return "".join(f"\n\t  {line}" for line in lines)


def cert_row(chunks, row):
    name, reason, error, der, issuer, role, now = row
    issuer = der if issuer is None else issuer
    text = f"\t{{ {quoted(name)},\n\t  {quoted(reason)}, {error_number(error)},"
    text += f" {ROLE_NAMES[role]}, {now}ull,"
    issuer_lines = chunks.literal(issuer) if issuer else ["NULL"]
    return text + indented(issuer_lines) + "," + indented(chunks.literal(der)) + " },\n"


def bundle_row(chunks, row):
    name, reason, error, der = row
    text = f"\t{{ {quoted(name)},\n\t  {quoted(reason)}, {error_number(error)},"
    return text + indented(chunks.literal(der)) + " },\n"


def write(name, chunks, row, rows):
    text = NOTE + "".join(row(chunks, r) for r in rows)
    (HERE / name).write_text(text)
    names = [r[0] for r in rows]
    assert len(set(names)) == len(names), sorted(names)


def main():
    chunks = Chunks()
    for label, key in KEYS.items():
        chunks.add(f"SPKI_{label.upper()}", key.spki)
    chunks.add("NAME_ROOT", ROOT.name)
    chunks.add("NAME_PU", PU.name)
    chunks.add("NAME_MODULE", module_name(SERIAL, UID))
    chunks.add("VALIDITY", sequence(*VALIDITY))
    chunks.add("KEY_IDS_MODULE", b"".join(PU.identifiers(KEYS["module"].spki)))
    chunks.add("SESSION", b"".join(of_session()))
    chunks.add("CERT_ROOT", ROOT.der)
    chunks.add("CERT_PU", PU.der)
    chunks.add("CERT_MODULE", TBS["module"])
    chunks.add("CERT_CENTRAL", TBS["central"][0])
    chunks.text += f'#define MODULE_UID "{UID.hex()}"\n'
    chunks.text += f'#define MODULE_SERIAL "{SERIAL}"\n'
    chunks.text += f'#define MODULE_NONCE "{MODULE_NONCE.hex()}"\n'
    chunks.text += f'#define MODULE_SALT "{SALT_VALUE.hex()}"\n'
    chunks.text += f'#define MODULE_POINT "{KEYS["module"].point.hex()}"\n'
    chunks.text += f"#define MODULE_EPOCH {EPOCH_VALUE}\n"
    chunks.text += f"#define NOW {certs.NOW}ull\n"
    (HERE / "chunks.inc").write_text(chunks.text)
    write("cert_good.inc", chunks, cert_row, certs.GOOD)
    write("cert_malformed.inc", chunks, cert_row, certs.MALFORMED)
    write("cert_refused.inc", chunks, cert_row, certs.REFUSED)
    write("bundle_good.inc", chunks, bundle_row, bundles.GOOD)
    write("bundle_malformed.inc", chunks, bundle_row, bundles.MALFORMED)
    write("bundle_zero.inc", chunks, bundle_row, bundles.ZERO)
    write("bundle_refused.inc", chunks, bundle_row, bundles.REFUSED)


main()
