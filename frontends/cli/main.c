/* Where the command begins: finds the sub-command and gives it an arena. */
#include <stdio.h>
#include <string.h>

#include "frontends/cli/options.h"

_Noreturn static void main_unknown(const char *name) {
    const char *names[32];
    int count = 0;
    for (const command_row *c = commands; c->name; c++)
        names[count++] = c->name;
    const char *near = suggest_nearest(name, names, count);
    cli_fail(CLI_USAGE, "there is no command '%s'%s%s%s\nTry 'eddy --help'.", name,
             near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void main_print(const text *page) {
    fputs(page->at, stdout);
}

/* A page about all commands, or in plain text about one. */
int help_run(arena *memory, const options *o) {
    static const char *const formats[] = {"text", "markdown", "man", "bash", "zsh"};
    const char *format = options_text(o, "format");
    text page;
    text_init(&page, memory);
    if (o->operand_count) {
        const command_row *command = command_find(o->operands[0]);
        if (!command)
            main_unknown(o->operands[0]);
        page_command(&page, command);
    } else {
        for (page_kind kind = PAGE_TEXT; kind <= PAGE_ZSH; kind++)
            if (strcmp(format, formats[kind]) == 0)
                page_print(&page, kind);
    }
    main_print(&page);
    return CLI_DONE;
}

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
        main_print(&page);
        return CLI_DONE;
    }
    const command_row *command = command_find(arguments[1]);
    if (!command)
        main_unknown(arguments[1]);
    options o;
    options_read(&o, command, count - 1, arguments + 1);
    if (options_given(&o, "help")) {
        page_command(&page, command);
        main_print(&page);
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
