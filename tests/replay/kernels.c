/* What the kernels of some programs compute, as one line each: ./run replay compares the lines of
 * two commits.
 *
 *   replay_kernels FILE...
 *
 * A file holds a graph, with words before it and perhaps, from a line "becomes" on, behind it. It
 * is compiled up to its nests; each nest is then a program of its own, which runs once on random
 * numbers, whatever would have come before. So a difference stays where it arises. A line has the
 * file, the nest and a hash of all that it stored. Buffers are filled by the order in which the
 * nest names them, not by their numbers or names, which change more often than kernels do. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "jit/program.h"
#include "tests/support/nest_kit.h"

enum { MOST = 1 << 20, TIMES = 5, SAMPLES = 3, BEHIND = 128, SEED = 1 };

static arena memory;

static void extents_of(const graph *g, int64_t *extents) {
    for (int a = 0; a < g->axis_count; a++)
        extents[a] = g->axes[a].extent >= 0 ? g->axes[a].extent
                     : g->axes[a].batch     ? SAMPLES
                                            : TIMES;
}

/* ---- numbers */

static void fill(dtype type, void *to, size_t elements, uint64_t stream) {
    for (size_t i = 0; i < elements; i++) {
        double normal = rng_normal(SEED, stream, i), even = rng_uniform(SEED, stream, i);
        if (type == DTYPE_F32)
            ((float *)to)[i] = (float)normal;
        else if (type == DTYPE_F64)
            ((double *)to)[i] = normal;
        else if (type == DTYPE_I32)
            ((int32_t *)to)[i] = (int32_t)floor(even * 4);
        else
            ((uint8_t *)to)[i] = even < 0.5;
    }
}

static bool is_nan(dtype type, const void *from, size_t i) {
    return (type == DTYPE_F32 && isnan(((const float *)from)[i])) ||
           (type == DTYPE_F64 && isnan(((const double *)from)[i]));
}

/* Every NaN is the same one: its payload is nobody's business. */
static uint64_t hash(uint64_t h, dtype type, const void *from, size_t elements) {
    const uint64_t prime = UINT64_C(0x100000001b3);
    size_t size = dtype_size(type);
    for (size_t i = 0; i < elements; i++)
        for (size_t k = 0; k < size; k++)
            h = (h ^ (is_nan(type, from, i) ? 0x7f : ((const uint8_t *)from)[i * size + k])) *
                prime;
    return h;
}

/* ---- one nest */

static uint64_t run(nest_plan *plan, const nest *of, const int64_t *extents, error *problem) {
    nest solo = *of;
    solo.shared = NULL;
    solo.users = 0;
    nest_plan one = {.memory = &memory, .source = plan->source, .buffers = plan->buffers};
    vec_push(&memory, &one.kernels, &solo);
    nest_item item = {.kernel = &solo}, whole = {.axis = nest_block_axis(plan), .sign = 1};
    whole.block = whole.axis >= 0; /* all steps are one block */
    vec_push(&memory, &whole.items, item);
    vec_push(&memory, &one.items, whole.block ? whole : item);
    void **table = arena_array(&memory, void *, plan->buffers.count + 1);
    bool *stored = arena_array(&memory, bool, plan->buffers.count + 1);
    uint64_t named = 0, h = UINT64_C(0xcbf29ce484222325);
    int64_t held[LIMIT_AXES];
    for (int a = 0; a < LIMIT_AXES; a++)
        held[a] = extents[a] > 0 ? extents[a] : 1; /* what is empty may be read, clamped */
    for (size_t i = 0; i < of->tape.count; i++) {
        const nest_instruction *in = &of->tape.at[i];
        if (!nest_is_access(in))
            continue;
        const nest_buffer *b = &plan->buffers.at[in->which];
        stored[in->which] |= in->op == NEST_STORE;
        if (table[in->which] || b->storage == NEST_CONSTANT)
            continue;
        size_t elements = kit_elements(b, held);
        table[in->which] = arena_take(&memory, elements * dtype_size(b->type) + BEHIND);
        fill(b->type, table[in->which], elements, named++);
    }
    emit_options options = {.prefix = "replay", .instrument = SANITIZE_BUILD};
    emit_object object;
    if (!emit_plan(&one, &options, allocator_default(), &object, problem))
        return 0;
    engine *code = engine_load(&object, "replay", allocator_default(), problem);
    if (code) {
        int64_t context[EMIT_CONTEXT];
        emit_context(context, 0, 1, 1, NULL, NULL);
        for (int a = 0; a < LIMIT_AXES; a++)
            context[a] = extents[a] > 2 ? 2 : 0; /* a step inside of every loop */
        engine_run(code)(table, extents, context);
    }
    for (size_t i = 0; i < plan->buffers.count; i++)
        if (stored[i]) {
            const nest_buffer *b = &plan->buffers.at[i];
            h = hash(h, b->type, table[i], kit_elements(b, extents));
        }
    engine_free(code);
    emit_object_free(&object);
    return h;
}

/* ---- one file */

static bool replay(const char *path, error *problem) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return false;
    }
    char *all = arena_take(&memory, MOST + 1);
    all[fread(all, 1, MOST, file)] = 0;
    fclose(file);
    char *from = strstr(all, "eddy graph"), *end = strstr(all, "\nbecomes\n");
    if (!from)
        return error_set(problem, STATUS_FORMAT, (site){path, 1}, "there is no graph"), false;
    if (end)
        end[1] = 0;
    graph g;
    graph_init(&g, &memory, problem);
    if (!parse_graph(&g, from, strlen(from), path))
        return false;
    nest_plan *plan = pipeline_lower(&g, NULL, &memory, problem);
    int64_t extents[LIMIT_AXES] = {0};
    if (plan)
        extents_of(plan->source, extents);
    const char *slash = strrchr(path, '/');
    for (size_t i = 0; plan && i < plan->kernels.count && problem->code == STATUS_OK; i++) {
        const nest *n = plan->kernels.at[i];
        arena_mark mark = arena_here(&memory);
        printf("%s %s %016llx\n", slash ? slash + 1 : path, n->name,
               (unsigned long long)run(plan, n, extents, problem));
        arena_rewind(&memory, mark);
    }
    return problem->code == STATUS_OK;
}

int main(int count, char **arguments) {
    int failed = count < 2;
    for (int i = 1; i < count; i++) {
        error problem = {.code = STATUS_OK};
        arena_init(&memory, allocator_default(), NULL); /* out of memory: an assert */
        if (!replay(arguments[i], &problem)) {
            fprintf(stderr, "%s: %s\n", arguments[i], problem.message);
            failed = 1;
        }
        arena_free(&memory);
    }
    return failed;
}
