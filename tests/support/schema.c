/* A word that is not known here is a fault too: a rule that nobody looks at would be none. */
#include "tests/support/schema.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static char words[300];

static const char *fault(const char *where, const char *what) {
    snprintf(words, sizeof words, "%.120s: %.120s", where, what);
    return words;
}

static bool is_known(const char *word) {
    static const char *const known[] = {
        "$schema", "title", "description", "$defs",      "type",  "const",
        "enum",    "$ref",  "required",    "properties", "items", "additionalProperties"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], word) == 0)
            return true;
    return false;
}

static bool is_type(const json_t *value, const char *type) {
    return (strcmp(type, "object") == 0 && json_is_object(value)) ||
           (strcmp(type, "array") == 0 && json_is_array(value)) ||
           (strcmp(type, "string") == 0 && json_is_string(value)) ||
           (strcmp(type, "integer") == 0 && json_is_integer(value)) ||
           (strcmp(type, "boolean") == 0 && json_is_boolean(value)) ||
           (strcmp(type, "null") == 0 && json_is_null(value));
}

/* One type, or a list of them. */
static bool has_type(const json_t *value, const json_t *types) {
    bool found = json_is_string(types) && is_type(value, json_string_value(types));
    for (size_t i = 0; i < json_array_size(types); i++)
        found |= is_type(value, json_string_value(json_array_get(types, i)));
    return found;
}

static bool is_among(const json_t *value, const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_equal(value, json_array_get(list, i)))
            return true;
    return false;
}

static const char *value_fault(const json_t *root, json_t *schema, json_t *value,
                               const char *where);

static const char *object_fault(const json_t *root, const json_t *schema, json_t *value,
                                const char *where) {
    const json_t *required = json_object_get(schema, "required");
    const json_t *properties = json_object_get(schema, "properties");
    const char *key;
    json_t *member;
    for (size_t i = 0; i < json_array_size(required); i++) {
        key = json_string_value(json_array_get(required, i));
        if (!json_object_get(value, key))
            return fault(where, key);
    }
    json_object_foreach(value, key, member) {
        json_t *own = json_object_get(properties, key);
        if (!own && json_is_false(json_object_get(schema, "additionalProperties")))
            return fault(where, key);
        const char *found = own ? value_fault(root, own, member, key) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

static const char *value_fault(const json_t *root, json_t *schema, json_t *value,
                               const char *where) {
    const char *key, *ref = json_string_value(json_object_get(schema, "$ref")), *found = NULL;
    json_t *word;
    if (ref) {
        schema = json_object_get(json_object_get(root, "$defs"), strrchr(ref, '/') + 1);
        if (!schema)
            return fault(where, ref);
    }
    json_object_foreach(schema, key, word) if (!is_known(key)) return fault(where, key);
    const json_t *types = json_object_get(schema, "type");
    const json_t *single = json_object_get(schema, "const"),
                 *list = json_object_get(schema, "enum");
    if (types && !has_type(value, types))
        return fault(where, "another type");
    if ((single && !json_equal(single, value)) || (list && !is_among(value, list)))
        return fault(where, "another value");
    if (json_is_object(value))
        found = object_fault(root, schema, value, where);
    for (size_t i = 0; !found && i < json_array_size(value) && json_object_get(schema, "items");
         i++)
        found =
            value_fault(root, json_object_get(schema, "items"), json_array_get(value, i), where);
    return found;
}

const char *schema_fault(json_t *schema, json_t *value) {
    return value_fault(schema, schema, value, "all");
}
