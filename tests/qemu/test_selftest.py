# SPDX-License-Identifier: MIT
"""The kernel's own tests, which it runs in S-mode when its command line says `selftest`."""

from qemu import test


@test(harts=(1, 4), timeout=120, append="selftest", disk=None)
def selftest(system):
    return system.selftest(110)
