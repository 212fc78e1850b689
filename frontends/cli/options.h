/* Sub-commands and their options: one table, from which the command line is read and --help, the
 * man page, the completions of shells and docs/command.md are printed. */
#ifndef EDDY_FRONTENDS_CLI_OPTIONS_H
#define EDDY_FRONTENDS_CLI_OPTIONS_H

#include "frontends/cli/cli.h"

typedef enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_FILE,
    OPTION_FOLDER,
    OPTION_INTEGER,
    OPTION_REAL,
    OPTION_CHOICE /* argument: "a|b|c" */
} option_kind;

typedef struct option_row {
    const char *name; /* without dashes; NULL ends a list */
    char letter;      /* 0: none */
    option_kind kind;
    const char *argument;  /* what stands for the value in help; NULL: a flag */
    const char *otherwise; /* the value when it is not given; NULL: there is none */
    double low, high;      /* of numbers */
    const char *about;
    /* Of a run: kept in its folder, so that going on needs no options; fixed: may not change. */
    bool kept, fixed;
} option_row;

typedef struct options options;

typedef struct command_row {
    const char *name;  /* NULL ends the list */
    const char *usage; /* what stands behind the name */
    const char *title; /* half a line */
    const char
        *about; /* paragraphs, parted by empty lines; a line that is indented stays as it is */
    option_kind operand; /* of what is no option: OPTION_FILE, OPTION_TEXT ... */
    int least, most;     /* operands */
    const option_row *rows;
    int (*run)(arena *memory, const options *o);
} command_row;

enum { OPTIONS_MOST = 48, OPTIONS_OPERANDS = 64 };

/* One command line, read. */
struct options {
    const command_row *command;
    const char *values[OPTIONS_MOST]; /* by row: as given, else NULL */
    const char *operands[OPTIONS_OPERANDS];
    int operand_count;
};

/* What makes steps of gradients. */
#define OPTIMISER_OPTIONS(is_fixed)                                                                \
    {.name = "optimiser",                                                                          \
     .kind = OPTION_CHOICE,                                                                        \
     .argument = "adam|adamw|rmsprop|momentum|sgd",                                                \
     .otherwise = "adam",                                                                          \
     .about = "what makes steps of gradients",                                                     \
     .kept = true,                                                                                 \
     .fixed = (is_fixed)},                                                                         \
        {.name = "decay",                                                                          \
         .kind = OPTION_REAL,                                                                      \
         .argument = "X",                                                                          \
         .otherwise = "0.01",                                                                      \
         .low = 0,                                                                                 \
         .high = 1e+06,                                                                            \
         .about = "weight decay of adamw",                                                         \
         .kept = true,                                                                             \
         .fixed = (is_fixed)},                                                                     \
    {                                                                                              \
        .name = "clip", .kind = OPTION_REAL, .argument = "X", .otherwise = "1", .low = 0,          \
        .high = 1e+30, .about = "the largest norm of a gradient; 0: any", .kept = true,            \
        .fixed = (is_fixed)                                                                        \
    }

/* ---- commands.c: the table; commands_train.c: rows of `eddy train` */
extern const command_row commands[];
extern const option_row train_options[];
/* Of every command. */
extern const option_row common_options[];
const command_row *command_find(const char *name);

/* ---- options.c */
/* Reads what follows the command's name; a mistake ends the process with CLI_USAGE, --help with the
 * command's help. */
void options_read(options *o, const command_row *command, int count, char **arguments);
/* Was it given? */
bool options_given(const options *o, const char *name);
/* The value, or what the table has when it was not given; a name must be in the table. */
const char *options_text(const options *o, const char *name);
/* Row i, then those of every command; NULL past the end. */
const option_row *options_row(const command_row *command, int i);
int64_t options_integer(const options *o, const char *name);
double options_real(const options *o, const char *name);

/* ---- options_page.c */
typedef enum page_kind { PAGE_TEXT, PAGE_MARKDOWN, PAGE_MAN, PAGE_BASH, PAGE_ZSH } page_kind;
/* All commands in one page. */
void page_print(text *out, page_kind kind);
/* `eddy --help`, `eddy COMMAND --help` */
void page_overview(text *out);
void page_command(text *out, const command_row *command);

/* ---- help.c */
/* Ends the process: there is no such command. */
_Noreturn void help_unknown(const char *name);

/* ---- doctor.c and the like: the commands */
int train_run(arena *memory, const options *o);
int generate_run(arena *memory, const options *o);
int apply_run(arena *memory, const options *o);
int report_run(arena *memory, const options *o);
int convert_run(arena *memory, const options *o);
int explain_run(arena *memory, const options *o);
int examine_run(arena *memory, const options *o);
int show_run(arena *memory, const options *o);
int compile_run(arena *memory, const options *o);
int bench_run(arena *memory, const options *o);
int doctor_run(arena *memory, const options *o);
int help_run(arena *memory, const options *o);

#endif
