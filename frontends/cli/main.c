/* Where the command begins: finds the sub-command and gives it an arena. */
#include <stdio.h>
#include <string.h>

#include "frontends/cli/options.h"

static int main_run(arena *memory, int count, char **arguments) {
    text page;
    text_init(&page, memory);
    if (count < 2) {
        page_overview(&page);
        fputs(page.at, stderr);
        return CLI_USAGE;
    }
    if (strcmp(arguments[1], "--version") == 0) {
        printf("eddy %s\n", eddy_version_string());
        return CLI_DONE;
    }
    if (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0) {
        page_overview(&page);
        fputs(page.at, stdout);
        return CLI_DONE;
    }
    const command_row *command = command_find(arguments[1]);
    if (!command)
        help_unknown(arguments[1]);
    options o;
    options_read(&o, command, count - 1, arguments + 1);
    if (options_given(&o, "help")) {
        page_command(&page, command);
        fputs(page.at, stdout);
        return CLI_DONE;
    }
    return command->run(memory, &o);
}

int main(int count, char **arguments) {
    jmp_buf escape;
    arena memory;
    arena_init(&memory, allocator_default(), &escape);
    if (setjmp(escape) != 0)
        cli_fail(CLI_FAILED, "out of memory");
    int status = main_run(&memory, count, arguments);
    arena_free(&memory);
    if (fflush(stdout) != 0 || ferror(stdout))
        cli_fail(CLI_FAILED, "cannot write to the standard output");
    return status;
}
