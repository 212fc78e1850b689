/* The table of commands and options, from which everything about them is printed. */
#include <string.h>

#include "frontends/cli/options.h"

const option_row common_options[] = {
    {.name = "help", .letter = 'h', .about = "prints this"},
    {0},
};

static const option_row doctor_options[] = {{0}};

static const option_row help_options[] = {
    {.name = "format",
     .kind = OPTION_CHOICE,
     .argument = "text|markdown|man|bash|zsh",
     .otherwise = "text",
     .about = "plain text, docs/command.md, a man page, the completions of a shell"},
    {0},
};

const command_row commands[] = {
    {"doctor", "", "what this machine offers, and whether it computes right",
     "Prints the processor and the vectors that code is made for, the compiler behind it, the\n"
     "threads, and computes for a second: an LSTM is differentiated, compiled and trained; its\n"
     "gradient is held against difference quotients, one thread against all.",
     OPTION_TEXT, 0, 0, doctor_options, doctor_run},
    {"help", "[COMMAND] [--format FORMAT]", "what there is to know about commands",
     "Prints the page of a command, or a page about all of them.", OPTION_TEXT, 0, 1, help_options,
     help_run},
    {0},
};

const command_row *command_find(const char *name) {
    for (const command_row *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}
