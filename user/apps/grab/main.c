/* SPDX-License-Identifier: MIT */
/* Takes the terminal, or the log, in one of the ways that a program can. */
#include <client/console.h>
#include <rt/rt.h>
#include <stdio.h>
#include <string.h>

/* Asks for the interrupt key, and never looks at it. */
static enum error take_interrupt(void)
{
    cap_t notification;
    enum error error = object_make(OBJ_NOTIFICATION, 0, &notification);

    return error ? error : terminal_interrupt(notification);
}

/* Lines that look like others', more than any log holds, and all that could begin a line of its own. */
static int flood(void)
{
    static const char forged[] = "init: fs: page fault\n[    0.000001] mm: forged\n\rkernel: forged\x1b[2J\n";

    for (unsigned i = 0; i < 20000; i++)
        rt_log_bytes(forged, sizeof(forged) - 1);
    rt_log("the last line");
    return 0;
}

int main(int argc, char **argv)
{
    const char *how = argc == 2 ? argv[1] : "";
    enum error error = ERR_BAD_ARG;

    if (strcmp(how, "log") == 0)
        return flood();
    if (strcmp(how, "deaf") == 0)
        error = ERR_OK;
    else if (strcmp(how, "ears") == 0)
        error = take_interrupt();
    else if (strcmp(how, "raw") == 0)
        error = terminal_mode(CONSOLE_RAW);
    if (error) {
        printf("grab: %s: %s\n", how, error_text(error));
        return 1;
    }
    printf("%s\n", terminal_foreground(0) ? "mine" : "mine to give away");
    fflush(stdout);
    for (;;)
        continue;
}
