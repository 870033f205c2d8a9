# SPDX-License-Identifier: MIT
# Settings for `make gdb`. The kernel is linked at its virtual addresses and every process at an address range of its
# own, so all symbols are loaded at once; a breakpoint in a process before its memory is mapped must be a hardware
# one (hbreak).
set architecture riscv:rv64
set confirm off
set pagination off
set print pretty on
set history save off
source tools/gdb/cardea.py

define privilege
    # $priv is the mode the selected hart is in: 0 user, 1 supervisor, 3 machine.
    output $priv
    echo \n
end
document privilege
Show the privilege mode of the selected hart: 0 user, 1 supervisor (kernel), 3 machine (firmware).
end

define harts
    info threads
end
document harts
List the harts and where each is.
end
