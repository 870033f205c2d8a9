/* SPDX-License-Identifier: MIT */
/* The commands of the shell. Each takes argc and argv as main() does, and returns its status. */
#pragma once

#include "complete.h"

/* COMMAND(name, arguments, least arguments, most arguments, summary) */
#define UNLIMITED 1000
#define COMMAND_LIST(COMMAND)                                                                                \
    COMMAND(caps, "[PROCESS]", 0, 1, "list the capabilities of a process, or of the shell")                  \
    COMMAND(cat, "FILE...", 1, UNLIMITED, "print files")                                                     \
    COMMAND(cd, "[DIR]", 0, 1, "go to a directory, or to /")                                                 \
    COMMAND(clear, "", 0, 0, "clear the screen")                                                             \
    COMMAND(cp, "[-r] FROM... TO", 2, UNLIMITED, "copy files; -r directories with all that is in them")      \
    COMMAND(df, "", 0, 0, "tell how much room the file system has")                                          \
    COMMAND(dmesg, "", 0, 0, "print the log, of the kernel and of programs")                                 \
    COMMAND(echo, "[WORD...]", 0, UNLIMITED, "print words")                                                  \
    COMMAND(gpio, "[PIN [ACTION]]", 0, 3,                                                                    \
            "list pins, or show one; ACTION: in, out, 0, 1, pullup, float, wait EVENT")                      \
    COMMAND(help, "[COMMAND]", 0, 1, "list the commands, or explain one")                                    \
    COMMAND(history, "", 0, 0, "list the lines entered before")                                              \
    COMMAND(irq, "", 0, 0, "list interrupt lines with counts and latencies")                                 \
    COMMAND(kill, "PROCESS...", 1, UNLIMITED, "end processes, given by number or name")                      \
    COMMAND(ln, "[-s] FILE NAME", 2, UNLIMITED, "give a file another name; -s: make a symbolic link")        \
    COMMAND(ls, "[-al] [PATH...]", 0, UNLIMITED, "list directories; -a hidden files too, -l with details")   \
    COMMAND(mem, "", 0, 0, "tell how much memory is used, and by whom")                                      \
    COMMAND(mkdir, "[-p] DIR...", 1, UNLIMITED, "make directories; -p those above them too")                 \
    COMMAND(mv, "[-nx] FROM... TO", 2, UNLIMITED,                                                            \
            "rename or move files; -n nothing that is there goes, -x two change places")                     \
    COMMAND(poweroff, "", 0, 0, "switch the machine off")                                                    \
    COMMAND(ps, "", 0, 0, "list processes")                                                                  \
    COMMAND(pwd, "", 0, 0, "print the current directory")                                                    \
    COMMAND(reboot, "", 0, 0, "restart the machine")                                                         \
    COMMAND(rm, "[-rf] PATH...", 1, UNLIMITED, "remove files; -r directories too, -f what is not there")     \
    COMMAND(rmdir, "DIR...", 1, UNLIMITED, "remove empty directories")                                       \
    COMMAND(run, "PROGRAM [ARG...]", 1, UNLIMITED, "run a program from the disk; ctrl-c kills it")           \
    COMMAND(stat, "PATH...", 1, UNLIMITED, "tell all about files")                                           \
    COMMAND(sync, "", 0, 0, "wait until all that was written is on the disk")                                \
    COMMAND(touch, "FILE...", 1, UNLIMITED, "make files, or give them the time of now")                      \
    COMMAND(uptime, "", 0, 0, "tell how long the system runs, and what the kernel counted")                  \
    COMMAND(write, "FILE", 1, 1, "make a file of what is typed, up to ctrl-d")

struct command {
    const char *name, *arguments;
    int least, most; /* arguments */
    const char *summary;
    int (*run)(int argc, char **argv);
};
/* Sorted by name; ends with a NULL name. */
extern const struct command commands[];

#define COMMAND_DECLARE(name, arguments, least, most, summary) int command_##name(int argc, char **argv);
COMMAND_LIST(COMMAND_DECLARE)
#undef COMMAND_DECLARE

/* What the word number `index` of a command line is, as the command's `arguments` say. */
enum completion_kind command_takes(const char *name, unsigned index);
/* Prints how a command is used and returns STATUS_USAGE. */
int command_usage(const char *name);
/* Runs a command line of argc > 0 words: one of the commands, or a program. Returns its status. */
int command_execute(int argc, char **argv);
