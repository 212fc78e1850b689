/* `eddy help`, and what is said where no command has a name. */
#include <stdio.h>
#include <string.h>

#include "frontends/cli/options.h"

void help_unknown(const char *name) {
    const char *names[32];
    int count = 0;
    for (const command_row *c = commands; c->name; c++)
        names[count++] = c->name;
    const char *near = suggest_nearest(name, names, count);
    cli_fail(CLI_USAGE, "there is no command '%s'%s%s%s\nTry 'eddy --help'.", name,
             near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

int help_run(arena *memory, const options *o) {
    static const char *const formats[] = {"text", "markdown", "man", "bash", "zsh"};
    const char *format = options_text(o, "format");
    text page;
    text_init(&page, memory);
    if (o->operand_count) {
        const command_row *command = command_find(o->operands[0]);
        if (!command)
            help_unknown(o->operands[0]);
        page_command(&page, command);
    } else {
        for (page_kind kind = PAGE_TEXT; kind <= PAGE_ZSH; kind++)
            if (strcmp(format, formats[kind]) == 0)
                page_print(&page, kind);
    }
    fputs(page.at, stdout);
    return CLI_DONE;
}
