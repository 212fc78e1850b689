/* Names and brackets, for both ways to print a cell.
 *
 * A name in the equation of a gate may stand for a member of a family, and which one depends on
 * what was declared before: so the list of names grows and shrinks as the statements go by. */
#include "frontends/lang/readback.h"

#include <string.h>

const readback_name *readback_find(const readback *r, const char *name) {
    for (size_t i = r->names.count; i > 0; i--)
        if (strcmp(r->names.at[i - 1].name, name) == 0)
            return &r->names.at[i - 1];
    return NULL;
}

const readback_name *readback_resolve(const readback *r, const char *name) {
    const readback_name *found = readback_find(r, name);
    if (!r->member || (found && !found->family))
        return found;
    const readback_name *member =
        readback_find(r, arena_print(r->out->memory, "%s%s", name, r->member));
    return member ? member : found;
}

static void readback_add(readback *r, readback_name made) {
    vec_push(r->out->memory, &r->names, made);
}

void readback_open(readback *r, const syntax_cell *c, text *out) {
    *r = (readback){.cell = c, .out = out};
    for (size_t i = 0; i < c->dimensions.count; i++)
        readback_add(r, (readback_name){.name = c->dimensions.at[i].name});
    for (size_t i = 0; i < c->header.count; i++) {
        const declared *d = &c->header.at[i];
        bool number = d->rank == 0 && d->value && !d->over;
        readback_add(
            r, (readback_name){.name = d->name, .rank = d->rank, .varies = !number && !d->over});
    }
    readback_add(r, (readback_name){.name = "t", .varies = true});
    readback_add(r, (readback_name){.name = "train"});
    readback_add(r, (readback_name){.name = "pi"});
}

void readback_declare(readback *r, const statement *of) {
    bool state = of->kind == STATEMENT_STATE;
    for (size_t i = 0; i < of->names.count; i++) {
        const declared *d = &of->names.at[i];
        readback_add(r, (readback_name){.name = d->name,
                                        .family = d->member_count > 0,
                                        .varies = state,
                                        .state = state,
                                        .rank = d->rank});
        for (int k = 0; k < d->member_count; k++)
            readback_add(r, (readback_name){.name = d->members[k],
                                            .base = d->name,
                                            .member = d->members[k] + strlen(d->name),
                                            .rank = d->rank});
    }
}

int readback_level(const syntax *e) {
    if (e->kind == SYNTAX_UNARY)
        return e->op == TOKEN_NOT ? 3 : 7;
    return e->kind == SYNTAX_BINARY ? parser_level(e->op) : 10;
}

bool readback_brackets(const syntax *of, const syntax *part) {
    int own = readback_level(of), level = readback_level(part);
    bool right = of->kind == SYNTAX_BINARY && part == of->parts[1];
    if (of->kind == SYNTAX_UNARY)
        return level < (of->op == TOKEN_NOT ? 4 : 8);
    if (right && part->kind == SYNTAX_UNARY) /* which would take what follows */
        return true;
    return level < own || (level == own && (right || own == 4));
}

const char *readback_source(const readback *r, span where, int *bytes) {
    *bytes = (int)where.bytes;
    return r->cell->from->at + where.at;
}

void readback_places(readback *r, const syntax *index, void (*write)(readback *, const syntax *)) {
    for (int i = 1; i < index->count; i++) {
        const syntax *item = index->parts[i];
        text_add(r->out, "%s", i > 1 ? ", " : "");
        if (item->kind != SYNTAX_RANGE) {
            write(r, item);
            continue;
        }
        if (item->parts[0])
            write(r, item->parts[0]);
        text_add(r->out, ":");
        if (item->parts[1])
            write(r, item->parts[1]);
    }
}
