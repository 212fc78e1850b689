/* A state that is read too late: behind the line that gives its new value, an equation that reads
 * the old one and not the new one. Papers write h_t = o_t tanh(c_t); who forgets the prime of c'
 * gets a cell that runs, has right gradients, and is another one. */
#include "frontends/cli/examine.h"
#include "frontends/lang/readback.h"

#include <string.h>

/* Does an expression read a state before the step, or after it? As deep as an expression may be. */
static bool reading_of(const syntax *e, const char *state, syntax_kind kind) {
    bool found = e->kind == kind && strcmp(e->text, state) == 0;
    /* h[t-2] says which one it means */
    bool tap = e->kind == SYNTAX_INDEX && e->parts[0]->kind == SYNTAX_NAME;
    for (int i = tap ? 1 : 0; i < e->count && !found; i++)
        found = e->parts[i] && reading_of(e->parts[i], state, kind);
    return found || (e->otherwise && reading_of(e->otherwise, state, kind));
}

static void reading_behind(examine *e, const statement_list *lines, size_t given,
                           const char *state) {
    for (size_t i = given + 1; i < lines->count; i++) {
        const statement *of = &lines->at[i];
        if (of->kind == STATEMENT_EQUATION && reading_of(of->value, state, SYNTAX_NAME) &&
            !reading_of(of->value, state, SYNTAX_NEW))
            examine_say(e, EXAMINE_WARNING, of->line,
                        "reads %s, the value before the step, behind line %d, which gives %s'",
                        state, lines->at[given].line, state);
    }
}

void examine_reading(examine *e) {
    if (!e->cell.cells)
        return;
    const syntax_cell *cell = language_cell(e->cell.cells, e->cell.number);
    for (size_t i = 0; i < cell->body.count; i++) {
        const statement *of = &cell->body.at[i];
        for (size_t k = 0; of->kind == STATEMENT_EQUATION && k < of->names.count; k++)
            if (of->names.at[k].primed)
                reading_behind(e, &cell->body, i, of->names.at[k].name);
    }
}
