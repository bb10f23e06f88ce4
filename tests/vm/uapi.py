#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The UAPI in every state: each field wrong in turn, everything else right."""

from lib import BUILD, VM, Module, Tpm, case, expect_equal, expect_match, host, serving, skip

TOOL = BUILD / "vm/uapi"


def contract(module, state, *options):
    """Runs the tool and passes its cases on, named after the state."""
    expect_equal(module.state, state)
    result = module.vm.sh([TOOL, "/dev/secmod0", state, *options], check=False)
    lines = result.out.splitlines()
    expect_match(r"^1\.\.\d+$", lines[-1])
    detail = [line for line in lines if line.startswith("#")]
    for line in lines[:-1]:
        verdict, _, name = line.partition(" - ")
        if verdict.startswith(("ok", "not ok")):
            name, _, missing = name.partition(" # SKIP ")
            with case(f"UAPI {state}: {name}"):
                if missing:
                    skip(missing)
                expect_equal(verdict.split()[0], "ok", "\n".join(detail))
    expect_equal(module.state, state, "the calls changed the state")


tpm = Tpm()
manufacturer, unit = serving(tpm)
with VM(tpm=tpm) as vm:
    vm.load_module()
    module = Module(vm)
    host([BUILD / "vm/evil_identity", manufacturer.dir, vm.share])
    contract(module, "virgin", vm.share)
    module.init(manufacturer)
    contract(module, "personalization")
    module.personalize(unit)
    contract(module, "operating")
    module.secmod("detach")
    contract(module, "detached")
    module.attach()
    with case("A24 loaded again without a restart, the root secret stays locked"):
        vm.sh("rmmod secmod")
        vm.load_module()
        expect_equal(module.state, "failed")
        expect_match("restart the machine", module.attribute("last_error"))
    contract(module, "failed")
