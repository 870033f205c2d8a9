/* SPDX-License-Identifier: MIT */
/* The table of commands, and those that concern the shell alone. */
#include "commands.h"
#include "shell.h"

#include <stdio.h>
#include <string.h>

#define ENTRY(name, arguments, least, most, summary) {#name, arguments, least, most, summary, command_##name},
const struct command commands[] = {COMMAND_LIST(ENTRY){0}};
#undef ENTRY

static const struct command *find(const char *name)
{
    for (const struct command *command = commands; command->name != NULL; command++) {
        if (strcmp(command->name, name) == 0)
            return command;
    }
    return NULL;
}

enum completion_kind command_takes(const char *name, unsigned index)
{
    const struct command *command = find(name);
    const char *arguments = command != NULL ? command->arguments : "";

    if (strstr(arguments, "PROCESS") != NULL)
        return COMPLETE_PROCESSES;
    if (strstr(arguments, "COMMAND") != NULL)
        return COMPLETE_BUILTINS;
    if (strstr(arguments, "PROGRAM") != NULL && index == 1)
        return COMPLETE_PROGRAMS;
    return strstr(arguments, "DIR") != NULL ? COMPLETE_DIRECTORIES : COMPLETE_FILES;
}

static void print_usage(const struct command *command)
{
    printf("usage: %s%s%s\n", command->name, command->arguments[0] != 0 ? " " : "", command->arguments);
}

int command_usage(const char *name)
{
    print_usage(find(name));
    return STATUS_USAGE;
}

int command_execute(int argc, char **argv)
{
    const struct command *command = find(argv[0]);

    if (command == NULL)
        return run_word(argc, argv);
    if (argc - 1 < command->least || argc - 1 > command->most)
        return command_usage(command->name);
    return command->run(argc, argv);
}

int command_help(int argc, char **argv)
{
    char synopsis[64];

    if (argc == 2) {
        const struct command *command = find(argv[1]);
        if (command == NULL)
            return complain("help", argv[1], "no such command");
        print_usage(command);
        printf("%s\n", command->summary);
        return 0;
    }
    for (const struct command *command = commands; command->name != NULL; command++) {
        snprintf(synopsis, sizeof(synopsis), "%s %s", command->name, command->arguments);
        printf("%-22s%s\n", synopsis, command->summary);
    }
    printf("Any other word runs the program of that name in /bin, or at that path.\n"
           "`;` separates commands, `$?` is the status of the last one, `#` begins a comment.\n"
           "`> FILE` has a command print to a file, `>> FILE` behind what is there.\n"
           "Words are quoted with '...', \"...\" or a backslash. Tab completes them.\n"
           "Ctrl-c ends what runs; ctrl-\\ three times ends it whatever it does.\n");
    return 0;
}

int command_echo(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        printf("%s%s", argv[i], i + 1 < argc ? " " : "");
    printf("\n");
    return 0;
}

int command_clear(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("\x1b[H\x1b[2J");
    return 0;
}

int command_history(int argc, char **argv)
{
    const struct history *history = &shell.history;

    (void)argc;
    (void)argv;
    for (unsigned i = 0; i < history->count && !input_interrupted(); i++) {
        const char *line = history_line(history, i);
        printf("%5u  ", history->dropped + i + 1);
        print_name(line, strlen(line));
        printf("\n");
    }
    return 0;
}
