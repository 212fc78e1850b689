/* How a family's file writes the record of an op: const op_info op_record_TANH = {OP_RECORD(TANH),
 * .infer = ..., ...}. Name, family and numbers of arguments come from the op's row in ops.def, so
 * nothing is said twice. */
#ifndef EDDY_OPS_RECORD_H
#define EDDY_OPS_RECORD_H

#include "ops/op.h"

/* Strings cannot be enumeration constants, so names are arrays, defined in table.c. */
#define OP(identifier, mnemonic, least_count, most_count, family_of)                               \
    enum {                                                                                         \
        op_least_##identifier = least_count,                                                       \
        op_most_##identifier = most_count,                                                         \
        op_family_##identifier = OP_FAMILY_##family_of                                             \
    };                                                                                             \
    extern const char op_name_##identifier[];                                                      \
    extern const op_info op_record_##identifier;
#include "ops/ops.def"
#undef OP

#define OP_RECORD(identifier)                                                                      \
    .name = op_name_##identifier, .family = (op_family)op_family_##identifier,                     \
    .least = op_least_##identifier, .most = op_most_##identifier

#endif
