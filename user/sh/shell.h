/* SPDX-License-Identifier: MIT */
/* What the parts of the shell share. */
#pragma once

#include "complete.h"
#include "history.h"
#include "names.h"
#include "path.h"

#include <abi/object.h>
#include <proto/proto.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Statuses of commands that failed, as $? shows them; those of programs are theirs. */
enum {
    STATUS_FAILED = 1,
    STATUS_USAGE = 2,
    STATUS_NO_PROGRAM = 126, /* found, but it cannot run */
    STATUS_NO_COMMAND = 127,
    STATUS_INTERRUPTED = 130,
    STATUS_KILLED = 137,
    STATUS_CRASHED = 139,
};

struct shell {
    char directory[PATH_SIZE]; /* the current one: absolute, normalised */
    int status;                /* of the last command */
    bool interrupted;          /* ctrl-c was typed while this line ran: what is left of it is dropped */
    unsigned columns;          /* of the terminal */
    struct history history;
};
extern struct shell shell;

/* --- Input and events (input.c) --- */

enum input_event { INPUT_PROGRAM_ENDED = 1, INPUT_INTERRUPT = 2, INPUT_PIN = 4 };

/* Takes the terminal; ends the shell when that is not possible. */
void input_init(void);
/* The next byte typed; waits for it, after showing what was printed. */
uint8_t input_next(void);
/* A line begins to run: from here on ctrl-c interrupts it, until its end. */
void input_begin_line(void);
void input_end_line(void);
/* Whether ctrl-c was typed since the line began to run. Commands that take long ask now and then. */
bool input_interrupted(void);
/* Waits for ctrl-c, a program's end or a pin; returns bits of enum input_event, 0 when it cannot wait. */
uint64_t input_wait(void);
/* What signals INPUT_PROGRAM_ENDED. */
cap_t input_end_signal(void);
/* What signals INPUT_PIN. */
cap_t input_pin_signal(void);

/* The next line of what a command is given, with its end, while a line runs; false at ctrl-d or ctrl-c. */
bool input_text(const char **line, size_t *length);

/* --- Messages (report.c) --- */

/* A name as it is shown in messages: escaped, the middle left out when it is long. */
struct shown {
    char text[512];
};
struct shown shown(const char *name);
/* Prints `COMMAND: THING: why` and returns STATUS_FAILED. */
int complain(const char *command, const char *thing, const char *why);
/* The same for an error of a server or the kernel. */
int complain_error(const char *command, const char *thing, enum error error);
/* The same for an error that came from using a path: tells why there is no file system when there is none. */
int complain_file(const char *command, const char *path, enum error error);
/* Prints a name escaped. */
void print_name(const char *name, size_t length);

/* Begins a new line on the terminal, unless it stands at the start of one. */
void fresh_line(void);
/* Says what a user must know before the first prompt: no file system, or not the one that was asked for. */
void print_boot_problems(void);

/* --- Files (files.c) --- */

/* Opens a path of a command line. */
enum error open_path(const char *path, uint64_t flags, uint64_t *handle, struct fs_stat *stat);
/* Type and permission bits as `drwxr-xr-x`. */
void format_mode(char text[11], const struct fs_stat *stat);
/* Seconds since 1970 as text in `form` of strftime(), UTC. */
void format_time(char *text, size_t size, const char *form, int64_t seconds);
/* Prints ` -> TARGET` of an open symbolic link. */
void print_target(uint64_t handle);

/* --- Output to a file (redirect.c) --- */

/* What is printed goes to a file, behind what is there if `append`. False after a message. */
bool redirect_begin(const char *to, bool append);
/* To the terminal again. Returns the status, or that of failure after a message. */
int redirect_end(int status);
/* The file's path; NULL: output goes to the terminal. */
const char *redirect_path(void);

/* --- Changing files (change.c) --- */

/* The absolute path that a word means. */
enum error path_of(char joined[PATH_SIZE], const char *path);
/* The absolute path of `to`, or where it is a directory that of the last name of `from` in it. */
enum error path_in(char joined[PATH_SIZE], const char *to, const char *from);
bool is_directory(const char *path);
/* The names in a directory but . and .. */
enum error list_names(const char *path, struct name_list *names);
/* Options of one letter each, out of `letters`; `given` gets those that are there. Returns the index of the
 * first word that is none, 0 when one is wrong. */
int read_letters(int argc, char **argv, const char *letters, char *given);

/* --- Processes (processes.c) --- */

/* A number in decimal; false when the text is none. */
bool read_number(const char *text, uint64_t *number);
/* The name of a process, or its number where nobody knows a name. */
void format_process(char text[32], uint64_t process);
/* The number of the process that an argument names, by number or by name; complains when there is none or
 * more. */
bool find_process(const char *command, const char *argument, uint64_t *process);
/* Offers the names of all processes that run. */
void offer_processes(struct completion *completion);
/* Ticks as seconds with three decimals. */
void format_ticks(char text[32], uint64_t ticks);

/* What the kernel counts; needs the right to read the log. */
enum error read_kernel_info(struct kernel_info *info);

/* --- Programs (run.c) --- */

/* Runs the program at `path` with argv, whose first is the name that messages give it; waits for its end.
 * Returns the status. */
int run_program(const char *command, const char *path, int argc, char **argv);
/* The same for a word that is no command: with a slash it is a path, otherwise a name in /bin. */
int run_word(int argc, char **argv);
