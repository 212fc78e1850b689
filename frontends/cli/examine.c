/* `eddy check`: reads a file, and asks its cells what can be asked of any cell.
 *
 * Faults end with status 1: numbers that must agree and do not. Warnings do not: what they say may
 * be meant. */
#include "frontends/cli/examine.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "frontends/capi.h"
#include "frontends/cli/options.h"
#include "frontends/lang/readback.h"

void examine_say(examine *e, examine_verdict verdict, int line, const char *format, ...) {
    static const char *const words[] = {"ok", "FAULT", "warning", "note"};
    static const char *const colours[] = {"\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[2m"};
    va_list list;
    e->faults += verdict == EXAMINE_FAULT;
    e->warnings += verdict == EXAMINE_WARNING;
    printf("  %s%-8s%s", e->colour ? colours[verdict] : "", words[verdict],
           e->colour ? "\x1b[0m" : "");
    if (line && e->cell.path)
        printf("%s:%d: ", e->cell.path, line);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
}

/* A name of the cell itself: "Wf", not that of a cell which it uses, "inner.Wf". */
int examine_line(const examine *e, const char *name) {
    eddy_cell_part part;
    for (int i = 0; e->cell.cells && eddy_cells_part(e->cell.cells, e->cell.number, i, &part);
         i++) {
        size_t length = strlen(part.name);
        bool named = part.role != EDDY_CELL_DIMENSION && part.role != EDDY_CELL_NUMBER;
        if (named && strncmp(part.name, name, length) == 0 &&
            (name[length] == 0 || name[length] == '.'))
            return part.line;
    }
    return 0;
}

int examine_adjoint_line(const examine *e, const char *input) {
    if (!e->cell.cells)
        return 0;
    const syntax_cell *cell = language_cell(e->cell.cells, e->cell.number);
    for (size_t i = 0; i < cell->body.count; i++) {
        const statement *of = &cell->body.at[i];
        if (of->kind == STATEMENT_ADJOINT && (!input || strcmp(of->names.at[0].name, input) == 0))
            return of->line;
    }
    return 0;
}

examine_model examine_build(const examine *e, examine_kind kind) {
    examine_model made = {.m = eddy_model_new(&(eddy_options){.dtype = kind.type})};
    made.b = eddy_batch(made.m, "b");
    made.t =
        kind.ragged ? eddy_time_ragged(made.m, "t", made.b, "lengths") : eddy_time(made.m, "t");
    if (kind.carried)
        eddy_carry(made.m, made.t, 0);
    made.m->surrogates_as = (capi_surrogates)kind.surrogates;
    cell_alone(&e->cell, made.m, made.t, made.b, kind.training);
    cli_check(eddy_model_status(made.m), eddy_model_message(made.m));
    return made;
}

/* ---- mistakes, for editors */

static void examine_print_gcc(const eddy_mistake *at) {
    printf("%s:%d:%d: error: %s [%s]\n", at->file, at->line, at->column, at->message, at->code);
}

static json_t *examine_json(const eddy_mistake *at) {
    return json_pack("{s:s, s:i, s:i, s:i, s:s, s:s, s:s?}", "file", at->file, "line", at->line,
                     "column", at->column, "columns", at->columns, "code", at->code, "message",
                     at->message, "help", at->help);
}

/* The number of mistakes. */
static int examine_mistakes(const eddy_cells *cells, const char *format) {
    eddy_mistake mistake;
    json_t *list = json_array();
    int count = 0;
    for (; eddy_cells_mistake(cells, count, &mistake); count++) {
        if (strcmp(format, "gcc") == 0)
            examine_print_gcc(&mistake);
        json_array_append_new(list, examine_json(&mistake));
    }
    if (strcmp(format, "json") == 0) {
        json_dumpf(list, stdout, JSON_INDENT(1));
        putchar('\n');
    }
    json_decref(list);
    return count;
}

/* Reads the file for an editor: nothing is run. */
static int examine_read(const char *path, const char *format) {
    eddy_cells *cells = NULL;
    eddy_status made = eddy_cells_load(NULL, path, &cells);
    if (made != EDDY_OK && made != EDDY_BAD_FORMAT)
        cli_fail(CLI_FAILED, "%s", eddy_cells_report(cells));
    int count = examine_mistakes(cells, format);
    eddy_cells_free(cells);
    return count ? CLI_FAILED : CLI_DONE;
}

/* ---- cells */

static void examine_cell(arena *memory, const options *o, const char *path, const char *name,
                         int *faults, int *warnings) {
    examine e = {.memory = memory, .colour = cli_has_colour(STDOUT_FILENO)};
    e.cell = cell_open(memory, path, name, options_text(o, "set"));
    printf("%s%s", e.cell.name, e.cell.given_count && path ? " with" : "");
    for (int i = 0; path && i < e.cell.given_count; i++)
        printf(" %s=%g", e.cell.given[i].name, e.cell.given[i].number);
    printf("\n");
    examine_gradients(&e);
    examine_bits(&e);
    examine_reading(&e);
    examine_hazards(&e);
    *faults += e.faults;
    *warnings += e.warnings;
    cell_free(&e.cell);
}

int examine_run(arena *memory, const options *o) {
    const char *path = o->operand_count ? o->operands[0] : NULL, *name = options_text(o, "cell");
    const char *format = options_text(o, "format");
    int faults = 0, warnings = 0, cells = 1;
    if (!path && !name)
        cli_fail(CLI_USAGE,
                 "nothing to check: a FILE, or --cell NAME of the library\nTry 'eddy "
                 "check --help'.");
    if (path && strcmp(format, "text") != 0)
        return examine_read(path, format);
    if (!path || name) {
        examine_cell(memory, o, path, name, &faults, &warnings);
    } else {
        eddy_cells *all = cell_load(path);
        eddy_cell_about about;
        for (cells = 0; eddy_cells_at(all, cells, &about); cells++)
            examine_cell(memory, o, path, arena_copy_text(memory, about.name), &faults, &warnings);
        eddy_cells_free(all);
        if (!cells)
            cli_fail(CLI_FAILED, "%s holds no cell: a cell begins as `cell name(x[D]) -> y {`",
                     path);
    }
    printf("%d cell%s, %d fault%s, %d warning%s\n", cells, cells == 1 ? "" : "s", faults,
           faults == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    return faults ? CLI_FAILED : CLI_DONE;
}
