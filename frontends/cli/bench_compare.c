/* Do a peer and we compute the same?
 *
 * Both have the same weights and inputs. Of each tensor, the norm of the difference over that of
 * ours; of these the largest. Single elements may differ: where a function has a kink, and a sum of
 * another order falls on its other side. Some gradients are 0 but for rounding (that of a bias that
 * a normaliser takes out again), so a tensor whose numbers are less than a thousandth of others of
 * its kind is held against that thousandth.
 *
 * A cell that is unstable on these inputs has no digits that all could agree on: its f64 is as far
 * from each of us as we are from each other. So ours is called once more with every weight and
 * input moved to the number beside it, and what that changes is allowed, some times over. A tensor
 * that is no larger than that (all gradients of reflections: they keep the length that the loss
 * asks for) is rounding alone, and has no share that differs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/rng.h"
#include "frontends/cli/bench.h"
#include "frontends/params.h"

typedef struct compare_tensor {
    const char *name; /* "output h", "gradient W" */
    const char *slot;
    double size, difference, rounding; /* the roots of the means of squares */
} compare_tensor;

typedef VEC(compare_tensor) compare_list;

/* ---- what the peer is given */

static void compare_give(eddy_params *to, const char *name, dtype type, const op_shape *shape,
                         const void *values) {
    params_tensor *made = params_add(to, name, type, shape, false);
    cli_check(eddy_params_status(to), eddy_params_message(to));
    memcpy(made->data, values, made->bytes);
}

static void compare_input(const bench *of, session *s, const bench_input *x, eddy_params *to) {
    op_shape shape = {.rank = x->slot.axis_count + x->slot.rank};
    if (shape.rank > LIMIT_RANK)
        cli_fail(CLI_FAILED, "the input %s has more than %d axes and dimensions", x->slot.name,
                 LIMIT_RANK);
    for (int i = 0; i < shape.rank; i++)
        shape.dimension[i] = i < x->slot.axis_count ? eddy_run_extent(s->run, x->slot.axes[i])
                                                    : x->slot.dimensions[i - x->slot.axis_count];
    compare_give(to, arena_print(of->memory, "input %s", x->slot.name), (dtype)x->slot.dtype,
                 &shape, x->values);
}

static void compare_write(bench *of, const peer *p, session *s, eddy_params *params) {
    eddy_params *given = eddy_params_new(NULL, 0);
    eddy_tensor tensor;
    for (int i = 0; eddy_params_at(params, i, &tensor); i++) {
        op_shape shape = op_shape_make(tensor.rank, tensor.dimensions);
        const char *kind = tensor.trainable ? "param" : "fixed";
        compare_give(given, arena_print(of->memory, "%s %s", kind, tensor.name),
                     (dtype)tensor.dtype, &shape, tensor.data);
    }
    for (size_t i = 0; i < of->inputs.count; i++)
        compare_input(of, s, &of->inputs.at[i], given);
    cli_check(eddy_params_save(given, cli_path(of->memory, p->folder, "given.npz")),
              eddy_params_message(given));
    eddy_params_free(given);
}

/* The program of the peer, and the line that begins it; false with the refusal. */
static bool compare_module(bench *of, const peer *p, bool training, text *line,
                           const char **refusal) {
    eddy_model *m = bench_cell(of, training);
    const python_source what = {
        .title = cell_title(&of->cell, of->memory), .model = m, .values = !training};
    text module;
    python_names inputs = {0};
    text_init(&module, of->memory);
    const char *problem = python_write(&what, p->way, &module, &inputs);
    if (problem)
        *refusal = arena_print(of->memory, "not run: %s", problem);
    else
        cli_write_file(cli_path(of->memory, p->folder, "module.py"), module.at, module.count);
    text_add(line, "begin %s ", training ? "training" : "forward");
    for (size_t i = 0; i < inputs.count; i++)
        text_add(line, "%s%s", i ? "," : "", inputs.at[i]);
    for (size_t i = 0; i < m->graph.outputs.count; i++)
        text_add(line, "%s%s", i ? "," : " ", m->graph.outputs.at[i].name);
    eddy_model_free(m);
    return !problem;
}

/* ---- what it found */

static double compare_number(const eddy_slot *slot, const void *at, size_t i) {
    switch (slot->dtype) {
    case EDDY_F32:
        return (double)((const float *)at)[i];
    case EDDY_F64:
        return ((const double *)at)[i];
    case EDDY_I32:
        return ((const int32_t *)at)[i];
    default:
        return ((const uint8_t *)at)[i];
    }
}

/* false: the peer has it not, or in another size. */
static bool compare_one(session *s, const eddy_slot *slot, const eddy_params *found,
                        compare_tensor *out) {
    const params_tensor *theirs = params_find(found, out->name);
    size_t elements = eddy_run_elements(s->run, slot->name);
    const void *ours = eddy_run_read(s->run, slot->name);
    double size = 0, difference = 0;
    if (!theirs || theirs->type != DTYPE_F32 || theirs->elements != elements)
        return false;
    for (size_t i = 0; i < elements; i++) {
        double x = compare_number(slot, ours, i), off = (double)((float *)theirs->data)[i] - x;
        size += x * x;
        difference += off * off;
    }
    out->size = sqrt(size / (double)(elements ? elements : 1));
    out->difference = sqrt(difference / (double)(elements ? elements : 1));
    return true;
}

/* ---- what rounding does */

/* The numbers beside these, above or below. */
static float *compare_beside(arena *memory, const float *from, size_t count, const char *name) {
    float *to = arena_array(memory, float, count + 1);
    uint64_t stream = rng_stream_of(name);
    for (size_t i = 0; i < count; i++)
        to[i] = nextafterf(from[i], rng_uniform(2, stream, i) < 0.5 ? -INFINITY : INFINITY);
    return to;
}

/* Moves weights and inputs of f32, or back: `kept` is theirs before, in order. */
static void compare_move(bench *of, session *s, eddy_params *params, const float **kept,
                         bool back) {
    eddy_tensor tensor;
    int at = 0;
    for (int i = 0; eddy_params_at(params, i, &tensor); i++) {
        if (tensor.dtype != EDDY_F32)
            continue;
        if (!back)
            kept[at] = memcpy(arena_array(of->memory, float, tensor.elements + 1), tensor.data,
                              tensor.elements * sizeof(float));
        const float *to =
            back ? kept[at] : compare_beside(of->memory, kept[at], tensor.elements, tensor.name);
        cli_check(eddy_params_write(params, tensor.name, to, tensor.elements),
                  eddy_params_message(params));
        at++;
    }
    for (size_t i = 0; i < of->inputs.count; i++) {
        bench_input *x = &of->inputs.at[i];
        size_t elements = eddy_run_elements(s->run, x->slot.name);
        if (x->slot.dtype != EDDY_F32 || (x->slot.axis_count == 0 && x->slot.rank == 0))
            continue;
        if (!back)
            kept[at] = memcpy(arena_array(of->memory, float, elements + 1), x->values,
                              elements * sizeof(float));
        const float *to =
            back ? kept[at] : compare_beside(of->memory, kept[at], elements, x->slot.name);
        memcpy(x->values, to, elements * sizeof(float));
        at++;
    }
    session_call(s);
}

static double *compare_numbers(const bench *of, session *s, const compare_tensor *t) {
    eddy_slot slot;
    int i = 0;
    while (eddy_program_slot(s->program, EDDY_OUTPUT, i, &slot) && strcmp(slot.name, t->slot) != 0)
        i++;
    size_t elements = eddy_run_elements(s->run, slot.name);
    double *to = arena_array(of->memory, double, elements + 1);
    const void *from = eddy_run_read(s->run, slot.name);
    for (size_t k = 0; k < elements; k++)
        to[k] = compare_number(&slot, from, k);
    return to;
}

static void compare_rounding(bench *of, session *s, eddy_params *params, compare_list *list) {
    const float **kept = arena_array(of->memory, const float *,
                                     (size_t)eddy_params_count(params) + of->inputs.count + 1);
    double **ours = arena_array(of->memory, double *, list->count + 1);
    for (size_t i = 0; i < list->count; i++)
        ours[i] = compare_numbers(of, s, &list->at[i]);
    compare_move(of, s, params, kept, false);
    for (size_t i = 0; i < list->count; i++) {
        const double *moved = compare_numbers(of, s, &list->at[i]);
        size_t elements = eddy_run_elements(s->run, list->at[i].slot);
        double sum = 0;
        for (size_t k = 0; k < elements; k++)
            sum += (moved[k] - ours[i][k]) * (moved[k] - ours[i][k]);
        list->at[i].rounding = sqrt(sum / (double)(elements ? elements : 1));
    }
    compare_move(of, s, params, kept, true);
}

/* The largest of those whose names begin with the same letter. */
static double compare_largest(const compare_list *list, char kind) {
    double largest = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].name[0] == kind)
            largest = fmax(largest, list->at[i].size);
    return largest;
}

static void compare_worst(const compare_list *list, bench_compared *out) {
    out->worst = "nothing";
    out->allowed = BENCH_BOUND;
    for (size_t i = 0; i < list->count; i++) {
        const compare_tensor *t = &list->at[i];
        double noise = BENCH_ROUNDINGS * t->rounding;
        double least = fmax(t->size, 1e-3 * compare_largest(list, t->name[0]));
        double share = t->difference / fmax(least, 1e-30);
        double allowed = fmax(BENCH_BOUND, noise / fmax(least, 1e-30));
        if (!isfinite(t->size)) {
            out->worst = NULL;
            return;
        }
        if (t->size <= noise && t->difference <= noise)
            continue;
        if (!(share / allowed <= out->difference / out->allowed)) {
            out->worst = t->name;
            out->difference = share;
            out->allowed = allowed;
        }
        if (!isfinite(share))
            return;
    }
}

static bool compare_found(bench *of, const peer *p, session *s, eddy_params *params,
                          bench_compared *out) {
    eddy_params *found = eddy_params_new(NULL, 0);
    compare_list list = {0};
    eddy_slot slot;
    bool good = true;
    if (eddy_params_load(found, cli_path(of->memory, p->folder, "found.npz")) != EDDY_OK) {
        out->refusal = "it left no results that can be read";
        good = false;
    }
    for (int i = 0; good && eddy_program_slot(s->program, EDDY_OUTPUT, i, &slot); i++) {
        bool result = !strchr(slot.name, ' ');
        const char *called = arena_copy_text(of->memory, slot.name);
        compare_tensor t = {.name =
                                arena_print(of->memory, "%s%s", result ? "output " : "", called),
                            .slot = called};
        good = compare_one(s, &slot, found, &t);
        if (good)
            vec_push(of->memory, &list, t);
        else
            out->refusal = arena_print(of->memory, "it has no %s of our size", t.name);
    }
    eddy_params_free(found);
    compare_rounding(of, s, params, &list);
    compare_worst(&list, out);
    return good;
}

bench_compared bench_compare(bench *of, peer *p, session *s, eddy_params *params, bool training) {
    bench_compared out = {0};
    text line;
    text_init(&line, of->memory);
    if (!p->folder) {
        out.refusal = p->refusal;
        return out;
    }
    if (!compare_module(of, p, training, &line, &out.refusal))
        return out;
    compare_write(of, p, s, params);
    if (!peer_ask(p, PEER_PATIENCE, line.at)) {
        out.refusal = p->refusal;
        of->wrong = true;
        return out;
    }
    out.runs = compare_found(of, p, s, params, &out);
    of->wrong |= !out.runs || (out.worst && !(out.difference <= out.allowed));
    return out;
}
