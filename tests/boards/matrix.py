# SPDX-License-Identifier: MIT
"""The cells of the boot matrix."""

import cards
import firmware
import inputs
from boards import Cell, CostCell

QEMU10 = "tests/boards/qemu10"
FW_JUMP = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf"  # Debian's package opensbi
NUMA = [
    *("-object", "memory-backend-ram,id=m0,size=512M", "-object", "memory-backend-ram,id=m1,size=512M"),
    *("-numa", "node,nodeid=0,cpus=0-1,memdev=m0", "-numa", "node,nodeid=1,cpus=2-3,memdev=m1"),
]
FOUND = "Found /boot/extlinux/extlinux.conf"
BOOTFLOW = "Booting bootflow 'mmc@0.bootdev.part_3' with extlinux"
CELLS = []

# QEMU virt: the kernel put into memory by QEMU, and root on a virtio disk.


def virt(name: str, path: str, smp: int = 4, memory: str = "512M", quick: bool = True, **options) -> None:
    place = {"smp": smp, "memory": memory, "disk": True, "quick": quick}
    CELLS.append(Cell(f"virt.{name}", "virt", path, options=options, **place))


for harts, memory in enumerate(("64M", "128M", "256M", "512M", "1G", "2G", "4G", "16G"), 1):
    virt(f"harts_{harts}", "OpenSBI 1.1, -kernel", harts, memory, quick=harts == 3)
virt("fw_jump", "OpenSBI 1.1 fw_jump, -kernel", firmware=FW_JUMP, quick=False)
virt("aia_none", "aia=none", machine="virt,aia=none")
virt("aia_aplic", "aia=aplic", machine="virt,aia=aplic")
virt("aia_imsic", "aia=aplic-imsic", machine="virt,aia=aplic-imsic")
virt("aclint", "aclint=on", machine="virt,aclint=on")
virt("without_sstc", "-cpu rv64,sstc=off", cpu="rv64,sstc=off")
virt("u54", "-cpu sifive-u54", cpu="sifive-u54")
virt("numa", "2 NUMA nodes, a PLIC each", memory="1G", extra=NUMA)

# QEMU virt through U-Boot, from a card like those of the boards.


def uboot(name: str, path: str, prepare, **rest) -> None:
    options = {"kernel": cards.uboot, "initrd": None}
    path = f"OpenSBI 1.1, U-Boot 2023.01, {path}"
    rest.update(smp=4, options=options, prepare=prepare, expected=(FOUND,))
    CELLS.append(Cell(f"virt.{name}", "virt", path, **rest))


def behind_pci(system) -> dict:
    drive = f"if=none,format=raw,id=card,snapshot=on,file.locking=off,file.filename={cards.card(system)}"
    return {"disk": None, "extra": ["-drive", drive, "-device", "virtio-blk-pci,drive=card"]}


uboot("uboot_mmio", "virtio-mmio", lambda system: {"disk": cards.card(system)}, disk=True, quick=True)
uboot("uboot_pci", "virtio-pci", behind_pci)

# sifive_u, the HiFive Unleashed: hart 0 has no S-mode. Nothing switches it off, but a reset ends QEMU.


def sifive(name: str, path: str, smp: int = 5, machine: str = "sifive_u", **rest) -> None:
    rest = {"memory": "2G", **rest}
    CELLS.append(Cell(f"sifive.{name}", machine, path, smp=smp, harts=smp - 1, ends_by="reboot", **rest))


DIRECT = {"machine": "sifive_u", "disk": None}
for smp in (2, 3, 5):
    sifive(f"direct_{smp}", "OpenSBI 1.1, -kernel", smp, options=DIRECT, quick=smp == 3)
sifive("fw_jump", "OpenSBI 1.1 fw_jump, -kernel", options={**DIRECT, "firmware": FW_JUMP})


# The tree in u-boot.itb says 8 GiB, and so U-Boot goes there.
def from_spl(name: str, path: str, boot_mode: int, prepare, *texts: str, **rest) -> None:
    """The SPL reads the switches MSEL, where the boot ROM has put it; 11: the card, 6: the SPI flash."""
    options = {"machine": f"sifive_u,msel={boot_mode}", "firmware": firmware.spl("unleashed"), "kernel": None}
    options.update(initrd=None, disk=None, **rest.pop("options", {}))
    rest.update(memory="8G", opensbi="OpenSBI 1.6", options=options, prepare=prepare)
    sifive(name, path, expected=("U-Boot SPL 2025.01", "U-Boot 2025.01", *texts), **rest)


def flash_drive(image: str) -> dict:
    return {"extra": ["-drive", f"if=mtd,format=raw,file={image}"]}


def unleashed_card(system) -> dict:
    return {"disk": firmware.card("unleashed"), **flash_drive(firmware.flash_retry(system))}


def large_card(system) -> dict:
    """A card that is larger than the image: of the kind SDHC, its second partition table not at its end."""
    image = firmware.larger(system, firmware.card("unleashed"), 4 << 30)
    return {"disk": image, **flash_drive(firmware.flash_retry(system))}


def everything_in_flash(system) -> dict:
    return flash_drive(firmware.flash_system(system))


from_spl("card", "SPL, OpenSBI 1.6, U-Boot 2025.01, SD card", 11, unleashed_card, FOUND, disk=True)
from_spl("large_card", "SPL, OpenSBI 1.6, U-Boot 2025.01, SD card of 4 GiB", 11, large_card, FOUND, disk=True)
from_spl("flash", "SPL, OpenSBI 1.6, U-Boot 2025.01, SPI flash", 6, everything_in_flash)
from_spl(
    "mixed_card",
    "SPL, Unmatched's OpenSBI, U-Boot, SD card",
    11,
    lambda system: {"disk": firmware.mixed_card(system)},
    BOOTFLOW,
    disk=True,
)
sifive(
    "unmatched",
    "Unmatched's OpenSBI, U-Boot and card",
    memory="8G",
    disk=True,
    opensbi="OpenSBI 1.6",
    options={**DIRECT, "initrd": None},
    prepare=firmware.unmatched,
    expected=("OpenSBI v1.6", "U-Boot 2025.01", BOOTFLOW),
)

# The board of docs/PORTING.md, for which QEMU makes no device tree. Nothing ends it.
CELLS.append(
    Cell(
        "icicle.direct",
        "icicle-kit",
        "OpenSBI 1.1, -kernel, a device tree of ours",
        smp=5,
        harts=4,
        memory="2G",
        ends_by="",
        options={
            "machine": "microchip-icicle-kit",
            "dtb": inputs.tree_of("tests/boards/microchip-icicle-kit.dts"),
            "disk": None,
        },
    )
)

# QEMU 10: other processors, other trees, newer firmware.


def qemu10(name: str, path: str, smp: int = 4, memory: str = "512M", prepare=None, **options) -> None:
    place = {"smp": smp, "memory": memory, "disk": True, "opensbi": "OpenSBI 1.5", "prepare": prepare}
    options.update(emulator=QEMU10)
    CELLS.append(Cell(f"qemu10.{name}", "virt, QEMU 10", path, options=options, **place))


qemu10("default", "OpenSBI 1.5, -kernel")
qemu10("harts_8", "8 harts", 8, "8G")
qemu10("svade", "-cpu rv64,svade=on,svadu=off", cpu="rv64,svade=on,svadu=off")
qemu10("u54", "-cpu sifive-u54", cpu="sifive-u54")
# As on a U74: reading the clock traps into the firmware, and so does setting the timer.
qemu10("no_zicntr", "-cpu rv64,zicntr=off,sstc=off", cpu="rv64,zicntr=off,sstc=off")
qemu10("rva23", "-cpu rva23s64", cpu="rva23s64")
# Pages are cleared with cbo.zero: two instructions for each of 64 blocks, and the call around it.
CELLS.append(
    CostCell(
        "qemu10.rva23_costs",
        "virt, QEMU 10",
        "the kernel's bench, -cpu rva23s64",
        options={"emulator": QEMU10, "cpu": "rva23s64"},
        most={"clear_page": 310, "retype_frame": 540},
    )
)
qemu10("aia_aplic", "aia=aplic", machine="virt,aia=aplic")
qemu10("aia_imsic", "aia=aplic-imsic", machine="virt,aia=aplic-imsic")
qemu10("iommu", "aia=aplic-imsic, iommu-sys=on", machine="virt,aia=aplic-imsic,iommu-sys=on")
qemu10("numa", "2 NUMA nodes", memory="1G", extra=NUMA)


def noncoherent(system) -> dict:
    """The emulator has no caches, but the instructions that clean them can trap as on hardware."""
    blob = inputs.device_tree(system, lambda text: text.replace("\tsoc {", "\tsoc { dma-noncoherent;", 1))
    return {"dtb": inputs.write(system, "noncoherent.dtb", blob)}


qemu10("noncoherent", "DMA not coherent, Zicbom", prepare=noncoherent)
SIFIVE10 = {"machine": "sifive_u, QEMU 10"}
sifive(
    "qemu10_direct",
    "OpenSBI 1.5, -kernel",
    opensbi="OpenSBI 1.5",
    options={**DIRECT, "emulator": QEMU10},
    **SIFIVE10,
)
from_spl(
    "qemu10_flash",
    "SPL, OpenSBI 1.6, U-Boot 2025.01, SPI flash",
    6,
    everything_in_flash,
    options={"emulator": QEMU10},
    **SIFIVE10,
)
