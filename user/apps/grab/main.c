/* SPDX-License-Identifier: MIT */
/* Takes the terminal in one of the ways that a program can, and spins. */
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

int main(int argc, char **argv)
{
    const char *how = argc == 2 ? argv[1] : "";
    enum error error = ERR_BAD_ARG;

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
