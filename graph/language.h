/* The words of printed graphs: which attributes an op has, and which of them its printed type
 * already says. Printer and parser read one table, so neither can know an attribute that the other
 * does not. */
#ifndef EDDY_GRAPH_LANGUAGE_H
#define EDDY_GRAPH_LANGUAGE_H

#include "ops/op.h"

typedef enum language_field {
    LANGUAGE_TEXT, /* "name" before the arguments; spec="..." of a contract */
    LANGUAGE_DATA, /* numbers before the attributes */
    LANGUAGE_AXIS,
    LANGUAGE_DISTANCE,
    LANGUAGE_DIMENSION,
    LANGUAGE_KIND,
    LANGUAGE_OVER,
    LANGUAGE_OUTERMOST,
    LANGUAGE_REVERSE,
    LANGUAGE_RESUMES,
    LANGUAGE_XS,
    LANGUAGE_LOW,
    LANGUAGE_SIZE,
    LANGUAGE_STREAM,
    LANGUAGE_SHAPE,
    LANGUAGE_DOMAIN,
    LANGUAGE_DTYPE,
    LANGUAGE_PERMUTATION,
    LANGUAGE_FIELD_COUNT
} language_field;

/* First line of every printed graph. */
#define LANGUAGE_HEADER "eddy graph 1"

/* "axis", "distance", ... */
const char *language_field_name(language_field field);
/* The set of attributes that this op may have. */
uint32_t language_fields(op_id op);
/* Those that equal a part of the node's type and are left out when they do. */
uint32_t language_implied(op_id op);
/* The number that an implied or numeric field of n's type stands for: sets the fields of *a in
 * `fields` from the type. */
void language_from_type(op_id op, uint32_t fields, dtype t, uint32_t domain, const op_shape *shape,
                        op_attributes *a);

#endif
