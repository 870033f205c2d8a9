# SPDX-License-Identifier: MIT
"""The shell: its line editor, its language, and its commands about files, on a disk made for the purpose."""

import os
import re
import subprocess

from qemu import Failure, test
from terminal import clean

LEFT, RIGHT, UP, DOWN = "\x1b[D", "\x1b[C", "\x1b[A", "\x1b[B"
HOME, END, DELETE = "\x1b[H", "\x1b[F", "\x1b[3~"
CTRL_RIGHT, CTRL_LEFT = "\x1b[1;5C", "\x1b[1;5D"


def ctrl(letter: str) -> str:
    return chr(ord(letter) & 0x1F)


def check(system, line: str, expected: str, timeout: float = 30) -> None:
    """What the command prints must be just that."""
    shown = system.command(line, timeout)
    if shown != expected:
        raise Failure(f"'{line[:100]}' printed\n{shown}instead of\n{expected}")


def require(pattern: str, text: str) -> "re.Match":
    """The text must have a place that the expression matches; ^ and $ match at lines."""
    match = re.search(pattern, text, re.MULTILINE)
    if not match:
        raise Failure(f"nothing matches {pattern} in\n{text}")
    return match


def make_disk(system, fill) -> str:
    """An image of a directory that `fill` puts files into."""
    root = system.directory / "root"
    root.mkdir()
    fill(root)
    image = system.directory / "disk.img"
    subprocess.run([system.build / "tools/mkfs", "-o", image, root], check=True, capture_output=True)
    return str(image)


def boot_with(system, fill) -> None:
    system.boot(disk=make_disk(system, fill))
    system.wait_prompt()


# The line editor and the language need no disk.


@test(disk=None)
def editing_keys(system):
    system.wait_prompt()
    for keys, text in (
        ("echo ac" + LEFT + "b", "abc"),
        ("cho abc" + HOME + "e" + END + "d", "abcd"),
        ("echo abxc" + LEFT * 2 + DELETE, "abc"),
        ("echo abxc" + LEFT + "\x7f", "abc"),
        ("echo abxc" + LEFT + ctrl("h"), "abc"),
        ("cho" + ctrl("a") + "e" + ctrl("e") + " ab", "ab"),
        ("echo ab" + ctrl("b") * 2 + ctrl("f") + "x", "axb"),
        ("echo ab cd" + LEFT * 3 + ctrl("k"), "ab"),
        ("rubbish" + ctrl("u") + "echo ab", "ab"),
        ("echo ab cd" + ctrl("w") + "ef", "ab ef"),
        ("echo ab cd" + ctrl("a") + ctrl("d") * 2 + "ec" + END, "ab cd"),
        ("echo ab cd" + CTRL_LEFT * 2 + "x" + CTRL_RIGHT + "y", "xaby cd"),
        ("echo ab" + ctrl("t"), "ba"),
        ("echo a\x1b[15~b\x1b]0;title\x07c", "abc"),
        ("echo \xe4\u20ac\U0001f600" + LEFT + "\x7fx", "\xe4x\U0001f600"),
    ):
        check(system, keys, text + "\n")


@test(harts=(1,), disk=None)
def enter_is_return_or_line_feed_or_both(system):
    system.wait_prompt()
    for letter, end in (("a", "\r"), ("b", "\n"), ("c", "\r\n"), ("d", "\r")):
        system.send(f"echo {letter}{end}")
        system.expect(f"\n{letter}\n")
        system.wait_prompt()
    if (prompts := system.quiet().count("cardea:/$ ")) != 5:
        raise Failure(f"{prompts} prompts around four lines")


@test(disk=None)
def control_c_and_control_d_at_the_prompt(system):
    system.wait_prompt()
    system.send("rubbish" + ctrl("c"))
    system.expect("^C")
    system.wait_prompt()
    check(system, "echo a", "a\n")
    system.send(ctrl("d"))
    system.expect("`poweroff` switches the machine off.")
    system.wait_prompt()
    check(system, "echo b", "b\n")
    # Many in one go: each gives a new prompt, and none is taken for an interrupt of something else.
    system.send(("x" + ctrl("c")) * 50)
    if (count := system.quiet().count("cardea:/$ x^C\n")) != 50:
        raise Failure(f"{count} of 50 lines were given up")
    check(system, "echo c", "c\n")


@test(harts=(1,), disk=None)
def clearing_the_screen(system):
    system.wait_prompt()
    system.send("echo ab" + ctrl("l"))
    shown = system.quiet()
    if shown != "cardea:/$ echo ab":
        raise Failure(f"after ctrl-l the screen shows {shown!r}")
    check(system, "", "ab\n")
    system.send_line("clear")
    shown = system.quiet()
    if shown != "cardea:/$ ":
        raise Failure(f"after clear the screen shows {shown!r}")


@test(disk=None)
def history(system):
    system.wait_prompt()
    for line in ("echo one", "echo two", "echo two", "", "   "):
        system.command(line)
    check(system, "history", "    1  echo one\n    2  echo two\n    3  history\n")
    check(system, UP * 2, "two\n")
    check(system, ctrl("p") * 4, "one\n")
    check(system, "echo draft" + UP * 2 + DOWN + ctrl("n"), "draft\n")
    check(system, UP * 100, "one\n")
    check(system, DOWN * 3 + "echo end", "end\n")


@test(disk=None)
def quoting_and_commands(system):
    system.wait_prompt()
    for line, output in (
        ("echo a  b", "a b\n"),
        ("echo 'a  b' \"c  d\" e\\ \\ f", "a  b c  d e  f\n"),
        ("echo 'a\"b' \"c'd\" \\'\\\"\\\\", "a\"b c'd '\"\\\n"),
        ("echo a;echo b ; ; echo c;", "a\nb\nc\n"),
        ("echo 'a;b' # ; echo c", "a;b\n"),
        ("# nothing", ""),
        ("echo a#b '|' \\> \"<&\"", "a#b | > <&\n"),
        ("", ""),
        ("echo", "\n"),
        ("'echo' \"\" x", " x\n"),
        ("no-such-command; echo $?", "sh: no-such-command: no file system (no disk)\n127\n"),
        ("help nothing; echo $?; echo $? '$?'", "help: nothing: no such command\n1\n0 $?\n"),
        ("echo 'abc", "sh: no closing '\n"),
        ('echo "abc', 'sh: no closing "\n'),
        ("echo abc\\", "sh: nothing after the \\ at the end\n"),
        ("echo a | cat", "sh: | is not supported; quote it to use it as text\n"),
        ("echo a < b", "sh: < is not supported; quote it to use it as text\n"),
        ("echo a; echo b &", "sh: & is not supported; quote it to use it as text\n"),
        ("echo" + " x" * 127, "x " * 126 + "x\n"),
        ("echo" + " x" * 128, "sh: more than 128 words\n"),
    ):
        check(system, line, output)


@test(disk=None, timeout=90)
def longest_line(system):
    system.wait_prompt()
    longest = "x" * (8191 - len("echo "))
    check(system, "echo " + longest, longest + "\n")
    start = len(system.output)
    check(system, "echo " + longest + "yyyy", "sh: line is longer than 8191 bytes, and not run\n")
    if (bells := system.output.count("\a", start)) != 4:
        raise Failure(f"{bells} bells for 4 characters too many")
    check(system, UP + HOME + RIGHT * 5 + ctrl("k") + "short", "short\n")


@test(harts=(1,), disk=None)
def usage(system):
    system.wait_prompt()
    names = re.findall(r"^([a-z]+)(?: [^ ]+)* {2,}", system.command("help"), re.MULTILINE)
    expected = (
        "caps cat cd clear cp df dmesg echo gpio help history irq kill ln ls mem mkdir mv poweroff ps pwd"
        " reboot rm rmdir run stat sync touch uptime write"
    )
    if names != expected.split():
        raise Failure(f"help lists {names}")
    for name in names:
        if not system.command(f"help {name}").startswith(f"usage: {name}"):
            raise Failure(f"'help {name}' does not say how it is used")
    for line in (
        *("cat", "run", "kill", "stat", "ls -x", "cd a b", "pwd a", "ps a", "caps a b", "mem a", "irq a"),
        *("cp a", "cp -x a b", "df a", "ln a", "mkdir", "mkdir -p", "mv a", "rm", "rm -x a"),
        *("rmdir", "sync a", "touch", "write", "uptime a", "dmesg a", "poweroff a", "reboot a", "clear a"),
        *("history a", "help a b"),
    ):
        shown = system.command(line + "; echo $?")
        if not re.fullmatch(rf"usage: {line.split()[0]}[^\n]*\n2\n", shown):
            raise Failure(f"'{line}' printed\n{shown}instead of its usage and status 2")


# Files.


ODD_BYTES = bytes(range(32, 256)) * 9


def fill_with_odd_files(root) -> None:
    (root / "hello.txt").write_text("hello, world\n")
    (root / "empty").touch()
    (root / "no newline").write_text("the end")
    (root / "binary").write_bytes(ODD_BYTES + b"\n")
    (root / "new\nline").write_text("odd\n")
    (root / "esc\x1b[31m").write_text("odd\n")
    (root / "\xe4\u20ac.txt").write_text("umlaut\n")
    (root / "-dash").write_text("dash\n")
    (root / "it's").write_text("quote\n")
    (root / ".hidden").write_text("hidden\n")
    (root / ("n" * 255)).write_text("long\n")
    sub = root / "sub dir"
    (sub / "deeper").mkdir(parents=True)
    (sub / "one").write_text("1\n")
    (sub / "deeper/two").write_text("22\n")
    (root / "to-sub").symlink_to("sub dir/deeper")
    (root / "to-file").symlink_to("/sub dir/one")
    (root / "nowhere").symlink_to("missing")
    (root / "loop").symlink_to("loop")
    (root / "bin").mkdir()
    (root / "bin/not-elf").write_text("echo hello\n")
    os.chmod(sub / "one", 0o4640)
    for path in (sub / "one", sub / "deeper", sub / "deeper/two"):
        os.utime(path, (1000000000, 1000000000))


@test(boot=False)
def listing(system):
    boot_with(system, fill_with_odd_files)
    shown = system.command("ls")
    names = re.split(r" {2,}|\n", shown.strip())
    expected = sorted(
        [
            *("hello.txt", "empty", "no newline", "binary", "new\\nline", "esc\\x1b[31m"),
            *(
                "\xe4\u20ac.txt",
                "-dash",
                "it's",
                "n" * 255,
                "sub dir",
                "to-sub",
                "to-file",
                "nowhere",
                "loop",
                "lost+found",
                "bin",
            ),
        ],
        key=lambda name: name.encode(),
    )
    if names != expected:
        raise Failure(f"ls lists\n{names}\ninstead of\n{expected}")
    if "\x1b[31m" in system.output:
        raise Failure("a file name reached the terminal unescaped")
    shown = system.command("ls -a")
    for name in (".", "..", ".hidden"):
        if name not in re.split(r" {2,}|\n", shown):
            raise Failure(f"ls -a leaves out {name}:\n{shown}")
    check(system, "ls '/sub dir' /empty", "/sub dir:\ndeeper  one\n/empty\n")
    check(
        system,
        "ls -l 'sub dir'",
        "drwxr-xr-x       4096 2001-09-09 01:46 deeper\n-rwSr-----          2 2001-09-09 01:46 one\n",
    )
    shown = system.command("ls -l")
    for pattern in (
        r"^lrwxrwxrwx +14 \S+ \S+ to-sub -> sub dir/deeper$",
        r"^-rw-r--r-- +13 \S+ \S+ hello\.txt$",
        r"^lrwxrwxrwx +4 \S+ \S+ loop -> loop$",
        r"^-rw-r--r-- +4 \S+ \S+ new\\nline$",
        r"^drwx\S+ +\d+ \S+ \S+ lost\+found$",
    ):
        require(pattern, shown)
    check(system, "ls to-sub; ls hello.txt; ls -- -dash", "two\nhello.txt\n-dash\n")
    check(system, "ls nowhere", "ls: nowhere: no such file or directory\n")
    check(system, "ls loop", "ls: loop: too many levels of symbolic links\n")
    check(system, "ls /missing empty", "ls: /missing: no such file or directory\nempty\n")
    check(system, "ls hello.txt/x", "ls: hello.txt/x: not a directory\n")
    check(system, "ls ''", "ls: : no such file or directory\n")


@test(boot=False)
def reading_and_going_about(system):
    boot_with(system, fill_with_odd_files)
    for line, output in (
        ("cat hello.txt", "hello, world\n"),
        ("cat hello.txt to-file /to-sub/two", "hello, world\n1\n22\n"),
        ("cat empty", ""),
        ("cat -dash", "dash\n"),
        ("cat \xe4\u20ac.txt", "umlaut\n"),
        ("cat it\\'s", "quote\n"),
        ("cat " + "n" * 255, "long\n"),
        ("cat missing", "cat: missing: no such file or directory\n"),
        ("cat missing hello.txt; echo $?", "cat: missing: no such file or directory\nhello, world\n1\n"),
        ("cat /bin", "cat: /bin: is a directory\n"),
        ("cat hello.txt/", "cat: hello.txt/: not a directory\n"),
        ("cat loop", "cat: loop: too many levels of symbolic links\n"),
        ("cat " + "n" * 256, "cat: " + "n" * 80 + "..." + "n" * 40 + ": name too long\n"),
        ("cd 'sub dir'; pwd; cat one", "/sub dir\n1\n"),
        ("cat ./deeper/../one", "1\n"),
        ("cd deeper/; pwd; cd ../..; pwd", "/sub dir/deeper\n/\n"),
        ("cd to-sub; pwd; cat two; cd ..; pwd", "/to-sub\n22\n/\n"),
        ("cd bin/.; pwd; cd; pwd; cd ../..; pwd", "/bin\n/\n/\n"),
        ("cd missing; pwd", "cd: missing: no such file or directory\n/\n"),
        ("cd hello.txt; pwd", "cd: hello.txt: not a directory\n/\n"),
        ("cd missing/..; pwd", "cd: missing/..: no such file or directory\n/\n"),
        ("/hello.txt", "sh: /hello.txt: not an ELF file\n"),
        ("not-elf; echo $?", "sh: not-elf: not an ELF file\n126\n"),
        ("run hello.txt", "run: hello.txt: not an ELF file\n"),
        ("run bin; echo $?", "run: bin: is a directory\n126\n"),
        ("run missing; echo $?", "run: missing: no such file or directory\n127\n"),
    ):
        check(system, line, output)
    system.command("cat binary")
    if ODD_BYTES not in system.log_path.read_bytes():
        raise Failure("cat changes the bytes of a binary file")
    system.send_line("cat 'no newline'")
    system.expect_regex(r"the end\x1b7.*\x1b8cardea:/\$ ")
    shown = system.command("stat 'sub dir/one' nowhere loop/x")
    for pattern in (
        r"Name: sub dir/one\n +Type: file\n +Size: 2 bytes, \d+ blocks of 512\n",
        r"Mode: 4640 \(-rwSr-----\), owner 0, group 0\n +Inode: \d+, 1 links\n",
        r"Modified: 2001-09-09 01:46:40 UTC\n",
        r"Name: nowhere -> missing\n +Type: symbolic link\n",
        r"^stat: loop/x: too many levels of symbolic links$",
    ):
        require(pattern, shown)


@test(boot=False, timeout=90)
def path_of_5000_characters(system):
    boot_with(system, fill_with_odd_files)
    system.command("cd 'sub dir'")
    for command, path in (
        ("cat", "x" * 5000),
        ("ls", "/" + "y/" * 2500),
        ("cd", "../" * 1667),
        ("stat", "/" + "z" * 5000),
        ("run", "x" * 5000),
    ):
        check(system, f"{command} {path}", f"{command}: {path[:80]}...{path[-40:]}: name too long\n")
    # One that is just short enough is looked up.
    check(system, "cat " + "./" * 2030 + "one", "1\n")
    check(system, "pwd", "/sub dir\n")


@test(timeout=120)
def a_large_file_comes_whole(system):
    system.wait_prompt()
    expected = (system.build / "rootfs/big.txt").read_text()
    shown = system.command("cat /big.txt; echo", 60)
    if shown != expected + "\n":
        raise Failure(f"cat of {len(expected)} bytes printed {len(shown) - 1}")


@test(timeout=120)
def control_c_ends_a_command(system):
    system.wait_prompt()
    lines = "cat" + " /big.txt" * 100 + "; echo not this"
    system.send_line(lines)
    system.expect("This is line 00100")
    system.send(ctrl("c"))
    system.wait_prompt()
    if "\nnot this\n" in system.output:
        raise Failure("the rest of the line was run")
    check(system, "echo $?", "130\n")
    check(system, "echo still here", "still here\n")


@test(boot=False)
def completion(system):
    boot_with(system, fill_with_odd_files)
    for keys, output in (
        ("ech\tab", "ab\n"),
        ("cat hel\t", "hello, world\n"),
        ("cat su\ton\t", "1\n"),
        ("cat sub\\ dir/dee\ttwo", "22\n"),
        ("cat 'sub dir/on\t", "1\n"),
        ('cat "sub dir/on\t', "1\n"),
        ("cat it\t", "quote\n"),
        ("cat new\t", "odd\n"),
        ("cat \xe4\t", "umlaut\n"),
        ("cat .h\t", "hidden\n"),
        ("cat to-s\ttwo", "22\n"),
        ("cat hel\t su\ton\t", "hello, world\n1\n"),
        ("echo a;ech\tb", "a\nb\n"),
        ("not\t", "sh: not-elf: not an ELF file\n"),
        ("/bin/not\t", "sh: /bin/not-elf: not an ELF file\n"),
        ("cd su\t; cat on\t", "cat: on: no such file or directory\n"),
        ("cat on\t; cd", "1\n"),
    ):
        check(system, keys, output)
    start = len(system.output)
    system.send("cat /to\t\t")
    system.expect_regex(r"to-file +to-sub/\n")
    system.send("f\t\r")
    system.expect("\n1\n")
    system.wait_prompt()
    system.send("c\t\t")
    system.expect_regex(r"caps +cat +cd +clear +cp\n")
    if "\a" not in system.output[start:]:
        raise Failure("the first tab did not ring the bell")
    system.send(ctrl("c"))
    system.wait_prompt()


@test(harts=(1,), boot=False, timeout=120)
def directory_of_many_files(system):
    names = [f"file-{n:04}" for n in range(1500)]

    def fill(root):
        (root / "many").mkdir()
        for name in names:
            (root / "many" / name).touch()

    boot_with(system, fill)
    if sorted(system.command("ls /many").split()) != names:
        raise Failure("ls does not list each file once")
    if [line.split()[-1] for line in system.command("ls -l /many").splitlines()] != names:
        raise Failure("ls -l does not list each file once, in order")
    system.send("ls /many/\t\t")
    system.expect("\n... and 1200 more\n")
    system.send("0\x7f" + ctrl("c"))
    system.wait_prompt()
    system.send_line("ls -l /many /many /many /many; echo not this")
    system.expect("file-0010")
    system.send(ctrl("c"))
    system.wait_prompt()
    if "\nnot this\n" in system.output:
        raise Failure("ctrl-c did not end ls")


# Programs and processes.


@test()
def programs(system):
    system.wait_prompt()
    for line, output in (
        ("run hello", "hello from hello\n"),
        ("hello a 'b c' \"\"", "hello from hello\nargument 1: a\nargument 2: b c\nargument 3: \n"),
        ("cd /bin; ./hello x; cd", "hello from ./hello\nargument 1: x\n"),
        ("/bin/hello; echo $?", "hello from /bin/hello\n0\n"),
        ("run crash exit 3; echo $?", "run: crash: exit status 3\n3\n"),
        ("crash exit 255; echo $?", "sh: crash: exit status 255\n255\n"),
        ("echo a; hello; echo b", "a\nhello from hello\nb\n"),
    ):
        check(system, line, output)
    for way, cause in (
        ("read 0x18", "page fault: read of 0x18 "),
        ("write 0x10000", "page fault: write to 0x10000 "),
        ("illegal", "illegal instruction "),
        ("overflow", "page fault: write to 0x"),
    ):
        shown = system.command(f"crash {way}; echo $?")
        if not shown.startswith(f"sh: crash: crashed: {cause}") or not shown.endswith("\n139\n"):
            raise Failure(f"'crash {way}' printed\n{shown}")
    shown = system.command("run hello " + "x" * 3000)
    if not shown.startswith("run: hello: ") or shown.count("\n") != 1:
        raise Failure(f"arguments that are too long gave\n{shown}")
    # Nothing is left of any of them.
    names = [line.split()[1] for line in system.command("ps").splitlines()[1:]]
    if "hello" in names or "crash" in names:
        raise Failure(f"programs that have ended are listed: {names}")


@test()
def control_c_kills_a_program(system):
    system.wait_prompt()
    for _ in range(3):
        system.send_line("crash spin; echo not this")
        system.quiet(0.5)
        system.send(ctrl("c"))
        system.expect("sh: crash: killed\n")
        system.wait_prompt()
        check(system, "echo $?", "130\n")
    if "\nnot this\n" in system.output:
        raise Failure("the rest of the line was run")
    check(system, "hello", "hello from hello\n")


@test()
def control_c_cannot_stop_the_console(system):
    """By a program that gives it an endpoint to send to where a notification belongs."""
    system.wait_prompt()
    check(system, "crash bell", "crash: capability of another type than is needed\n")
    system.send_line("crash spin")
    system.quiet(0.5)
    system.send(ctrl("c"))
    system.expect("sh: crash: killed\n")
    system.wait_prompt()


@test()
def typed_ahead(system):
    system.wait_prompt()
    system.send("cat /big.txt\rhello\recho la" + LEFT + "x" + END + "st\r")
    system.expect("hello from hello\n", 60)
    system.expect("lxast\n")
    system.wait_prompt()


@test(timeout=120)
def kill(system):
    system.wait_prompt()
    for line, output in (
        ("kill 12345", "kill: 12345: no such process\n"),
        ("kill nobody 0x1", "kill: nobody: no such process\nkill: 0x1: no such process\n"),
        ("kill 99999999999999999999999", "kill: 99999999999999999999999: no such process\n"),
        ("kill -1; echo $?", "kill: -1: no such process\n1\n"),
    ):
        check(system, line, output)
    for victim in ("fs", "virtio-blk"):
        system.command(f"kill {victim}")
        check(system, "cat /etc/motd; echo $?", (system.build / "rootfs/etc/motd").read_text() + "0\n")
        require(rf"^ *\d+ {victim} .* 1$", system.command("ps"))
    # The terminal is raw again at the prompt, and ctrl-c reaches the shell while a program runs.
    system.command("kill console")
    check(system, "echo ab" + LEFT + "x", "axb\n")
    system.send_line("crash spin")
    system.quiet(0.5)
    system.send(ctrl("c"))
    system.expect("sh: crash: killed\n")
    system.wait_prompt()
    # The shell itself, by its number: a new one takes over, with a history of its own.
    number = require(r"^ *(\d+) sh ", system.command("ps")).group(1)
    system.send_line("kill " + number)
    system.expect("Cardea. `help` lists the commands.")
    system.wait_prompt()
    check(system, "history", "    1  history\n")
    check(system, "hello", "hello from hello\n")


@test()
def processes_and_capabilities(system):
    system.wait_prompt()
    shown = system.command("ps")
    for name in ("init", "mm", "dev", "console", "virtio-blk", "fs", "sh"):
        line = require(rf"^ *\d+ {name} +[a-z]+ +(\d+) +(\d+) +\d+\.\d{{3}} +\d+K +0$", shown)
        if int(line.group(1)) > 255 or int(line.group(2)) >= system.machine.harts:
            raise Failure(f"{name} has a priority or a hart that does not exist:\n{shown}")
    number = require(r"^ *(\d+) fs ", shown).group(1)
    shown = system.command("caps fs")
    if shown != system.command("caps " + number):
        raise Failure("caps differ by name and by number")
    for pattern in (
        r"^ *\d+ CNODE .* fs$",
        r"^ *\d+ ENDPOINT +recv,grant +- [0-9a-f]{16}  fs$",
        r"^ *\d+ ENDPOINT +send,grant +[0-9a-f]+ [0-9a-f]{16}  virtio-blk$",
        r"^ *\d+ DEBUG +log +- [0-9a-f]{16}  log$",
    ):
        require(pattern, shown)
    require(r"^ *\d+ ENDPOINT +send,grant +[0-9a-f]+ [0-9a-f]{16}  console$", system.command("caps"))
    check(system, "caps nobody", "caps: nobody: no such process\n")


@test()
def machine_and_kernel(system):
    system.wait_prompt()
    shown = system.command("mem")
    total, free, used = (
        int(require(rf"^{name} +(\d+) KiB$", shown).group(1)) for name in ("memory of all", "free", "used")
    )
    if not 400 << 10 < total <= 512 << 10 or free + used != total:
        raise Failure(f"mem on a machine of 512 MiB:\n{shown}")
    require(r"^sh +\d+ KiB +\d+ KiB$", shown)
    # The interrupt of the newest line may not be acknowledged yet when the table is made.
    first, _, third = (
        int(require(r"^ *\d+ serial\S* +console +\d+ +(\d+) ", system.command("irq")).group(1))
        for _ in range(3)
    )
    if third <= first:
        raise Failure(f"typing two lines raised {third - first} interrupts")
    shown = system.command("uptime")
    line = require(r"^up 0 h \d min (\d+\.\d{3}) s, (\d+) harts?$", shown)
    require(r"^\d+ interrupts, \d+ timer interrupts, \d+ thread switches$", shown)
    if int(line.group(2)) != system.machine.harts:
        raise Failure(f"uptime counts {line.group(2)} harts")
    later = require(r"^up 0 h \d min (\d+\.\d{3}) s", system.command("uptime")).group(1)
    if float(later) <= float(line.group(1)):
        raise Failure(f"the time went from {line.group(1)} s to {later} s")
    shown = system.command("dmesg")
    require(r"^\[ +\d+\.\d{6}\] Cardea", shown)
    require(r"\bfs: mounted ext4", shown)


# Without a disk, and with disks that hold nothing for us.


def check_without_files(system, cause: str) -> None:
    system.wait_prompt()
    if f"no file system ({cause})\nCardea. `help`" not in system.output:
        raise Failure("what is wrong is not on the screen before the prompt")
    for line, thing in (
        ("ls", "ls: /"),
        ("ls -l /bin", "ls: /bin"),
        ("cat /etc/motd", "cat: /etc/motd"),
        ("cd /bin", "cd: /bin"),
        ("cd", "cd: /"),
        ("stat /", "stat: /"),
        ("run hello", "run: hello"),
        ("/bin/hello", "sh: /bin/hello"),
    ):
        check(system, line, f"{thing}: no file system ({cause})\n")
    path = "x" * 5000
    check(system, f"cat {path}", f"cat: {path[:80]}...{path[-40:]}: name too long\n")
    check(system, "pwd", "/\n")
    check(system, "hello", f"sh: hello: no file system ({cause})\n")
    check(system, "ech\ta", "a\n")
    check(system, "echo /b\t", "/b\n")
    for line in ("help", "ps", "caps", "caps fs", "mem", "irq", "uptime", "dmesg", "history"):
        if not system.command(line).strip():
            raise Failure(f"'{line}' prints nothing")


@test(disk=None)
def no_disk(system):
    check_without_files(system, "no disk")


@test(boot=False)
def empty_disk(system):
    image = system.directory / "empty.img"
    with open(image, "wb") as file:
        file.truncate(4 << 20)
    system.boot(disk=str(image))
    system.wait_prompt()
    cause = re.fullmatch(r"ls: /: no file system \((.+)\)\n", system.command("ls"))
    if not cause:
        raise Failure("ls does not say that there is no file system")
    system.send("\r")
    check_without_files(system, cause.group(1))
