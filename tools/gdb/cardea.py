# SPDX-License-Identifier: MIT
"""
Commands for `make gdb` that show the kernel's objects wherever the hart is: threads, processes, capabilities.

In user mode the kernel's addresses cannot be read, so they are then read by their physical addresses, as QEMU
offers it (Qqemu.PhyMemMode).
"""

import gdb

DIRECT_BASE = 0xFFFFFFC000000000
IMAGE_OFFSET = 0xFFFFFFFF00000000  # of the image where QEMU loads it
SLOT_BYTES, TYPE_OFFSET = 64, 8


class Kernel:
    """Its memory, readable within `with`."""

    def __enter__(self):
        self.physical = int(gdb.parse_and_eval("$priv")) == 0
        self.mode(1)
        return self

    def __exit__(self, *_):
        self.mode(0)

    def mode(self, physical: int) -> None:
        if self.physical:
            gdb.execute(f"maintenance packet Qqemu.PhyMemMode:{physical}", to_string=True)
            gdb.execute("maintenance flush dcache", to_string=True)

    def place(self, address: int) -> int:
        """Where a kernel address is read now."""
        if not self.physical:
            return address
        return address - (IMAGE_OFFSET if address >= IMAGE_OFFSET else DIRECT_BASE)

    def at(self, kind: str, address: int):
        """The object of that type at a kernel address."""
        return gdb.Value(self.place(address)).cast(gdb.lookup_type(kind).pointer()).dereference()

    def variable(self, name: str, kind: str, index: int = 0):
        address = int(gdb.parse_and_eval(f"(unsigned long)&{name}"))
        return self.at(kind, address + index * gdb.lookup_type(kind).sizeof)

    def slots(self, cnode):
        """Index and slot of each capability in the CNode that a slot leads to."""
        base, bytes_ = int(cnode["object"]), 1 << int(cnode["size_bits"])
        memory = gdb.selected_inferior().read_memory(self.place(base), bytes_).tobytes()
        for offset in range(SLOT_BYTES, bytes_, SLOT_BYTES):
            if memory[offset + TYPE_OFFSET]:
                yield offset // SLOT_BYTES, self.at("struct slot", base + offset)

    def root(self, slot) -> int:
        """Address of the slot that a capability comes from in the end."""
        at = 0
        while int(slot["parent"]):
            at = int(slot["parent"])
            slot = self.at("struct slot", at)
        return at

    def cnode_around(self, at: int):
        """The slot of a CNode that leads to this CNode itself; it is one of those before the slot at `at`."""
        for address in range(at, at - (SLOT_BYTES << 13), -SLOT_BYTES):
            slot = self.at("struct slot", address)
            inside = 0 < address - int(slot["object"]) < 1 << int(slot["size_bits"])
            if int(slot["type"]) == number("OBJ_CNODE") and inside:
                return slot
        raise gdb.GdbError("the first capabilities are not found")

    def cnodes(self, thread) -> list:
        """The CNodes that a thread's comes from, one from the other; the last is init's."""
        at, found = self.root(thread["slot"][number("THREAD_CSPACE")]), []
        while at:
            found.append(self.cnode_around(at))
            at = self.root(found[-1])
        return found

    def threads(self) -> dict:
        """All that can be reached from init's capabilities and from theirs, by address."""
        found, seen, wanted = {}, set(), []
        for hart in range(int(self.variable("hart_count", "unsigned int"))):
            current = int(self.variable("harts", "struct hart", hart)["current"])
            if current and not wanted:
                wanted = [current]
                for cnode in self.cnodes(self.at("struct thread", current)):
                    wanted += self.reached(cnode, seen)
        while wanted:
            address = wanted.pop()
            if address in found:
                continue
            found[address] = thread = self.at("struct thread", address)
            cspace = thread["slot"][number("THREAD_CSPACE")]
            if int(cspace["type"]) == number("OBJ_CNODE"):
                wanted += self.reached(cspace, seen)
        return found

    def reached(self, cnode, seen: set) -> list:
        """Addresses of the threads that capabilities in a CNode, and in those that it leads to, name."""
        threads, cnodes = [], [cnode]
        while cnodes:
            cnode = cnodes.pop()
            if int(cnode["object"]) in seen:
                continue
            seen.add(int(cnode["object"]))
            for _, slot in self.slots(cnode):
                if int(slot["type"]) == number("OBJ_THREAD"):
                    threads.append(int(slot["object"]))
                elif int(slot["type"]) == number("OBJ_CNODE"):
                    cnodes.append(slot)
        return threads


def names_of(enumeration: str, prefix: str) -> dict:
    return {f.enumval: f.name.removeprefix(prefix).lower() for f in gdb.lookup_type(enumeration).fields()}


def number(name: str) -> int:
    return int(gdb.parse_and_eval(f"(int){name}"))


def name_of(thread) -> str:
    return thread["name"].string(errors="replace").split("\0")[0] or "?"


def space_of(thread) -> int:
    return int(thread["slot"][number("THREAD_SPACE")]["object"])


class Threads(gdb.Command):
    """List the threads of the system: name, state, priority, hart, address of the next instruction."""

    def __init__(self):
        super().__init__("threads", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        states = names_of("enum thread_state", "THREAD_")
        with Kernel() as kernel:
            for address, thread in sorted(kernel.threads().items(), key=lambda item: name_of(item[1])):
                state = states.get(int(thread["state"]), "?")
                print(f"{name_of(thread):16} {state:18} {int(thread['priority']):3} 0x{address:x}"
                      f" pc 0x{int(thread['reg'][0]):x}")


class Processes(gdb.Command):
    """List the address spaces of the system and the threads in each."""

    def __init__(self):
        super().__init__("processes", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        with Kernel() as kernel:
            spaces = {}
            for thread in kernel.threads().values():
                spaces.setdefault(space_of(thread), []).append(name_of(thread))
            for space, names in sorted(spaces.items(), key=lambda item: sorted(item[1])):
                print(f"space 0x{space:x}: {', '.join(sorted(names))}")


class Capabilities(gdb.Command):
    """List the capabilities of a thread, by its name: slot, type, rights, badge or number."""

    def __init__(self):
        super().__init__("caps", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        types = names_of("enum object_type", "OBJ_")
        with Kernel() as kernel:
            for thread in kernel.threads().values():
                if name_of(thread) != argument.strip():
                    continue
                for index, slot in kernel.slots(thread["slot"][number("THREAD_CSPACE")]):
                    kind = types.get(int(slot["type"]), "?")
                    print(f"{index:5} {kind:14} rights 0x{int(slot['rights']):02x}"
                          f" badge 0x{int(slot['badge']):x} object 0x{int(slot['object']):x}")
                return
        raise gdb.GdbError(f"no thread is called '{argument.strip()}'")


Threads()
Processes()
Capabilities()
