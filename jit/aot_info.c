/* What an object says of itself: who made it, which processor it needs, and two checksums.
 *
 * It is data and no function, because the question whether this processor runs the object must not
 * be asked by code of the object; and it has no pointers, which would have to be relocated and so
 * could be written to.
 *
 * `interface` is a hash of all that a caller is compiled with: members, their types and places, the
 * order of extents, the bytes of what is prepared. A header and an object that were made apart
 * differ in it, if they differ in anything that matters. */
#include <string.h>

#include "core/hash.h"
#include "jit/aot_internal.h"

/* At most so many bytes that a 0 follows. */
static void copy_word(char *to, size_t room, const char *from) {
    size_t count = strlen(from);
    memcpy(to, from, count < room ? count : room - 1);
}

static void add_struct(const aot *a, aot_group group, text *out) {
    const aot_struct *s = &a->groups[group];
    text_add(out, "%s %zu\n", aot_group_name(group), s->bytes);
    for (size_t i = 0; i < s->fields.count; i++) {
        const aot_field *f = &s->fields.at[i];
        if (f->empty)
            continue;
        text_add(out, "%s %s%s %zu ", f->identifier, aot_c_type(f->type), f->pointer ? "*" : "",
                 f->offset);
        aot_dimensions(a, f, out);
        text_add(out, "\n");
    }
}

static void add_program(const aot *a, text *out) {
    int order[LIMIT_AXES];
    int count = graph_axis_order(a->plan->source, aot_run_time_axes(a), order);
    for (int i = 0; i < count; i++)
        text_add(out, "%s ", a->axis[order[i]]);
    text_add(out, "alignment %d step %d prepared %zu\n", PLAN_ALIGNMENT, a->step_axis,
             a->keeps ? a->prepared_bytes : 0);
    for (int k = 0; k < AOT_GROUPS; k++) {
        add_struct(a, (aot_group)k, out);
        text_add(out, "taken %d\n", a->groups[k].taken > 0);
    }
}

static uint64_t interface_of(const aot *a) {
    text words;
    text_init(&words, a->memory);
    for (; a; a = a->next)
        add_program(a, &words);
    return hash_bytes(words.at, words.count);
}

const char *aot_info_words(const aot *a, aot_group group) {
    text words;
    text_init(&words, a->memory);
    add_struct(a, group, &words);
    return words.at;
}

uint64_t aot_info_layout(const aot *a, aot_group group) {
    const char *words = aot_info_words(a, group);
    return hash_bytes(words, strlen(words));
}

void aot_info(aot *a) {
    a->info = (aot_information){.interface = interface_of(a)};
    copy_word(a->info.producer, sizeof a->info.producer, a->request->producer);
    copy_word(a->info.cpu, sizeof a->info.cpu, machine_level(a->target));
    if (a->weights)
        a->info.weights = hash_bytes(a->weights, a->groups[AOT_PARAMETERS].bytes);
}
