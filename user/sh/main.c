/* SPDX-License-Identifier: MIT */
/* The shell: reads lines, runs the commands in them. */
#include "commands.h"
#include "complete.h"
#include "parse.h"
#include "shell.h"

#include <client/console.h>
#include <client/fs.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES    8192 /* a path of the greatest length fits, whatever goes with it */
#define HISTORY_BYTES 32768
#define PROMPT_BYTES  40 /* of the directory; only the end of a longer one is shown */

struct shell shell = {.directory = "/"};

static char text[LINE_BYTES], draft[LINE_BYTES], completed[LINE_BYTES];
static char words[2 * LINE_BYTES]; /* $? may become longer */
static char history_storage[HISTORY_BYTES];
static char prompt[PROMPT_BYTES + 32];

/* --- Where completion finds names --- */

static void offer_commands(struct completion *completion)
{
    for (const struct command *command = commands; command->name != NULL; command++)
        completion_add(completion, command->name, strlen(command->name), false);
}

struct offer {
    struct completion *completion;
    uint64_t directory;
    bool directories, files; /* what is offered */
};

static bool leads_to_directory(uint64_t directory, const struct fs_entry *entry)
{
    char name[FS_MAX_NAME + 1];
    uint64_t handle;
    struct fs_stat stat;

    memcpy(name, entry->name, entry->name_length);
    name[entry->name_length] = 0;
    if (file_open(name, directory, 0, &handle, &stat))
        return false;
    file_close(handle);
    return stat.type == FS_DIRECTORY;
}

static bool offer_entry(void *context, const struct fs_entry *entry)
{
    const struct offer *offer = context;
    bool directory = entry->type == FS_DIRECTORY;

    if (completion_wants(offer->completion, entry->name, entry->name_length)) {
        bool unclear = entry->type == FS_SYMLINK || entry->type == FS_UNKNOWN;
        directory = directory || (unclear && leads_to_directory(offer->directory, entry));
        if (directory ? offer->directories : offer->files)
            completion_add(offer->completion, entry->name, entry->name_length, directory);
    }
    return true;
}

static void offer_directory(struct offer *offer, const char *path)
{
    if (!open_path(path, 0, &offer->directory, NULL)) {
        directory_list(offer->directory, offer_entry, offer);
        file_close(offer->directory);
    }
}

static enum completion_kind kind_of_word(void *context, const char *command, unsigned index)
{
    (void)context;
    return command_takes(command, index);
}

static void offer_names(void *context, enum completion_kind kind, struct completion *completion)
{
    struct offer programs = {.completion = completion, .files = true};

    (void)context;
    if (kind == COMPLETE_PROCESSES)
        offer_processes(completion);
    if (kind == COMPLETE_COMMANDS || kind == COMPLETE_BUILTINS)
        offer_commands(completion);
    if (kind == COMPLETE_COMMANDS || kind == COMPLETE_PROGRAMS)
        offer_directory(&programs, "/bin");
}

static void offer_files(void *context, const char *directory, bool only_directories,
                        struct completion *completion)
{
    struct offer offer = {.completion = completion, .directories = true, .files = !only_directories};

    (void)context;
    offer_directory(&offer, directory[0] != 0 ? directory : ".");
}

static struct completer completer = {
    .source = {.kind = kind_of_word, .names = offer_names, .files = offer_files},
    .storage = completed,
    .size = sizeof(completed),
};

/* --- Reading and running lines --- */

static void on_write(void *context, const char *bytes, size_t count)
{
    (void)context;
    fwrite(bytes, 1, count, stdout);
}

static void on_complete(void *context, struct line_editor *editor, bool again)
{
    (void)context;
    complete_line(&completer, editor, again);
}

static const struct line_hooks text_hooks = {.write = on_write};
static const struct line_hooks hooks = {.write = on_write, .complete = on_complete};

/* The prompt with the current directory, or the end of it, where no character is cut in two. */
static void make_prompt(void)
{
    const char *path = shell.directory;
    size_t length = strlen(path), start = length, used = 0;
    char escaped[PROMPT_BYTES + 1] = "";

    while (start > 0) {
        size_t previous = utf8_previous(path, start);
        char form[ESCAPED_SIZE(UTF8_MAX)];
        used += escape_name(form, sizeof(form), path + previous, start - previous);
        if (used > PROMPT_BYTES)
            break;
        start = previous;
    }
    escape_name(escaped, sizeof(escaped), path + start, length - start);
    snprintf(prompt, sizeof(prompt), "cardea:%s%s$ ", start > 0 ? "..." : "", escaped);
}

static void set_width(struct line_editor *editor, bool ask)
{
    unsigned columns = terminal_columns(ask);

    editor->width = shell.columns = columns > 0 ? columns : LINE_DEFAULT_WIDTH;
}

/* Shows a prompt and edits a line until it is entered or given up. */
static enum line_event read_line(struct line_editor *editor, const char *shown_prompt)
{
    enum line_event event = LINE_EDITING;
    bool typed = false;

    set_width(editor, true);
    line_editor_start(editor, shown_prompt);
    while (event == LINE_EDITING) {
        uint8_t byte = input_next();
        if (!typed)
            set_width(editor, false); /* the terminal has answered meanwhile */
        typed = true;
        event = line_editor_feed(editor, byte);
    }
    return event;
}

/* What is typed for a command is edited like a line of commands. */
bool input_text(const char **line, size_t *length)
{
    static char typed[LINE_BYTES + 1], typed_draft[LINE_BYTES];
    static struct history none;
    struct line_editor editor;

    terminal_mode(CONSOLE_RAW);
    line_editor_init(&editor, typed, typed_draft, LINE_BYTES, &none, &text_hooks);
    enum line_event event = read_line(&editor, "");
    terminal_mode(CONSOLE_COOKED);
    shell.interrupted |= event == LINE_ABANDONED || editor.overflowed;
    if (editor.overflowed)
        printf("\nline is longer than %u bytes\n", LINE_BYTES - 1);
    typed[editor.length] = '\n';
    *line = typed;
    *length = editor.length + 1;
    return event == LINE_ENTERED;
}

static int run_command(const struct parser *parser)
{
    if (parser->output != NULL && !redirect_begin(parser->output, parser->append))
        return STATUS_FAILED;
    int status = parser->count > 0 ? command_execute((int)parser->count, (char **)parser->words) : 0;
    return parser->output != NULL ? redirect_end(status) : status;
}

/* A line is checked as a whole before any of it runs. */
static void run_line(const char *line, size_t length)
{
    struct parser parser;
    char message[80];

    parse_start(&parser, line, length, words, sizeof(words), shell.status);
    enum parse_result result = parse_check(&parser);
    if (result != PARSE_END) {
        parse_message(&parser, result, message, sizeof(message));
        printf("sh: %s\n", message);
        shell.status = STATUS_USAGE;
        return;
    }
    input_begin_line();
    while (!shell.interrupted && (result = parse_command(&parser)) == PARSE_COMMAND) {
        shell.status = run_command(&parser);
        parser.status = shell.status;
    }
    if (shell.interrupted) {
        fresh_line();
        shell.status = STATUS_INTERRUPTED;
    }
    input_end_line();
}

int main(void)
{
    struct line_editor editor;

    input_init();
    history_init(&shell.history, history_storage, sizeof(history_storage));
    line_editor_init(&editor, text, draft, sizeof(text), &shell.history, &hooks);
    print_boot_problems();
    printf("Cardea. `help` lists the commands.\n");
    for (;;) {
        make_prompt();
        enum line_event event = read_line(&editor, prompt);
        if (event == LINE_ENTERED && editor.overflowed) {
            printf("sh: line is longer than %u bytes, and not run\n", LINE_BYTES - 1);
            shell.status = STATUS_USAGE;
        } else if (event == LINE_ENTERED) {
            history_add(&shell.history, text, editor.length);
            run_line(text, editor.length);
        } else if (event == LINE_END) {
            printf("\n`poweroff` switches the machine off.\n");
        }
    }
}
