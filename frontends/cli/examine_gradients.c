/* Gradients by three witnesses, in f64: compiled code, the plain evaluator on the graph as the user
 * wrote it, and difference quotients of the compiled values.
 *
 * The loss is the sum of all results, each element with a weight of its own, over all steps and
 * samples, so no wrong element can hide behind another. Each parameter and each input is asked
 * about by itself, along a random direction: the quotient (f(p + e v) - f(p - e v)) / 2e against
 * <gradient, v>. A parameter whose gradient is 0 everywhere, or nothing but what was rounded on the
 * way, learns nothing, and that is said too: rows of a memory that begin alike may stay alike. So
 * may one whose gradient is 0 where it begins: two factors that are 0 wait for each other for ever.
 *
 * Where the cell says that a gradient is a surrogate, quotients are taken of a second model, which
 * has a straight line of that slope in its place (lower_adjoint.c). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/rng.h"
#include "frontends/capi.h"
#include "frontends/cli/examine.h"
#include "graph/graph.h"

static const examine_part gradients_whole = {0, EXAMINE_STEPS, 0, EXAMINE_SAMPLES};
static const double gradients_nudge = 1e-5;

typedef struct gradients {
    examine *e;
    session s, lines;  /* lines: where surrogates are straight lines */
    session *quotient; /* of which of them quotients are taken */
    eddy_params *params;
    int weights, count;  /* trainable parameters, then inputs that are floats */
    const char **names;  /* theirs */
    char (*outputs)[32]; /* their gradients' */
    double largest;      /* element of them all */
    bool *stuck;         /* weights with gradient 0 where they begin, and a step further */
    double worst;        /* relative difference to quotients */
    double evaluated;    /* ... to the evaluator */
    bool seen;           /* ... and it has a finite number in a result */
    int wrong;
    bool finite; /* the loss is */
} gradients;

static const char gradients_point[] = "surrogate "; /* how points of surrogates begin */

static bool gradients_is_point(const char *name) {
    return strncmp(name, gradients_point, sizeof gradients_point - 1) == 0;
}

/* "gradient 0", ...: no result of a cell is called so */
static bool gradients_is_slope(const char *name) {
    return strncmp(name, "gradient ", 9) == 0;
}

/* sum over everything of weight * result, of every result that is a float. */
static eddy_value gradients_loss(const examine_model *of) {
    eddy_model *m = of->m;
    eddy_value loss = NULL;
    size_t count = m->graph.outputs.count, results = 0;
    for (size_t i = 0; i < count; i++) {
        op_node *n = m->graph.outputs.at[i].node;
        if (gradients_is_point(m->graph.outputs.at[i].name) || n->dtype != DTYPE_F64)
            continue;
        char name[48];
        int64_t dimensions[LIMIT_RANK + 1];
        snprintf(name, sizeof name, "weight of %zu", results++);
        for (int k = 0; k < n->shape.rank; k++)
            dimensions[k] = n->shape.dimension[k];
        dimensions[n->shape.rank] = EDDY_SCALAR;
        eddy_value weight = (eddy_input)(m, name, EDDY_F64, n->domain, dimensions, EDDY_HERE);
        eddy_value product = eddy_mul(weight, capi_value(m, n));
        eddy_value sum = eddy_reduce_all(product, EDDY_SUM);
        if (n->domain)
            sum = eddy_total(sum, n->domain);
        loss = loss ? eddy_add(loss, sum) : sum;
    }
    return loss;
}

/* What is asked about: parameters, then inputs of the cell. */
static eddy_value *gradients_subjects(gradients *g, eddy_model *m) {
    arena *memory = g->e->memory;
    VEC(eddy_value) all = {0};
    g->weights = eddy_trainable_count(m);
    for (int i = 0; i < g->weights; i++)
        vec_push(memory, &all, eddy_trainable(m, i));
    for (size_t i = 0; i < m->graph.nodes.count; i++) {
        op_node *n = m->graph.nodes.at[i];
        if (n->op == OP_INPUT && n->dtype == DTYPE_F64)
            vec_push(memory, &all, capi_value(m, n));
    }
    g->count = (int)all.count;
    g->names = arena_array(memory, const char *, g->count + 1);
    g->outputs = arena_take_array(memory, (size_t)g->count + 1, sizeof *g->outputs);
    for (int i = 0; i < g->count; i++)
        g->names[i] = arena_copy_text(memory, all.at[i]->node->attributes.text);
    return all.at;
}

/* Outputs "loss" and "gradient 0", ... */
static void gradients_add(gradients *g, const examine_model *of) {
    eddy_model *m = of->m;
    eddy_value *subjects = gradients_subjects(g, m), loss = gradients_loss(of);
    eddy_value *slopes = arena_array(g->e->memory, eddy_value, g->count + 1);
    eddy_grad(loss, subjects, g->count, slopes);
    eddy_output(m, "loss", loss);
    for (int i = 0; i < g->count; i++) {
        snprintf(g->outputs[i], sizeof g->outputs[i], "gradient %d", i);
        eddy_output(m, g->outputs[i], slopes[i]);
    }
}

static void gradients_set(gradients *g, int i, const double *to, size_t n) {
    if (i < g->weights)
        cli_check(eddy_params_write(g->params, g->names[i], to, n), eddy_params_message(g->params));
    else
        session_input(g->quotient, g->names[i], to, n);
}

static void gradients_get(gradients *g, int i, double *out, size_t n) {
    eddy_slot slot;
    if (i < g->weights) {
        cli_check(eddy_params_read(g->params, g->names[i], out, n), eddy_params_message(g->params));
        return;
    }
    for (int k = 0; eddy_program_slot(g->s.program, EDDY_INPUT, k, &slot); k++)
        if (strcmp(slot.name, g->names[i]) == 0)
            memcpy(out, examine_input(g->e, &slot, &gradients_whole, 1, NULL), n * sizeof *out);
}

static double gradients_value(gradients *g) {
    session_call(g->quotient);
    return session_number(g->quotient, "loss");
}

/* The two differ: at the line of the adjoint, where the cell gives one. */
static void gradients_differ(gradients *g, int i, double inner, double quotient) {
    const char *name = g->names[i];
    int own = examine_adjoint_line(g->e, name), line = own ? own : examine_line(g->e, name);
    g->wrong++;
    if (quotient == 0)
        examine_say(g->e, EXAMINE_FAULT, line,
                    "the gradient by %s is %.6g along a direction in which nothing changes%s", name,
                    inner, own ? "; if that is meant, write `surrogate` for `adjoint`" : "");
    else
        examine_say(g->e, EXAMINE_FAULT, line,
                    "the gradient by %s is %.6g along a direction, and the difference quotient "
                    "%.6g",
                    name, inner, quotient);
}

/* <gradient, v> against the quotient along v. */
static void gradients_direction(gradients *g, int i, const double *slope, double *kept, size_t n,
                                uint64_t direction) {
    double *moved = arena_array(g->e->memory, double, n + 1), inner = 0, length = 0, sides[2];
    for (int side = 0; side < 2; side++) {
        inner = length = 0;
        for (size_t k = 0; k < n; k++) {
            double v = rng_normal(7, direction, k);
            inner += slope[k] * v;
            length += fabs(slope[k] * v);
            moved[k] = kept[k] + (side ? gradients_nudge : -gradients_nudge) * v;
        }
        gradients_set(g, i, moved, n);
        sides[side] = gradients_value(g);
    }
    gradients_set(g, i, kept, n);
    double quotient = (sides[1] - sides[0]) / (2 * gradients_nudge);
    double scale = fabs(inner) + fabs(quotient) + 1e-3 * length + 1e-4 * (1 + fabs(sides[0]));
    double difference = fabs(quotient - inner) / scale;
    if (!(difference <= 1e-5))
        gradients_differ(g, i, inner, quotient);
    else if (difference > g->worst)
        g->worst = difference;
}

/* The largest element; infinity where one is no number. */
static double gradients_size(const double *slope, size_t n) {
    double largest = 0;
    for (size_t k = 0; k < n; k++)
        largest = isfinite(slope[k]) ? fmax(largest, fabs(slope[k])) : INFINITY;
    return largest;
}

static void gradients_sizes(gradients *g) {
    g->largest = 0;
    for (int i = 0; i < g->count; i++) {
        size_t n = eddy_run_elements(g->s.run, g->names[i]);
        double size = n ? gradients_size(eddy_run_read(g->s.run, g->outputs[i]), n) : 0;
        if (isfinite(size))
            g->largest = fmax(g->largest, size);
    }
}

/* Says what never learns. */
static void gradients_learn(gradients *g, int i, const double *slope, size_t n) {
    double size = gradients_size(slope, n);
    int line = examine_line(g->e, g->names[i]);
    if (size == 0)
        examine_say(g->e, EXAMINE_WARNING, line,
                    "the gradient by %s is 0 everywhere: it will never learn", g->names[i]);
    else if (size <= 1e-13 * g->largest)
        examine_say(g->e, EXAMINE_WARNING, line,
                    "the gradient by %s is 0 everywhere but for rounding, %.0e of the largest: it "
                    "will never learn",
                    g->names[i], size / g->largest);
    else if (g->stuck[i])
        examine_say(g->e, EXAMINE_WARNING, line,
                    "the gradient by %s is 0 where it begins, and after a step: what it is "
                    "multiplied with begins at 0 as well",
                    g->names[i]);
}

/* A weight's numbers and its gradient at once; how many. */
static size_t gradients_read(gradients *g, int i, double **at, const double **slope) {
    size_t n = eddy_run_elements(g->s.run, g->names[i]);
    *at = arena_array(g->e->memory, double, n + 1);
    *slope = n ? eddy_run_read(g->s.run, g->outputs[i]) : NULL;
    if (n)
        cli_check(eddy_params_read(g->params, g->names[i], *at, n), eddy_params_message(g->params));
    return n;
}

/* Which weights have no gradient where they begin, nor after a step of all the others. One factor
 * that is 0 moves when the other one is not; so do weights behind it, a step later. */
static void gradients_start(gradients *g) {
    double *at, **before = arena_array(g->e->memory, double *, g->weights + 1);
    const double *slope;
    bool any = false;
    session_call(&g->s);
    gradients_sizes(g);
    for (int i = 0; i < g->weights; i++) {
        size_t n = gradients_read(g, i, &before[i], &slope);
        g->stuck[i] = n && gradients_size(slope, n) <= 1e-13 * g->largest;
        any = any || g->stuck[i];
    }
    for (int i = 0; i < g->weights && any; i++) {
        size_t n = gradients_read(g, i, &at, &slope);
        for (size_t k = 0; k < n; k++)
            at[k] -= 0.01 * slope[k];
        if (n)
            cli_check(eddy_params_write(g->params, g->names[i], at, n),
                      eddy_params_message(g->params));
    }
    if (!any)
        return;
    session_call(&g->s);
    gradients_sizes(g);
    for (int i = 0; i < g->weights; i++) {
        size_t n = gradients_read(g, i, &at, &slope);
        g->stuck[i] = g->stuck[i] && gradients_size(slope, n) <= 1e-13 * g->largest;
        if (n)
            cli_check(eddy_params_write(g->params, g->names[i], before[i], n),
                      eddy_params_message(g->params));
    }
}

static void gradients_of(gradients *g, int i) {
    size_t n = eddy_run_elements(g->s.run, g->names[i]);
    double *slope = arena_array(g->e->memory, double, n + 1);
    double *kept = arena_array(g->e->memory, double, n + 1);
    if (!n) { /* the program does not have it */
        if (i < g->weights)
            examine_say(g->e, EXAMINE_WARNING, examine_line(g->e, g->names[i]),
                        "no result depends on the parameter %s", g->names[i]);
        return;
    }
    session_call(&g->s);
    memcpy(slope, eddy_run_read(g->s.run, g->outputs[i]), n * sizeof(double));
    gradients_get(g, i, kept, n);
    if (i < g->weights)
        gradients_learn(g, i, slope, n);
    int wrong = g->wrong;
    if (i >= g->weights && !session_has(g->quotient, EDDY_INPUT, g->names[i]))
        return;
    for (uint64_t direction = 0; direction < 3 && g->wrong == wrong; direction++)
        gradients_direction(g, i, slope, kept, n, direction);
}

/* ---- the evaluator */

/* Compares what compiled code left in the outputs with the graph, evaluated node by node. */
static void gradients_evaluate(gradients *g, const examine_model *of) {
    examine_values values;
    char why[LIMIT_MESSAGE];
    const examine_look look = {&g->s, g->params, gradients_whole, 1};
    if (!examine_evaluate(g->e, of, &look, &values, why, sizeof why)) {
        examine_say(g->e, EXAMINE_NOTE, 0, "the evaluator: not run: %s", why);
        return;
    }
    const double loss = g->finite ? fabs(session_number(&g->s, "loss")) : 0;
    for (size_t i = 0; i < values.g.outputs.count; i++) {
        const graph_output *out = &values.g.outputs.at[i];
        size_t elements;
        const double *want = eval_value(values.at, out->node, &elements);
        const double *have = eddy_run_read(g->s.run, out->name);
        double largest = 0, difference = 0;
        if (out->node->dtype != DTYPE_F64)
            continue;
        for (size_t k = 0; k < elements; k++) {
            largest = fmax(largest, fabs(want[k]));
            g->seen = g->seen || (isfinite(want[k]) && !gradients_is_slope(out->name));
            if (isnan(want[k]) != isnan(have[k]))
                difference = INFINITY;
            else if (want[k] != have[k])
                difference = fmax(difference, fabs(want[k] - have[k]));
        }
        /* what is far below the loss is rounding */
        bool agree = difference <= 1e-10 * largest + 1e-13 * (1 + loss);
        if (!agree)
            examine_say(g->e, EXAMINE_FAULT, 0,
                        "compiled code and the evaluator disagree about %s by %.2g", out->name,
                        difference);
        if (agree && largest > 1e-6)
            g->evaluated = fmax(g->evaluated, difference / largest);
    }
}

/* Away from where it begins: zeros would hide what they are multiplied with. */
static void gradients_move(gradients *g, int i) {
    size_t n = eddy_run_elements(g->s.run, g->names[i]);
    double *at = arena_array(g->e->memory, double, n + 1);
    if (!n)
        return;
    cli_check(eddy_params_read(g->params, g->names[i], at, n), eddy_params_message(g->params));
    for (size_t k = 0; k < n; k++)
        at[k] += 0.3 * rng_normal(3, rng_stream_of(g->names[i]), k);
    cli_check(eddy_params_write(g->params, g->names[i], at, n), eddy_params_message(g->params));
}

/* ---- surrogates */

/* Says which there are. All straight? */
static bool gradients_surrogates(examine *e, const eddy_model *m) {
    bool straight = true;
    for (size_t i = 0; i < m->surrogates.count; i++) {
        const capi_surrogate *one = &m->surrogates.at[i];
        bool said = false;
        for (size_t k = 0; k < i; k++)
            said = said || strcmp(m->surrogates.at[k].cell, one->cell) == 0;
        straight = straight && one->straight;
        if (said)
            continue;
        int line = strcmp(one->cell, e->cell.name) == 0 ? examine_adjoint_line(e, NULL) : 0;
        examine_say(e, EXAMINE_NOTE, line,
                    one->straight
                        ? "the gradient of %s is a surrogate: quotients are of a line in its place"
                        : "the gradient of %s is a surrogate, and not element by element: it is "
                          "not compared with quotients",
                    one->cell);
    }
    return straight;
}

/* The model with lines in the place of surrogates, through the points of the first one. */
static void gradients_begin_lines(gradients *g) {
    char why[LIMIT_MESSAGE];
    const examine_kind kind = {
        .type = EDDY_F64, .training = true, .surrogates = CAPI_SURROGATES_LINES};
    examine_model lines = examine_build(g->e, kind);
    eddy_output(lines.m, "loss", gradients_loss(&lines));
    if (!examine_begin(&lines, g->params, &g->lines, why, sizeof why))
        cli_fail(CLI_FAILED, "%s", why);
    g->quotient = &g->lines;
}

static void gradients_join_lines(gradients *g) {
    eddy_slot slot;
    examine_fill(g->e, &g->lines, &gradients_whole, 1, NULL);
    session_call(&g->s);
    for (int k = 0; eddy_program_slot(g->lines.program, EDDY_INPUT, k, &slot); k++)
        if (gradients_is_point(slot.name))
            session_input(&g->lines, slot.name, eddy_run_read(g->s.run, slot.name),
                          eddy_run_elements(g->s.run, slot.name));
    cli_check(eddy_run_threads(g->lines.run, 1), eddy_run_message(g->lines.run));
}

void examine_gradients(examine *e) {
    const eddy_options wide = {.dtype = EDDY_F64};
    char why[LIMIT_MESSAGE];
    gradients g = {.e = e, .params = eddy_params_new(&wide, 1)};
    const examine_kind kind = {
        .type = EDDY_F64, .training = true, .surrogates = CAPI_SURROGATES_NOTED};
    examine_model of = examine_build(e, kind), kept = examine_build(e, kind);
    gradients_add(&g, &of);
    gradients_add(&g, &kept);
    bool surrogates = of.m->surrogates.count > 0, straight = gradients_surrogates(e, of.m);
    if (!examine_begin(&of, g.params, &g.s, why, sizeof why))
        cli_fail(CLI_FAILED, "%s", why);
    examine_fill(e, &g.s, &gradients_whole, 1, NULL);
    g.stuck = arena_array(e->memory, bool, g.weights + 1);
    gradients_start(&g);
    for (int i = 0; i < g.weights; i++)
        gradients_move(&g, i);
    g.quotient = &g.s;
    if (surrogates && straight) {
        gradients_begin_lines(&g);
        gradients_join_lines(&g);
    }
    cli_check(eddy_run_threads(g.s.run, 1), eddy_run_message(g.s.run));
    int before = e->faults;
    session_call(&g.s);
    gradients_sizes(&g);
    g.finite = isfinite(session_number(&g.s, "loss"));
    if (!g.finite)
        examine_say(e, EXAMINE_FAULT, 0,
                    "gradients: results are not finite on inputs of the usual size");
    for (int i = 0; i < g.count && straight && g.finite; i++)
        gradients_of(&g, i);
    if (e->faults == before && g.count && straight)
        examine_say(e, EXAMINE_OK, 0,
                    "gradients by %d parameters and inputs: %.0e from difference quotients in f64",
                    g.count, g.worst);
    before = e->faults;
    session_call(&g.s);
    gradients_evaluate(&g, &kept);
    if (e->faults == before && !g.seen)
        examine_say(e, EXAMINE_NOTE, 0,
                    "compiled code: not compared, since no result is a finite number");
    else if (e->faults == before)
        examine_say(e, EXAMINE_OK, 0, "compiled code: %.0e from the plain evaluator in f64",
                    g.evaluated);
    eddy_model_free(kept.m);
    if (g.quotient == &g.lines)
        session_end(&g.lines);
    session_end(&g.s);
    eddy_params_free(g.params);
}
