# SPDX-License-Identifier: MIT
"""Well-formed certificates that are good for something else, or from someone else."""

from certs import NARROW, refused
from model import *

ROLES = ("manufacturer", "identity", "signer", "module", "central", "unit-tls", "recovery")
CA = [constraints(TRUE, integer(0)), BOTH]


def role_text(has, wanted):
    return f"role is {ROLES[has]}, not {ROLES[wanted]}"


def with_powers(has):
    """Of the role @has, over the PU's key, by the manufacturer, else all a signer is."""
    return signer([*CA, roles(has), *ROOT.identifiers(PU.key.spki)])


# --- role -----------------------------------------------------------------------

refused("A28 a module certificate is refused as a signer", role_text(MODULE, SIGNER),
        TBS["module"], SIGNER, PU.der)
refused("A28 an identity certificate is refused as a signer",
        role_text(IDENTITY, SIGNER), identity(), SIGNER, ROOT.der)
for has in (MODULE, IDENTITY, CENTRAL, UNIT_TLS, RECOVERY):
    refused(f"A28 a certification authority of role {ROLES[has]} is no signer",
            role_text(has, SIGNER), with_powers(has), SIGNER, ROOT.der)
refused("A28 a certification authority without role is no signer", role_text(0, SIGNER),
        signer([*CA, *ROOT.identifiers(PU.key.spki)]), SIGNER, ROOT.der)
refused("A28 a role that nobody knows is no signer", "role is unknown, not signer",
        with_powers(127), SIGNER, ROOT.der)
refused("A28 a role of another arc is none", role_text(0, SIGNER),
        signer([*CA, roles(others=[OID_ARC[:-1] + b"\x45\1\2", CLIENT_AUTH])]),
        SIGNER, ROOT.der)
refused("A28 the checking certificate is no signer", role_text(0, SIGNER),
        ROOT.der, SIGNER, ROOT.der)
refused("A28 a signer is no manufacturer", role_text(SIGNER, 0),
        root([constraints(TRUE), BOTH, roles(SIGNER)]), 0,
        root([constraints(TRUE), BOTH, roles(SIGNER)]))
refused("A28 a unit TLS certificate is refused as a central one",
        role_text(UNIT_TLS, CENTRAL), central(role=UNIT_TLS), CENTRAL, PU.der)
refused("A28 a module certificate is refused as a central one",
        role_text(MODULE, CENTRAL), TBS["module"], CENTRAL, PU.der)
refused("A28 a central certificate is refused as a module's",
        role_text(CENTRAL, MODULE), TBS["central"][0], MODULE, PU.der)

# --- what a role may do ---------------------------------------------------------

refused("a signer must be a certification authority", "it is no certification authority",
        signer([constraints(), BOTH, roles(SIGNER)]), SIGNER, ROOT.der)
refused("a signer must have basic constraints", "it is no certification authority",
        signer([BOTH, roles(SIGNER)]), SIGNER, ROOT.der)
refused("a signer must have a path length", "its path length is not 0",
        signer([constraints(TRUE), BOTH, roles(SIGNER)]), SIGNER, ROOT.der)
refused("a signer must have the path length 0", "its path length is not 0",
        signer([constraints(TRUE, integer(1)), BOTH, roles(SIGNER)]), SIGNER, ROOT.der)
refused("a signer must be allowed to sign bundles",
        "its key usage does not allow digital signatures",
        signer([CA[0], CERTIFIES, roles(SIGNER)]), SIGNER, ROOT.der)
refused("a signer must be allowed to sign certificates",
        "its key usage does not allow signing certificates",
        signer([CA[0], SIGNS, roles(SIGNER)]), SIGNER, ROOT.der)
refused("a signer must have a key usage",
        "its key usage does not allow signing certificates",
        signer([CA[0], roles(SIGNER)]), SIGNER, ROOT.der)
refused("a signer is refused under a root of path length 0",
        "its issuer may not certify an authority", signer(issuer=NARROW), SIGNER,
        NARROW.der)
refused("the manufacturer must be a certification authority",
        "it is no certification authority", root([constraints(), CERTIFIES]), 0, None)
refused("the manufacturer must be allowed to sign certificates",
        "its key usage does not allow signing certificates",
        root([constraints(TRUE), SIGNS]), 0, None)

AGREES = usage(3, 0x08)  # keyAgreement
LEAVES = (
    (IDENTITY, ROOT, "identity"), (MODULE, PU, "module"), (CENTRAL, PU, "central"),
    (UNIT_TLS, PU, "unit-tls"), (RECOVERY, ROOT, "recovery"),
)


def leaf(role, issuer, *extensions):
    return certificate(issuer, module_name(SERIAL, UID), KEYS["module"],
                       [*extensions, roles(role), *of_session()])


for role, issuer, what in LEAVES:
    def wrong(name, reason, *extensions):
        refused(f"{what} certificate: {name}", reason,
                leaf(role, issuer, *extensions), role, issuer.der)

    wrong("must be no authority", "it is a certification authority",
          constraints(TRUE), SIGNS)
    wrong("must not be allowed to sign certificates",
          "its key usage allows signing certificates", LEAF, BOTH)
    wrong("must be allowed to sign", "its key usage does not allow digital signatures",
          LEAF, AGREES)
    wrong("must have a key usage", "its key usage does not allow digital signatures",
          LEAF)

refused("identity certificate: must name a UID", "it names no UID",
        identity(subject=name(attribute(SERIAL_NUMBER, utf8(SERIAL)))), IDENTITY, ROOT.der)
refused("identity certificate: must name a serial number", "it names no serial number",
        identity(subject=name(attribute(USER_ID, utf8(UID.hex())))), IDENTITY, ROOT.der)
refused("module certificate: must name a UID", "it names no UID",
        module(subject=name(attribute(SERIAL_NUMBER, utf8(SERIAL)))), MODULE, PU.der)

# --- whose it is ----------------------------------------------------------------

ISSUER = "its issuer is not the certificate it came with"
SIGNATURE = "signature is wrong"
OTHER = KEYS["other"]

refused("A7 a signer of another manufacturer is refused", ISSUER,
        signer(issuer=Authority("Else Manufacturer", OTHER)), SIGNER, ROOT.der)
refused("A7 a signer of another manufacturer of the same name is refused", SIGNATURE,
        signer(signer=OTHER), SIGNER, ROOT.der)
refused("A7 a signer that vouches for itself is refused", SIGNATURE,
        signer(signer=PU.key), SIGNER, ROOT.der)
refused("A7 a signer certified by a signer is refused", ISSUER,
        signer(issuer=PU), SIGNER, ROOT.der)
refused("A8 an identity of another manufacturer is refused", SIGNATURE,
        identity(signer=OTHER), IDENTITY, ROOT.der)
refused("A5 a central certificate of another signer is refused", ISSUER,
        central(issuer=Authority("Else PU", OTHER)), CENTRAL, PU.der)
refused("A5 a central certificate of another signer of the same name is refused",
        SIGNATURE, central(signer=OTHER), CENTRAL, PU.der)
refused("A5 a central certificate of the manufacturer is refused", ISSUER,
        central(issuer=ROOT), CENTRAL, PU.der)
refused("A28 a module certificate made with a module key is refused", SIGNATURE,
        module(signer=KEYS["module"]), MODULE, PU.der)
refused("issuer name of the same length", ISSUER,
        module(issuer_name=common("Test PV")), MODULE, PU.der)
refused("issuer name that begins the right one", ISSUER,
        module(issuer_name=sequence()), MODULE, PU.der)
refused("issuer name that goes on after the right one", ISSUER,
        module(issuer_name=sequence(PU.name[2:], common("x")[2:])), MODULE, PU.der)
refused("issuer name as another type of string", ISSUER,
        module(issuer_name=name(attribute(COMMON_NAME, tlv(19, b"Test PU")))),
        MODULE, PU.der)
refused("manufacturer that names another issuer", ISSUER,
        root(issuer_name=common("Else Manufacturer")), 0, None)
refused("manufacturer with another's signature", SIGNATURE, root(signer=OTHER), 0, None)
WHOLE = TBS["module"]
refused("signature with a changed bit", SIGNATURE,
        WHOLE[:-1] + bytes([WHOLE[-1] ^ 1]), MODULE, PU.der)
refused("UID changed after the signature", SIGNATURE,
        WHOLE.replace(UID.hex().encode(), UID.hex().encode()[::-1]), MODULE, PU.der)
