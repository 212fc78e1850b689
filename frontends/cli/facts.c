/* The numbers of a program and its run, gathered for the log. */
#include "frontends/cli/facts.h"

#include <stdlib.h>

#include "frontends/run.h"

enum { FACTS_BUFFERS = 16 };

typedef struct facts_buffer {
    const char *name;
    size_t offset, bytes, number;
} facts_buffer;

static int facts_order(const void *a, const void *b) {
    const facts_buffer *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->number < y->number ? -1 : 1;
}

static json_t *facts_memory(arena *memory, const session *s) {
    VEC(facts_buffer) all = {0};
    facts_buffer found;
    for (size_t i = 0; program_run_place(s->run->code, i, &found.name, &found.offset, &found.bytes);
         i++) {
        found.number = i;
        if (found.bytes)
            vec_push(memory, &all, found);
    }
    if (all.count)
        qsort(all.at, all.count, sizeof *all.at, facts_order);
    json_t *list = json_array();
    for (size_t i = 0; i < all.count && i < FACTS_BUFFERS; i++)
        json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "name", all.at[i].name, "offset",
                                              (json_int_t)all.at[i].offset, "bytes",
                                              (json_int_t)all.at[i].bytes));
    return list;
}

void facts_add(arena *memory, json_t *to, const eddy_params *params, const session *s) {
    eddy_statistics made = eddy_program_statistics(s->program);
    json_int_t weights = 0, bytes = 0;
    eddy_tensor tensor;
    for (int i = 0; eddy_params_at(params, i, &tensor); i++)
        if (tensor.trainable) {
            weights += (json_int_t)tensor.elements;
            bytes += (json_int_t)(tensor.elements * dtype_size((dtype)tensor.dtype));
        }
    json_t *facts =
        json_pack("{s:I, s:I, s:I, s:I, s:i, s:f, s:i, s:o}", "weights", weights, "weight_bytes",
                  bytes, "run_bytes", (json_int_t)eddy_run_bytes(s->run), "object_bytes",
                  (json_int_t)made.object_bytes, "kernels", made.kernels, "compile_milliseconds",
                  made.milliseconds, "threads", eddy_run_thread_count(s->run), "memory",
                  facts_memory(memory, s));
    if (!facts || json_object_update(to, facts) != 0)
        cli_fail(CLI_FAILED, "out of memory");
    json_decref(facts);
}
