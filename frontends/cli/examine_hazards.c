/* What is right and yet will not work: values and gradients that overflow, gates that are shut from
 * the start, states that forget at once.
 *
 * Inputs a hundred times as large as usual come before long in training. What then is not finite is
 * traced by the evaluator to the first line whose own operands still were. Gradients may not be
 * where values are: that of sqrt(1 - f^2) where f has been rounded to 1. Memory is asked as a
 * derivative: what the results at the last step owe to each state, step by step back. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "frontends/capi.h"
#include "frontends/cli/examine.h"

enum { HAZARDS_BACK = 32 };

/* ---- values */

static const char hazards_large[] = "when inputs are a hundred times as large as usual";

/* The first step at which a value is not finite; `none` where it always is. Time is the outermost
 * axis that a value holds. */
static int64_t hazards_step(const examine_values *v, const op_node *n, int axis, int64_t none) {
    size_t elements;
    const float *values = n->dtype == DTYPE_F32 ? eval_value(v->at, n, &elements) : NULL;
    for (size_t i = 0; values && i < elements; i++)
        if (!isfinite(values[i]))
            return n->domain >> axis & 1 ? (int64_t)(i / (elements / (size_t)EXAMINE_STEPS)) : 0;
    return none;
}

/* Is it the first to be so, before all that it is made of? */
static bool hazards_is_source(const examine_values *v, const op_node *n, int axis, int64_t step) {
    for (int i = 0; i < n->count; i++)
        if (n->arguments[i] && hazards_step(v, n->arguments[i], axis, INT64_MAX) <= step)
            return false;
    return n->op != OP_DELAY;
}

/* Says where values stop being finite; false where they never do. */
static bool hazards_overflow(examine *e, const examine_values *v, const char *when) {
    int axis = graph_axis_find(&v->g, "t");
    const op_node *source = NULL;
    int64_t first = INT64_MAX;
    bool any = false;
    for (size_t i = 0; i < v->g.nodes.count; i++) {
        const op_node *n = v->g.nodes.at[i];
        int64_t step = hazards_step(v, n, axis, INT64_MAX);
        any = any || step < INT64_MAX;
        if (step < first && hazards_is_source(v, n, axis, step)) {
            source = n;
            first = step;
        }
    }
    if (any)
        examine_say(e, EXAMINE_WARNING, source ? source->where.line : 0, "%s%s%s is not finite %s",
                    source ? op_get((op_id)source->op)->name : "a value",
                    source && source->name ? ", " : "", source && source->name ? source->name : "",
                    when);
    return any;
}

static void hazards_gates(examine *e, const examine_values *usual) {
    for (size_t i = 0; i < usual->g.nodes.count; i++) {
        const op_node *n = usual->g.nodes.at[i];
        size_t elements = 0, shut = 0;
        bool sigmoid = n->op == OP_SIGMOID;
        if ((!sigmoid && n->op != OP_TANH) || n->dtype != DTYPE_F32)
            continue;
        const float *values = eval_value(usual->at, n, &elements);
        for (size_t k = 0; values && k < elements; k++)
            shut += fabsf(sigmoid ? 2 * values[k] - 1 : values[k]) > 0.98F;
        if (values && shut * 2 > elements)
            examine_say(e, EXAMINE_WARNING, n->where.line,
                        "%s begins saturated: %.0f%% of its values are outside (%s, 0.9%d), where "
                        "gradients hardly pass",
                        n->name   ? n->name
                        : sigmoid ? "a sigmoid"
                                  : "a tanh",
                        100.0 * (double)shut / (double)elements, sigmoid ? "0.01" : "-0.98",
                        sigmoid ? 9 : 8);
    }
}

/* What is now above 0 and now below is 0 some day. */
static void hazards_divisors(examine *e, const examine_values *usual) {
    for (size_t i = 0; i < usual->g.nodes.count; i++) {
        const op_node *n = usual->g.nodes.at[i];
        size_t elements = 0, above = 0, below = 0;
        if (n->op != OP_DIV || n->dtype != DTYPE_F32)
            continue;
        const float *values = eval_value(usual->at, n->arguments[1], &elements);
        for (size_t k = 0; values && k < elements; k++) {
            above += values[k] > 0;
            below += values[k] < 0;
        }
        if (above && below)
            examine_say(e, EXAMINE_WARNING, n->where.line,
                        "%s divides by what is above 0 in %zu places and below in %zu: it comes "
                        "near 0",
                        n->name ? n->name : "this", above, below);
    }
}

/* ---- gradients */

/* The sum of all results; NULL where none is a float. */
static eddy_value hazards_sum(eddy_model *m) {
    eddy_value loss = NULL;
    size_t outputs = m->graph.outputs.count;
    for (size_t i = 0; i < outputs; i++) {
        op_node *n = m->graph.outputs.at[i].node;
        if (n->dtype != DTYPE_F32)
            continue;
        eddy_value sum = eddy_reduce_all(capi_value(m, n), EDDY_SUM);
        if (eddy_value_axes(sum))
            sum = eddy_total(sum, eddy_value_axes(sum));
        loss = loss ? eddy_add(loss, sum) : sum;
    }
    return loss;
}

/* Gradients by all that is trained and all inputs, as outputs that are called as these are. */
static bool hazards_differentiate(examine *e, eddy_model *m) {
    VEC(eddy_value) all = {0};
    int weights = eddy_trainable_count(m);
    for (int i = 0; i < weights; i++)
        vec_push(e->memory, &all, eddy_trainable(m, i));
    for (size_t i = 0; i < m->graph.nodes.count; i++) {
        op_node *n = m->graph.nodes.at[i];
        if (n->op == OP_INPUT && n->dtype == DTYPE_F32)
            vec_push(e->memory, &all, capi_value(m, n));
    }
    eddy_value loss = hazards_sum(m);
    eddy_value *slopes = arena_array(e->memory, eddy_value, all.count + 1);
    if (!loss || !all.count)
        return false;
    eddy_grad(loss, all.at, (int)all.count, slopes);
    for (size_t i = 0; i < all.count; i++)
        eddy_output(m, arena_print(e->memory, "gradient %s", all.at[i]->node->attributes.text),
                    slopes[i]);
    return true;
}

static bool hazards_is_finite(const examine_values *v, const op_node *n) {
    size_t elements;
    const float *values = n->dtype == DTYPE_F32 ? eval_value(v->at, n, &elements) : NULL;
    for (size_t i = 0; values && i < elements; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

/* The line of an op that makes what is not finite of what is. */
static int hazards_line(const examine_values *v) {
    for (size_t i = 0; i < v->g.nodes.count; i++) {
        const op_node *n = v->g.nodes.at[i];
        bool given = !hazards_is_finite(v, n);
        for (int k = 0; k < n->count && given; k++)
            given = !n->arguments[k] || hazards_is_finite(v, n->arguments[k]);
        if (given)
            return n->where.line;
    }
    return 0;
}

/* Says which gradient stops being finite where all values are; false where none does. */
static bool hazards_slopes(examine *e, const examine_look *look) {
    static const char prefix[] = "gradient ";
    char why[LIMIT_MESSAGE];
    examine_values values;
    examine_model of = examine_build(e, (examine_kind){.type = EDDY_F32});
    bool found = false;
    bool known =
        hazards_differentiate(e, of.m) && examine_evaluate(e, &of, look, &values, why, sizeof why);
    for (size_t i = 0; known && !found && i < values.g.outputs.count; i++) {
        const graph_output *out = &values.g.outputs.at[i];
        found = strncmp(out->name, prefix, sizeof prefix - 1) == 0 &&
                !hazards_is_finite(&values, out->node);
        if (found)
            examine_say(e, EXAMINE_WARNING, hazards_line(&values),
                        "the gradient by %s is not finite %s, though all values are",
                        out->name + sizeof prefix - 1, hazards_large);
    }
    eddy_model_free(of.m);
    return found;
}

/* ---- values and gradients */

static void hazards_values(examine *e) {
    char why[LIMIT_MESSAGE];
    eddy_params *params = eddy_params_new(NULL, 1);
    examine_look look = {.params = params, .part = {0, EXAMINE_STEPS, 0, EXAMINE_SAMPLES}};
    examine_kind kind = {.type = EDDY_F32};
    examine_model of = examine_build(e, kind), kept = examine_build(e, kind);
    examine_values values;
    session s;
    if (!examine_begin(&of, params, &s, why, sizeof why))
        cli_fail(CLI_FAILED, "%s", why);
    examine_fill(e, &s, &look.part, 1, NULL);
    look.s = &s;
    look.scale = 1;
    if (examine_evaluate(e, &kept, &look, &values, why, sizeof why)) {
        hazards_gates(e, &values);
        hazards_divisors(e, &values);
    }
    bool found = false;
    for (int large = 0; large < 2 && !found; large++) {
        look.scale = large ? 100 : 1;
        if (!examine_evaluate(e, &kept, &look, &values, why, sizeof why))
            break;
        found = hazards_overflow(e, &values, large ? hazards_large : "on inputs of the usual size");
        if (large && !found && !hazards_slopes(e, &look))
            examine_say(e, EXAMINE_OK, 0,
                        "inputs a hundred times as large: all values and gradients are finite");
    }
    eddy_model_free(kept.m);
    session_end(&s);
    eddy_params_free(params);
}

/* ---- memory */

/* "h.before" is what a state is called before the step. */
static const char *hazards_name(arena *memory, const char *name) {
    static const char suffix[] = ".before";
    size_t length = name ? strlen(name) : 0, end = sizeof suffix - 1;
    if (length > end && strcmp(name + length - end, suffix) == 0)
        length -= end;
    return name ? arena_print(memory, "%.*s", (int)length, name) : "without a name";
}

/* The norm of what the results at the last step owe to a state at each step, as output "memory i".
 */
static int hazards_ask(examine *e, const examine_model *of, const char ***names, int **lines) {
    eddy_model *m = of->m;
    eddy_value loss = NULL;
    VEC(eddy_value) states = {0};
    VEC(const char *) called = {0};
    VEC(int) places = {0};
    size_t outputs = m->graph.outputs.count, nodes = m->graph.nodes.count;
    for (size_t i = 0; i < outputs; i++) {
        op_node *n = m->graph.outputs.at[i].node;
        if (n->dtype != DTYPE_F64 || !(n->domain & of->t))
            continue;
        eddy_value sum = eddy_reduce_all(capi_value(m, n), EDDY_SUM);
        sum = eddy_last(sum, of->t);
        if (eddy_value_axes(sum))
            sum = eddy_total(sum, eddy_value_axes(sum));
        loss = loss ? eddy_add(loss, sum) : sum;
    }
    for (size_t i = 0; loss && i < nodes; i++) {
        op_node *n = m->graph.nodes.at[i];
        if (n->op != OP_DELAY || n->attributes.domain == 0 || !n->arguments[0] ||
            (eddy_axes)1 << n->attributes.axis != of->t || n->attributes.distance < 1 ||
            n->dtype != DTYPE_F64)
            continue;
        vec_push(e->memory, &states, capi_value(m, n->arguments[0]));
        vec_push(e->memory, &places, n->where.line);
        vec_push(e->memory, &called, hazards_name(e->memory, n->name));
    }
    eddy_value *slopes = arena_array(e->memory, eddy_value, states.count + 1);
    if (states.count)
        eddy_grad(loss, states.at, (int)states.count, slopes);
    for (size_t i = 0; i < states.count; i++) {
        char output[32];
        snprintf(output, sizeof output, "memory %zu", i);
        eddy_value square = eddy_reduce_all(eddy_square(slopes[i]), EDDY_SUM);
        if (eddy_value_axes(square) & ~of->t)
            square = eddy_total(square, eddy_value_axes(square) & ~of->t);
        eddy_output(m, output, eddy_sqrt(eddy_expand(square, of->t)));
    }
    *names = called.at;
    *lines = places.at;
    return (int)states.count;
}

static void hazards_state(examine *e, session *s, int i, const char *name, int line) {
    char output[32];
    snprintf(output, sizeof output, "memory %d", i);
    const double *norms = eddy_run_read(s->run, output);
    cli_check(eddy_run_status(s->run), eddy_run_message(s->run));
    double now = norms[HAZARDS_BACK], then = norms[0], largest = 0;
    for (int t = 0; t <= HAZARDS_BACK; t++)
        largest = fmax(largest, norms[t]);
    if (!isfinite(now) || !isfinite(then)) {
        examine_say(e, EXAMINE_WARNING, line, "the gradient by the state %s is not finite", name);
    } else if (largest == 0) {
        examine_say(e, EXAMINE_WARNING, line, "no result depends on the state %s", name);
    } else if (then < 1e-15 * fmax(now, largest)) {
        examine_say(e, EXAMINE_WARNING, line,
                    "the state %s forgets: %.0e of the gradient is left after %d steps", name,
                    then / largest, HAZARDS_BACK);
    } else if (now > 0 && then > 1e6 * now) {
        examine_say(e, EXAMINE_WARNING, line,
                    "the gradient by the state %s explodes: %.0e times as much after %d steps",
                    name, then / now, HAZARDS_BACK);
    } else {
        examine_say(e, EXAMINE_OK, 0, "state %s: %.1e of the gradient is left after %d steps", name,
                    then / largest, HAZARDS_BACK);
    }
}

static void hazards_memory(examine *e) {
    const eddy_options wide = {.dtype = EDDY_F64};
    char why[LIMIT_MESSAGE];
    const char **names;
    int *lines;
    session s;
    examine_model of = examine_build(e, (examine_kind){.type = EDDY_F64});
    int count = hazards_ask(e, &of, &names, &lines);
    if (!count) {
        examine_say(e, EXAMINE_NOTE, 0, "memory: not run, since the cell has no state");
        eddy_model_free(of.m);
        return;
    }
    eddy_params *params = eddy_params_new(&wide, 1);
    if (!examine_begin(&of, params, &s, why, sizeof why)) {
        examine_say(e, EXAMINE_NOTE, 0, "memory: not run: %s", why);
    } else {
        examine_fill(e, &s, &(examine_part){0, HAZARDS_BACK + 1, 0, 2}, 1, NULL);
        session_call(&s);
        for (int i = 0; i < count; i++)
            hazards_state(e, &s, i, names[i], lines[i]);
        session_end(&s);
    }
    eddy_params_free(params);
}

void examine_hazards(examine *e) {
    hazards_values(e);
    hazards_memory(e);
}
