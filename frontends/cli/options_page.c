/* What can be printed from the table of commands: help, docs/command.md, the man page, and the
 * completions of bash and zsh. */
#include <stdio.h>
#include <string.h>

#include "frontends/cli/options.h"

enum { PAGE_COLUMNS = 79 };

/* ---- pieces */

/* "-d, --data FILE" */
static void page_option_name(text *out, const option_row *row) {
    if (row->letter)
        text_add(out, "-%c, ", row->letter);
    text_add(out, "--%s", row->name);
    if (row->argument)
        text_add(out, " %s", row->argument);
}

/* Words of a sentence in lines that begin `indent` columns from the left, the first at `column`. */
static void page_wrap(text *out, const char *words, int column, int indent) {
    while (*words) {
        size_t length = strcspn(words, " ");
        if (column > indent && column + 1 + (int)length > PAGE_COLUMNS) {
            text_add(out, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            text_add(out, " ");
            column++;
        }
        text_add_bytes(out, words, length);
        column += (int)length;
        words += length;
        words += strspn(words, " ");
    }
    text_add(out, "\n");
}

static void page_option_text(text *out, const option_row *row) {
    text name;
    text_init(&name, out->memory);
    page_option_name(&name, row);
    int column = 2 + (row->letter ? 0 : 4);
    text_add(out, "%*s%s", column, "", name.at);
    column += (int)name.count;
    const int indent = 27;
    if (column > indent - 2)
        text_add(out, "\n%*s", indent, "");
    else
        text_add(out, "%*s", indent - column, "");
    const char *about = row->about;
    if (row->otherwise)
        about = arena_print(out->memory, "%s (%s)", about, row->otherwise);
    page_wrap(out, about, indent, indent);
}

static void page_options_text(text *out, const option_row *rows) {
    for (; rows->name; rows++)
        page_option_text(out, rows);
}

static const struct {
    const char *code, *about;
} page_statuses[] = {
    {"0", "done"},
    {"1", "it could not be done, or a check found a fault; stderr says why"},
    {"2", "the command line was not understood; nothing was done"},
    {"130", "ended by SIGINT or SIGTERM after saving what was done so far"},
};
static const struct {
    const char *name, *about;
} page_variables[] = {
    {"NO_COLOR", "when it is set and not empty, nothing is coloured"},
    {"EDDY_THREADS", "how many threads share a call where --threads does not say so"},
};
enum {
    PAGE_STATUSES = sizeof page_statuses / sizeof *page_statuses,
    PAGE_VARIABLES = sizeof page_variables / sizeof *page_variables
};

/* ---- help */

void page_overview(text *out) {
    text_add(out,
             "usage: eddy COMMAND [OPTION...]\n\n"
             "Recurrent cells from their equations: checked, compiled, trained.\n\n");
    for (const command_row *c = commands; c->name; c++)
        text_add(out, "  %-10s %s\n", c->name, c->title);
    text_add(out, "\n'eddy COMMAND --help' tells more. Statuses:\n\n");
    for (int i = 0; i < PAGE_STATUSES; i++)
        text_add(out, "  %-4s %s\n", page_statuses[i].code, page_statuses[i].about);
}

void page_command(text *out, const command_row *command) {
    text_add(out, "usage: eddy %s%s%s\n\n%s\n\noptions:\n", command->name,
             command->usage[0] ? " " : "", command->usage, command->about);
    page_options_text(out, command->rows);
    page_options_text(out, common_options);
}

static void page_text(text *out) {
    page_overview(out);
    for (const command_row *c = commands; c->name; c++) {
        text_add(out, "\n");
        page_command(out, c);
    }
}

/* ---- Markdown */

/* In a cell of a table a bar needs an escape. */
static void page_cell(text *out, const char *words) {
    for (const char *c = words; *c; c++)
        text_add(out, *c == '|' ? "\\|" : "%c", *c);
}

static void page_options_markdown(text *out, const option_row *rows) {
    for (; rows->name; rows++) {
        text name;
        text_init(&name, out->memory);
        page_option_name(&name, rows);
        text_add(out, "| `");
        page_cell(out, name.at);
        text_add(out, "` | %s | ", rows->otherwise ? rows->otherwise : "");
        page_cell(out, rows->about);
        text_add(out, " |\n");
    }
}

static void page_markdown(text *out) {
    text_add(out,
             "# The `eddy` command\n\n"
             "Written by the test `golden_command_page` from the table in\n"
             "`frontends/cli/commands.c`; `./run docs` renews it. The man page and the\n"
             "completions of bash and zsh are made from the same table.\n\n"
             "| command | |\n| --- | --- |\n");
    for (const command_row *c = commands; c->name; c++)
        text_add(out, "| [`%s`](#eddy-%s) | %s |\n", c->name, c->name, c->title);
    text_add(out, "\n| status | |\n| --- | --- |\n");
    for (int i = 0; i < PAGE_STATUSES; i++)
        text_add(out, "| %s | %s |\n", page_statuses[i].code, page_statuses[i].about);
    text_add(out, "\n| variable | |\n| --- | --- |\n");
    for (int i = 0; i < PAGE_VARIABLES; i++)
        text_add(out, "| `%s` | %s |\n", page_variables[i].name, page_variables[i].about);
    text_add(out, "\nOf every command:\n\n| option | default | |\n| --- | --- | --- |\n");
    page_options_markdown(out, common_options);
    for (const command_row *c = commands; c->name; c++) {
        text_add(out, "\n## eddy %s\n\n`eddy %s%s%s`\n\n%s\n", c->name, c->name,
                 c->usage[0] ? " " : "", c->usage, c->about);
        if (c->rows[0].name) {
            text_add(out, "\n| option | default | |\n| --- | --- | --- |\n");
            page_options_markdown(out, c->rows);
        }
    }
}

/* ---- the man page */

/* Text for troff: a backslash, and a dot or a quote at the start of a line, mean something there.
 */
static void page_roff(text *out, const char *words) {
    for (const char *c = words; *c; c++) {
        bool starts = c == words || c[-1] == '\n';
        if (starts && (*c == '.' || *c == '\''))
            text_add(out, "\\&");
        if (*c == '\\')
            text_add(out, "\\e");
        else if (*c == '-')
            text_add(out, "\\-");
        else if (*c == '\n' && c[1] == '\n')
            text_add(out, "\n.PP");
        else if (starts && strncmp(c, "    ", 4) == 0)
            text_add(out, ".br\n ");
        else
            text_add_bytes(out, c, 1);
    }
}

static void page_options_man(text *out, const option_row *rows) {
    for (; rows->name; rows++) {
        text name;
        text_init(&name, out->memory);
        page_option_name(&name, rows);
        text_add(out, ".TP\n.B ");
        page_roff(out, name.at);
        text_add(out, "\n");
        page_roff(out, rows->about);
        if (rows->otherwise) {
            text_add(out, " (");
            page_roff(out, rows->otherwise);
            text_add(out, ")");
        }
        text_add(out, "\n");
    }
}

static void page_man(text *out) {
    text_add(out, ".TH EDDY 1 \"\" \"eddy %s\" \"User Commands\"\n", eddy_version_string());
    text_add(out,
             ".SH NAME\neddy \\- recurrent cells from their equations: checked, compiled, "
             "trained\n.SH SYNOPSIS\n.B eddy\nCOMMAND [OPTION...]\n.SH COMMANDS\n");
    for (const command_row *c = commands; c->name; c++) {
        text_add(out, ".SS eddy %s ", c->name);
        page_roff(out, c->usage);
        text_add(out, "\n");
        page_roff(out, c->about);
        text_add(out, "\n");
        page_options_man(out, c->rows);
    }
    text_add(out, ".SH OPTIONS OF EVERY COMMAND\n");
    page_options_man(out, common_options);
    text_add(out, ".SH EXIT STATUS\n");
    for (int i = 0; i < PAGE_STATUSES; i++)
        text_add(out, ".TP\n.B %s\n%s\n", page_statuses[i].code, page_statuses[i].about);
    text_add(out, ".SH ENVIRONMENT\n");
    for (int i = 0; i < PAGE_VARIABLES; i++) {
        text_add(out, ".TP\n.B %s\n", page_variables[i].name);
        page_roff(out, page_variables[i].about);
        text_add(out, "\n");
    }
}

/* ---- completions */

static void page_choices(text *out, const char *choices) {
    for (const char *c = choices; *c; c++)
        text_add(out, "%c", *c == '|' ? ' ' : *c);
}

/* Two rows of cases: what follows an option, and which options there are. */
static void page_bash_values(text *out, const char *command, const option_row *rows) {
    for (; rows->name; rows++) {
        if (rows->kind != OPTION_CHOICE && rows->kind != OPTION_FILE && rows->kind != OPTION_FOLDER)
            continue;
        text_add(out, "    %s:--%s", command, rows->name);
        if (rows->letter)
            text_add(out, " | %s:-%c", command, rows->letter);
        if (rows->kind == OPTION_CHOICE) {
            text_add(out, ") COMPREPLY=($(compgen -W '");
            page_choices(out, rows->argument);
            text_add(out, "' -- \"$word\")) ;;\n");
        } else {
            text_add(out, ") COMPREPLY=($(compgen %s -- \"$word\")) ;;\n",
                     rows->kind == OPTION_FOLDER ? "-d" : "-f");
        }
    }
}

static void page_bash_names(text *out, const option_row *rows) {
    for (; rows->name; rows++)
        text_add(out, " --%s", rows->name);
}

static void page_bash(text *out) {
    text_add(out,
             "# bash completion of eddy; printed by 'eddy help --format bash'\n"
             "_eddy() {\n    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} "
             "names\n    COMPREPLY=()\n    if ((COMP_CWORD == 1)); then\n"
             "        COMPREPLY=($(compgen -W '");
    for (const command_row *c = commands; c->name; c++)
        text_add(out, "%s ", c->name);
    text_add(out,
             "--help --version' -- \"$word\"))\n        return\n    fi\n"
             "    case $command:${COMP_WORDS[COMP_CWORD - 1]} in\n");
    for (const command_row *c = commands; c->name; c++)
        page_bash_values(out, c->name, c->rows);
    text_add(out, "    *)\n        case $command in\n");
    for (const command_row *c = commands; c->name; c++) {
        text_add(out, "        %s) names='", c->name);
        page_bash_names(out, c->rows);
        page_bash_names(out, common_options);
        text_add(out, "' ;;\n");
    }
    text_add(out,
             "        esac\n        if [[ $word == -* ]]; then\n"
             "            COMPREPLY=($(compgen -W \"$names\" -- \"$word\"))\n        else\n"
             "            COMPREPLY=($(compgen -f -- \"$word\"))\n        fi\n        ;;\n"
             "    esac\n}\ncomplete -o filenames -F _eddy eddy\n");
}

/* A description in brackets within single quotes. */
static void page_zsh_about(text *out, const char *about) {
    for (const char *c = about; *c; c++)
        if (*c == '\'')
            text_add(out, "'\\''");
        else if (strchr("[]:\\", *c))
            text_add(out, "\\%c", *c);
        else
            text_add_bytes(out, c, 1);
}

static void page_zsh_options(text *out, const option_row *rows) {
    for (; rows->name; rows++) {
        text_add(out, "            '--%s%s[", rows->name, rows->argument ? "=" : "");
        page_zsh_about(out, rows->about);
        text_add(out, "]");
        if (rows->kind == OPTION_CHOICE) {
            text_add(out, ":value:(");
            page_choices(out, rows->argument);
            text_add(out, ")");
        } else if (rows->argument) {
            text_add(out, ":%s:%s", rows->argument,
                     rows->kind == OPTION_FILE     ? "_files"
                     : rows->kind == OPTION_FOLDER ? "_files -/"
                                                   : "");
        }
        text_add(out, "' \\\n");
    }
}

static void page_zsh(text *out) {
    text_add(out,
             "#compdef eddy\n# zsh completion of eddy; printed by 'eddy help --format zsh'\n"
             "_eddy() {\n    local -a commands\n    commands=(\n");
    for (const command_row *c = commands; c->name; c++) {
        text_add(out, "        '%s:", c->name);
        page_zsh_about(out, c->title);
        text_add(out, "'\n");
    }
    text_add(out,
             "    )\n    if ((CURRENT == 2)); then\n        _describe command commands\n"
             "        return\n    fi\n    local command=$words[2]\n    shift words\n"
             "    ((CURRENT--))\n    case $command in\n");
    for (const command_row *c = commands; c->name; c++) {
        text_add(out, "    %s)\n        _arguments \\\n", c->name);
        page_zsh_options(out, c->rows);
        page_zsh_options(out, common_options);
        text_add(out, "            '*:operand:_files'\n        ;;\n");
    }
    text_add(out, "    esac\n}\n_eddy \"$@\"\n");
}

void page_print(text *out, page_kind kind) {
    static void (*const pages[])(text *) = {page_text, page_markdown, page_man, page_bash,
                                            page_zsh};
    pages[kind](out);
}
