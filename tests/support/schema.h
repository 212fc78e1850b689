/* Is a JSON value what a JSON schema says it is? Of the language of schemas, the words that ours
 * use: type, const, enum, required, properties, additionalProperties: false, items, and $ref into
 * $defs. */
#ifndef EDDY_TESTS_SUPPORT_SCHEMA_H
#define EDDY_TESTS_SUPPORT_SCHEMA_H

#include <jansson.h>

/* NULL: it is. Else what is wrong; until the next call. */
const char *schema_fault(json_t *schema, json_t *value);

#endif
