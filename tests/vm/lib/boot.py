# SPDX-License-Identifier: MIT
"""What a VM boots: the stock kernel, an initramfs with our /init, and by what
accelerator. Made once under build/vm/kernel*, again when an input is newer."""

import gzip
import lzma
import os
import re
import subprocess
import zlib
from pathlib import Path

from .paths import BUILD, KERNEL, kernel_has, locked
from .process import spawn

VM = BUILD / "vm"
INIT = VM / "init"
IMAGES = VM / KERNEL.name

# to reach the host's root and the disk; what the root needs comes from there
_MODULES = """
    virtio_pci virtio_console virtio_net virtio_blk 9p 9pnet_virtio overlay
    crc32c_generic ext4
""".split()


def release():
    """The kernel's release, as uname -r gives it."""
    return (KERNEL / "release").read_text().strip()


def _newer(target, *sources):
    return target.exists() and all(
        target.stat().st_mtime >= source.stat().st_mtime for source in sources
    )


def _decompress(data):
    """The ELF image in a bzImage: a PVH boot spares the guest the unpacking."""
    methods = (
        (b"\xfd7zXZ\0", lambda part: lzma.LZMADecompressor().decompress(part)),
        (b"\x1f\x8b\x08", lambda part: zlib.decompressobj(31).decompress(part)),
        (
            b"\x28\xb5\x2f\xfd",
            lambda part: subprocess.run(
                ["zstd", "-dcq"], input=part, capture_output=True, check=False
            ).stdout,
        ),
    )
    for magic, method in methods:
        for found in re.finditer(re.escape(magic), data):
            try:
                image = method(data[found.start() :])
            except (lzma.LZMAError, zlib.error):
                continue
            if image.startswith(b"\x7fELF"):
                return image
    raise RuntimeError("the kernel image has no ELF file that can be unpacked")


def _module_files():
    """Paths of the modules in the order to load them."""
    base = KERNEL / "lib/modules" / release()
    needs = {}
    for line in (base / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[_module_name(path)] = [path, *rest.split()]
    order = []
    for name in _MODULES:
        # what is not there is built in
        for path in reversed(needs.get(name, [])):
            if path not in order:
                order.append(path)
    return [base / path for path in order]


def _module_name(path):
    return Path(path).name.split(".ko")[0].replace("-", "_")


def _read_module(path):
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".zst":
        return subprocess.run(
            ["zstd", "-dcq"], input=data, capture_output=True, check=True
        ).stdout
    return data


class _Cpio:
    """A newc archive, not compressed: the guest is the slow side."""

    def __init__(self):
        self.data = bytearray()
        self.inode = 0

    def add(self, name, mode, content=b"", device=(0, 0)):
        self.inode += 1
        label = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device)
        fields += (len(label), 0)
        self.data += b"070701" + b"".join(b"%08x" % field for field in fields)
        for part in (label, content):
            self.data += part
            self.data += bytes(-len(self.data) % 4)

    def finish(self):
        self.add("TRAILER!!!", 0)
        return bytes(self.data)


def _initramfs():
    archive = _Cpio()
    for name in ("dev", "proc", "sys", "modules", "lower", "upper", "new"):
        archive.add(name, 0o040755)
    archive.add("dev/console", 0o020600, device=(5, 1))
    archive.add("init", 0o100755, INIT.read_bytes())
    names = []
    for path in _module_files():
        names.append(_module_name(path))
        archive.add(f"modules/{names[-1]}", 0o100644, _read_module(path))
    archive.add("modules/order", 0o100644, "".join(f"{n}\n" for n in names).encode())
    return archive.finish()


def _replace(path, data):
    temporary = path.with_suffix(".new")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def files():
    """(kernel, initramfs), made if they are missing or old."""
    if not INIT.exists():
        raise SystemExit(f"{INIT} is missing: run make programs-of-tests")
    kernel, initramfs = IMAGES / "vmlinux", IMAGES / "initramfs"
    with locked(IMAGES / ".lock"):
        if not _newer(kernel, KERNEL / "place"):
            image = next(KERNEL.glob("boot/vmlinuz-*")).read_bytes()
            _replace(kernel, _decompress(image) if _PVH else image)
        if not _newer(initramfs, INIT, KERNEL / "place", Path(__file__)):
            _replace(initramfs, _initramfs())
    return kernel, initramfs


# KASAN's early code does not survive a PVH boot: such a kernel unpacks itself.
_PVH = not kernel_has("CONFIG_KASAN")

# A busy host lets a guest wait for half a minute: no bug of the guest's. Who loops for
# ever is found by these limits as well.
_PATIENCE = "watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120 "

# Where the initramfs is put by hand. QEMU's PVH loader would put it over the
# ACPI tables when there is a TPM; and the kernel must be told to keep off.
_INITRAMFS_AT = 0x8000000


def arguments(append="", firmware=False):
    """QEMU's arguments to boot; the slow way if firmware is to load the kernel."""
    kernel, initramfs = files()
    size = initramfs.stat().st_size
    line = (
        "console=ttyS0 quiet loglevel=5 panic=-1 oops=panic panic_on_warn=1 "
        "tsc=reliable no_timer_check random.trust_cpu=on mitigations=off "
        "cryptomgr.notests nokaslr " + _PATIENCE + append
    )
    if firmware or not _PVH:
        image = next(KERNEL.glob("boot/vmlinuz-*"))
        return ["-kernel", image, "-append", line, "-initrd", initramfs]
    assert size < 16 << 20
    at = f"{_INITRAMFS_AT:#x}"
    return [
        *("-kernel", kernel),
        *("-append", f"memmap=16M${at} initrdmem={at},{size} {line}"),
        *("-device", f"loader,file={initramfs},addr={at},force-raw=on"),
    ]


def _kvm_works():
    """Boot the very kernel under KVM: some that opens hangs in long mode."""
    console = IMAGES / "probe.log"
    console.unlink(missing_ok=True)
    machine = ["-M", "q35", "-m", "512", "-nodefaults", "-no-user-config"]
    child = spawn(
        ["qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", *machine]
        + ["-display", "none", "-no-reboot", "-serial", f"file:{console}"]
        + arguments("vm_probe=1"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    return console.exists() and b"vm: probe" in console.read_bytes()


def accelerator():
    """kvm if a guest really runs under it, else tcg; remembered until reboot."""
    if "VM_ACCEL" in os.environ:
        return os.environ["VM_ACCEL"]
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    flags = Path("/proc/cpuinfo").read_text().split()
    if "vmx" not in flags and "svm" not in flags:
        return "tcg"
    files()
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    verdict = VM / "accelerator"
    with locked(VM / ".probe-lock"):
        if verdict.exists():
            known, _, name = verdict.read_text().partition(" ")
            if known == boot_id:
                return name
        name = "kvm" if _kvm_works() else "tcg"
        _replace(verdict, f"{boot_id} {name}".encode())
    return name
