/* Reading a command line by the table. getopt_long finds the options; what they may be, what their
 * values may be and what is wrong is said here, so that all mistakes read alike. */
#include "frontends/cli/options.h"

#include <assert.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_FIRST = 256 /* what getopt returns for row 0: above all letters */ };

const option_row *options_row(const command_row *command, int i) {
    int own = 0;
    while (command->rows[own].name)
        own++;
    if (i < own)
        return &command->rows[i];
    return common_options[i - own].name ? &common_options[i - own] : NULL;
}

static int options_find(const command_row *command, const char *name) {
    const option_row *row;
    for (int i = 0; (row = options_row(command, i)); i++)
        if (strcmp(row->name, name) == 0)
            return i;
    return -1;
}

_Noreturn static void options_fail(const command_row *command, const char *message) {
    cli_fail(CLI_USAGE, "%s\nTry 'eddy %s --help'.", message, command->name);
}

/* An option that is not in the table, as the user wrote it. */
_Noreturn static void options_unknown(const command_row *command, const char *given) {
    const char *names[OPTIONS_MOST];
    const option_row *row;
    char message[512], word[64];
    int count = 0;
    for (; (row = options_row(command, count)); count++)
        names[count] = row->name;
    snprintf(word, sizeof word, "%.*s", (int)strcspn(given, "="), given);
    const char *near = given[1] == '-' ? suggest_nearest(word + 2, names, count) : NULL;
    snprintf(message, sizeof message, "%s has no option '%.100s'%s%s%s", command->name, word,
             near ? "; did you mean '--" : "", near ? near : "", near ? "'?" : "");
    options_fail(command, message);
}

/* Is this one of "a|b|c"? */
static bool options_chosen(const char *choices, const char *value) {
    size_t length = strlen(value);
    for (const char *at = choices; *at;) {
        size_t here = strcspn(at, "|");
        if (here == length && strncmp(at, value, length) == 0)
            return true;
        at += here + (at[here] == '|');
    }
    return false;
}

static void options_check(const command_row *command, const option_row *row, const char *value) {
    char message[512] = "";
    size_t length = strlen(value);
    int64_t integer = 0;
    double real = 0;
    if (row->kind == OPTION_INTEGER &&
        (text_read_i64(value, length, &integer) != length || length == 0 ||
         (double)integer < row->low || (double)integer > row->high))
        snprintf(message, sizeof message,
                 "--%s takes a whole number from %.0f to %.0f, not '%.100s'", row->name, row->low,
                 row->high, value);
    if (row->kind == OPTION_REAL && (text_read_f64(value, length, &real) != length || length == 0 ||
                                     !(real >= row->low && real <= row->high)))
        snprintf(message, sizeof message, "--%s takes a number from %g to %g, not '%.100s'",
                 row->name, row->low, row->high, value);
    if (row->kind == OPTION_CHOICE && !options_chosen(row->argument, value))
        snprintf(message, sizeof message, "--%s takes one of %s, not '%.100s'", row->name,
                 row->argument, value);
    if (message[0])
        options_fail(command, message);
}

/* The table as getopt wants it. */
static void options_prepare(const command_row *command, struct option *longs, char *shorts) {
    const option_row *row;
    int i = 0;
    *shorts++ = ':';
    for (; (row = options_row(command, i)); i++) {
        assert(i < OPTIONS_MOST);
        longs[i] = (struct option){row->name, row->argument ? required_argument : no_argument, NULL,
                                   OPTIONS_FIRST + i};
        if (row->letter) {
            *shorts++ = row->letter;
            if (row->argument)
                *shorts++ = ':';
        }
    }
    longs[i] = (struct option){NULL, 0, NULL, 0};
    *shorts = 0;
}

static int options_by_letter(const command_row *command, int letter) {
    const option_row *row;
    for (int i = 0; (row = options_row(command, i)); i++)
        if (row->letter == letter)
            return i;
    return -1;
}

static void options_take(options *o, int i, const char *value) {
    const option_row *row = options_row(o->command, i);
    if (row->argument)
        options_check(o->command, row, value);
    o->values[i] = row->argument ? value : "yes";
}

void options_read(options *o, const command_row *command, int count, char **arguments) {
    struct option longs[OPTIONS_MOST + 1];
    char shorts[2 * OPTIONS_MOST + 2], message[512];
    *o = (options){.command = command};
    options_prepare(command, longs, shorts);
    opterr = 0;
    for (int found; (found = getopt_long(count, arguments, shorts, longs, NULL)) != -1;) {
        if (found == '?' || found == ':') {
            const char *given = arguments[optind - 1];
            int known = optopt >= OPTIONS_FIRST ? optopt - OPTIONS_FIRST : -1;
            if (found == ':') {
                snprintf(message, sizeof message, "'%.100s' needs a value", given);
                options_fail(command, message);
            }
            if (known >= 0) {
                snprintf(message, sizeof message, "'--%s' takes no value",
                         options_row(command, known)->name);
                options_fail(command, message);
            }
            char letter[3] = {'-', (char)optopt, 0};
            options_unknown(command, optopt ? letter : given);
        }
        options_take(
            o, found >= OPTIONS_FIRST ? found - OPTIONS_FIRST : options_by_letter(command, found),
            optarg);
    }
    if (options_given(o, "help"))
        return;
    for (int i = optind; i < count; i++) {
        if (o->operand_count == command->most || o->operand_count == OPTIONS_OPERANDS) {
            snprintf(message, sizeof message, "%s does not know what to do with '%.100s'",
                     command->name, arguments[i]);
            options_fail(command, message);
        }
        o->operands[o->operand_count++] = arguments[i];
    }
    if (o->operand_count < command->least) {
        snprintf(message, sizeof message, "something is missing: eddy %s %s", command->name,
                 command->usage);
        options_fail(command, message);
    }
}

bool options_given(const options *o, const char *name) {
    int i = options_find(o->command, name);
    assert(i >= 0);
    return o->values[i] != NULL;
}

const char *options_text(const options *o, const char *name) {
    int i = options_find(o->command, name);
    assert(i >= 0);
    return o->values[i] ? o->values[i] : options_row(o->command, i)->otherwise;
}

int64_t options_integer(const options *o, const char *name) {
    const char *value = options_text(o, name);
    int64_t number = 0;
    if (value)
        text_read_i64(value, strlen(value), &number);
    return number;
}

double options_real(const options *o, const char *name) {
    const char *value = options_text(o, name);
    double number = 0;
    if (value)
        text_read_f64(value, strlen(value), &number);
    return number;
}
