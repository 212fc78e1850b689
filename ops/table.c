/* The table of ops, collected from ops.def and the families' records, and the questions about a
 * node that depend on its op alone.
 *
 * A record is a constant of its family's file; the table holds pointers to them in the order of
 * ops.def. An op without a record does not link, which is the check that none was forgotten. */
#include <assert.h>
#include <string.h>

#include "ops/record.h"

#define OP(identifier, mnemonic, least_count, most_count, family_of)                               \
    const char op_name_##identifier[] = mnemonic;
#include "ops/ops.def"
#undef OP

static const op_info *const table[OP_COUNT] = {
#define OP(identifier, mnemonic, least_count, most_count, family_of) &op_record_##identifier,
#include "ops/ops.def"
#undef OP
};

const op_info *op_get(op_id op) {
    assert((unsigned)op < OP_COUNT);
    return table[op];
}

op_id op_from_name(const char *name) {
    for (int op = 0; op < OP_COUNT; op++)
        if (strcmp(table[op]->name, name) == 0)
            return (op_id)op;
    return OP_COUNT;
}

const char *op_kind_name(op_kind kind) {
    static const char *const names[OP_KIND_COUNT] = {"sum", "max", "lse", "argmax"};
    assert((unsigned)kind < OP_KIND_COUNT);
    return names[kind];
}

void op_attributes_init(op_attributes *a) {
    /* Bytes, not members: records are compared and hashed with their padding. */
    memset(a, 0, sizeof *a);
    a->axis = -1;
    a->outermost = -1;
}

int op_live_count(const op_node *n) {
    return n->op == OP_CUSTOM ? 1 : n->count;
}

bool op_collapses(const op_node *n, int i, int axis) {
    switch ((op_id)n->op) {
    case OP_TOTAL:
    case OP_CONTRACT:
    case OP_SCATTER:
    case OP_PUT:
        return (n->attributes.over & n->arguments[i]->domain) >> axis & 1;
    case OP_AT:
    case OP_STACK:
        return i == 0 && n->attributes.axis == axis;
    case OP_GRADIENT:
        return true;
    default:
        return false;
    }
}
