/* The values of parameters: part of the object, or a file of their own that callers read or map, so
 * that one object serves any number of them.
 *
 * A file is a head of 64 bytes and the struct of parameters, as the object has it in memory. The
 * head's checksum is of all that follows it, the rest of the head included, so whatever was changed
 * or cut is found; `layout` tells weights of another model. */
#include <assert.h>
#include <string.h>

#include "core/hash.h"
#include "jit/aot_internal.h"

static char *values_of(const aot *a) {
    const aot_struct *group = &a->groups[AOT_PARAMETERS];
    char *bytes = arena_take(a->memory, group->bytes);
    for (size_t i = 0; i < group->fields.count; i++) {
        const aot_field *field = &group->fields.at[i];
        if (!field->empty)
            memcpy(bytes + field->offset, field->weights, field->bytes);
    }
    return bytes;
}

static void add_file(aot *a, const char *values) {
    aot_head head = a->head;
    enum { SUMMED = offsetof(aot_head, layout) };
    static_assert(sizeof head == PLAN_ALIGNMENT, "the struct behind the head is aligned");
    text_init(&a->file, a->memory);
    text_add_bytes(&a->file, (const char *)&head, sizeof head);
    text_add_bytes(&a->file, values, a->groups[AOT_PARAMETERS].bytes);
    head.sum = hash_bytes(a->file.at + SUMMED, a->file.count - SUMMED);
    memcpy(a->file.at, &head, sizeof head);
}

void aot_weights(aot *a) {
    const aot_struct *group = &a->groups[AOT_PARAMETERS];
    a->head = (aot_head){.magic = "eddy-w1", .layout = aot_info_layout(a, AOT_PARAMETERS)};
    a->head.bytes = group->bytes;
    if (group->members == 0 || !a->request->weights)
        return;
    char *values = values_of(a);
    if (a->request->apart)
        add_file(a, values);
    else
        a->weights = values;
}
