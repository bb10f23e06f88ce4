#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Somebody on the bus who writes down everything, from the initialization to the reset.

What must not be read there is learnt by other ways: the root secret from the TPM before
the driver has locked it, what is derived from it by an own derivation, the module key's
authorization value from the vault.
"""

import ctypes
import hmac
import re
import struct

from lib import BUILD, VM, Bus, Module, Tpm, case, expect, expect_equal, serving
from lib.bus import tpm_command
from lib.powercut import ROOT

SLOT, HEADER, TAG = 65536, 72, 16  # kernel/vault.c
AUTH_TAG = 0x83  # kernel/record.c
# behind the handle of a session, or of what a new one is bound to, which is nothing
NONCE = re.compile(rb"[\2\3\x40]\0\0[\0-\7]\0\x20(.{32})", re.DOTALL)


def derive(secret, label, context=b""):
    return hmac.digest(secret, label.encode() + b"\0" + context, "sha256")


def gcm_open(key, aad, data, tag):
    """AES-256-GCM with an initialization vector of zeros; None when the tag is wrong."""
    lib = ctypes.CDLL("libcrypto.so.3")
    for name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_gcm"):
        getattr(lib, name).restype = ctypes.c_void_p
    pointer = ctypes.c_void_p
    cipher, context = pointer(lib.EVP_aes_256_gcm()), pointer(lib.EVP_CIPHER_CTX_new())
    out, length = ctypes.create_string_buffer(len(data)), ctypes.c_int()
    lib.EVP_DecryptInit_ex(context, cipher, None, key, bytes(12))
    lib.EVP_DecryptUpdate(context, None, ctypes.byref(length), aad, len(aad))
    lib.EVP_DecryptUpdate(context, out, ctypes.byref(length), data, len(data))
    lib.EVP_CIPHER_CTX_ctrl(context, 0x11, TAG, tag)  # EVP_CTRL_AEAD_SET_TAG
    good = lib.EVP_DecryptFinal_ex(context, out, ctypes.byref(length))
    lib.EVP_CIPHER_CTX_free(context)
    return out.raw if good == 1 else None


def vault_secrets(image, root):
    """Keys of the slots, and what they hold: authorization values of module keys."""
    found = {}
    for at in range(0, 2 * SLOT, SLOT):
        header = image[at : at + HEADER]
        if header[:8] != b"SECMODVT":
            continue
        (size,) = struct.unpack(">I", header[12:16])
        key = derive(root, "secmod vault slot", header[40:72])
        body = image[at + HEADER : at + HEADER + size + TAG]
        record = gcm_open(key, header, body[:size], body[size:])
        expect(record, "a slot of the vault cannot be opened: a wrong root secret?")
        found[f"key of slot {at // SLOT}"] = key
        place = record.index(bytes([AUTH_TAG, 32])) + 2
        auth = record[place : place + 32]
        if any(auth):
            found[f"authorization value in slot {at // SLOT}"] = auth
    return found


def read_root():
    """As anybody can as long as the driver is not loaded."""
    password = struct.pack(">IIHBH", 9, 0x40000009, 0, 0, 0)
    body = struct.pack(">II", ROOT, ROOT) + password + struct.pack(">HH", 64, 0)
    answer = bus.ask(tpm_command(0x14E, body, tag=0x8002))
    expect_equal(answer[6:10], bytes(4), "TPM2_NV_Read")
    return answer, answer[16:48]


def spy():
    """Keep all that passes from now on."""
    bus.arm(lambda _, command: wire.append(command),
            lambda _, _command, answer: wire.append(answer))


def overheard(secret, messages):
    """Where a secret, or one half of it, is to be read."""
    halves = (secret[: len(secret) // 2], secret[len(secret) // 2 :])
    return [m[:14].hex() for m in messages if any(half in m for half in halves)]


bus, wire = Bus(), []
tpm = Tpm(bus=bus)
manufacturer, unit = serving(tpm)
with VM(tpm=tpm) as vm:
    module = Module(vm)
    spy()
    vm.load_module()
    module.init(manufacturer)
    module.personalize(unit)
    bus.arm()
    vm.shutdown()
    vm.boot()
    control, root = read_root()
    spy()
    vm.load_module()
    module.attach()
    with case("the module works while it is listened to"):
        vm.sh(f"printf 'sign\nidentity\nattest\n' | {BUILD}/vm/operate /dev/secmod0 /none")
        expect_equal(module.state, "operating")
    image = vm.share / "vault"
    vm.sh(f"cp {module.vault} {image}")
    module.secmod("reset", "--yes")
    bus.arm()
    expect(len(wire) > 150, f"{len(wire)} messages are too few for all that")
    secrets = {
        "root secret": root,
        "authorization value of the identity key": derive(root, "secmod identity key authValue"),
        **vault_secrets(image.read_bytes(), root),
    }
    with case("the search finds what passes in the clear"):
        expect(overheard(root, [*wire, control]), "it does not")
        expect(overheard(wire[-1], wire), "it does not")
    with case("the vault has told the authorization value of the module key"):
        expect(any(name.startswith("authorization value in") for name in secrets))
    with case("A24 bus: no nonce is used twice"):
        nonces = [nonce for message in wire for nonce in NONCE.findall(message[10:])]
        expect(len(nonces) > 60, f"{len(nonces)} are too few for all that")
        expect_equal(len(set(nonces)), len(nonces), "different nonces")
    for name, secret in secrets.items():
        with case(f"A24 bus: the {name} is nowhere to be read"):
            expect_equal(overheard(secret, wire), [])
