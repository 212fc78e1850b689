/* The gradient of the loss at the last step by the state of each earlier one, and gates.
 *
 * A state is what a delay along time reads; all states of a step together are what it hands to the
 * next, so the norm is taken over all of them: an LSTM remembers by its cell, not by its output. A
 * gate is a sigmoid that changes over time, wherever it stands; a tanh is told as well. Saturated:
 * a sigmoid outside (0.05, 0.95), a tanh outside (-0.95, 0.95).
 *
 * Lags are all up to 16, then fewer and fewer, so that a long block is still a short line. */
#include "frontends/cli/insight.h"

#include <stdio.h>
#include <string.h>

#include "frontends/capi.h"
#include "frontends/cli/log.h"

enum { INSIGHT_SAMPLES = 8, INSIGHT_DENSE = 16 };
static const float insight_faint = 0.01F; /* of the gradient at lag 0 */

/* The values that states along the axis take; distinct. */
static int insight_states(arena *memory, eddy_model *m, eddy_axes time, eddy_value **out) {
    VEC(eddy_value) found = {0};
    for (size_t i = 0; i < m->graph.nodes.count; i++) {
        op_node *n = m->graph.nodes.at[i];
        if (n->op != OP_DELAY || n->attributes.domain == 0 || !n->arguments[0] ||
            (eddy_axes)1 << n->attributes.axis != time || n->attributes.distance < 1 ||
            (n->dtype != DTYPE_F32 && n->dtype != DTYPE_F64))
            continue;
        vec_push(memory, &found, capi_value(m, n->arguments[0]));
    }
    *out = found.at;
    return (int)found.count;
}

static bool insight_is_gate(const op_node *n, eddy_axes time) {
    return (n->op == OP_SIGMOID || n->op == OP_TANH) && (n->domain & time);
}

/* The share of elements of a gate that are saturated. */
static void insight_gate(eddy_model *m, op_node *n, eddy_axes over, const char *output) {
    eddy_value gate = capi_value(m, n);
    eddy_value away = n->op == OP_SIGMOID ? eddy_scale(eddy_shift(gate, -0.5), 2) : gate;
    double limit = n->op == OP_SIGMOID ? 0.9 : 0.95;
    eddy_value edge = eddy_number(m, limit), far = eddy_lt(edge, eddy_abs(away));
    eddy_value share = eddy_reduce_all(eddy_cast(far, EDDY_F32), EDDY_SUM);
    double elements = 1;
    for (int k = 0; k < n->shape.rank; k++)
        elements *= (double)n->shape.dimension[k];
    eddy_output(m, output, eddy_mean_over(eddy_scale(share, 1 / elements), over));
}

static void insight_gates(arena *memory, eddy_model *m, insight *i, eddy_axes time) {
    size_t count = m->graph.nodes.count;
    VEC(const char *) names = {0};
    for (size_t k = 0; k < count; k++) {
        op_node *n = m->graph.nodes.at[k];
        if (!insight_is_gate(n, time))
            continue;
        char output[32];
        snprintf(output, sizeof output, "gate %d", i->gates);
        insight_gate(m, n, n->domain, output);
        const char *kind = n->op == OP_SIGMOID ? "sigmoid" : "tanh";
        vec_push(memory, &names,
                 n->name ? arena_copy_text(memory, n->name)
                         : arena_print(memory, "%s %d", kind, i->gates + 1));
        i->gates++;
    }
    i->gate_names = names.at;
}

static void insight_gather(arena *memory, const data *from, size_t begin, size_t samples, void *x,
                           void *y) {
    size_t *which = arena_array(memory, size_t, samples);
    int32_t *lengths = arena_array(memory, int32_t, samples);
    for (size_t i = 0; i < samples; i++)
        which[i] = begin + i;
    data_gather(from, which, samples, x, y, lengths);
}

insight insight_begin(arena *memory, const network *n, eddy_params *params, const data *from,
                      const streams *part) {
    size_t samples = part->count < INSIGHT_SAMPLES ? part->count : INSIGHT_SAMPLES;
    insight made = {.steps = part->steps, .samples = samples};
    for (size_t i = 0; n->kind == DATA_SEQUENCES && i < samples; i++)
        if ((size_t)from->lengths[part->begin + i] < made.steps) /* no padding is looked at */
            made.steps = (size_t)from->lengths[part->begin + i];
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_value loss = network_loss(n, m, t, b, false), *states = NULL;
    cli_check(eddy_model_status(m), eddy_model_message(m));
    insight_gates(memory, m, &made, t);
    made.states = insight_states(memory, m, t, &states);
    made.state_names = arena_array(memory, const char *, made.states + 1);
    eddy_value *slopes = arena_array(memory, eddy_value, made.states + 1), squares = NULL;
    eddy_value last = eddy_value_axes(loss) & t ? eddy_last(loss, t) : loss;
    eddy_grad(last, states, made.states, slopes);
    for (int i = 0; i < made.states; i++) {
        const char *name = eddy_value_name(states[i]);
        made.state_names[i] = arena_copy_text(memory, name ? name : "state");
        eddy_value square = eddy_reduce_all(eddy_square(slopes[i]), EDDY_SUM);
        square = eddy_total(square, eddy_value_axes(square) & ~t);
        squares = squares ? eddy_add(squares, square) : square;
    }
    if (squares)
        eddy_output(m, "gradient", eddy_sqrt(squares));
    const eddy_extent extents[] = {{"t", (int64_t)made.steps}, {"b", (int64_t)samples}};
    made.s = session_begin(m, params, extents, 2, -1);
    size_t rows = made.steps * samples, x = (n->vocabulary ? 1 : (size_t)n->inputs),
           y = n->classes ? 1 : (size_t)n->outputs, targets_count = y * rows;
    void *inputs =
        arena_take_array(memory, from->steps > 0 ? from->steps * samples * x : rows * x, 4);
    void *targets =
        arena_take_array(memory, from->steps > 0 ? from->steps * samples * y : rows * y, 4);
    if (n->kind == DATA_SEQUENCES) {
        insight_gather(memory, from, part->begin, samples, inputs, targets);
        targets_count = n->each ? targets_count : y * samples;
    } else {
        streams all;
        streams_all(&all, part->begin, part->end, samples, part->steps);
        streams_fill(&all, 0, from->x, x * 4, inputs, NULL);
        streams_fill(&all, 0, from->y, y * 4, targets, NULL);
    }
    session_input(&made.s, "x", inputs, rows * x);
    session_input(&made.s, "y", targets, targets_count);
    return made;
}

json_t *insight_line(insight *i, int64_t step) {
    json_t *lags = json_array(), *norms = json_array(), *gates = json_object();
    session_call(&i->s);
    const float *gradient = i->states ? eddy_run_read(i->s.run, "gradient") : NULL;
    for (size_t lag = 0; gradient && lag < i->steps;
         lag += lag < INSIGHT_DENSE ? 1 : lag / (INSIGHT_DENSE / 2)) {
        json_array_append_new(lags, json_integer((json_int_t)lag));
        json_array_append_new(norms, log_number((double)gradient[i->steps - 1 - lag]));
    }
    size_t reach = 0;
    for (size_t lag = 0; gradient && lag < i->steps; lag++)
        if (gradient[i->steps - 1 - lag] >= insight_faint * gradient[i->steps - 1])
            reach = lag;
    /* at the first step of all it may go on, and how far nobody knows */
    bool known = reach + 1 < i->steps || i->steps == 1;
    for (int k = 0; k < i->gates; k++) {
        char output[32];
        snprintf(output, sizeof output, "gate %d", k);
        json_object_set_new(gates, i->gate_names[k], log_number(session_number(&i->s, output)));
    }
    return json_pack("{s:s, s:I, s:o, s:o, s:o, s:o}", "event", "insight", "step", (json_int_t)step,
                     "reach", known ? json_integer((json_int_t)reach) : json_null(), "lags", lags,
                     "gradient", norms, "saturated", gates);
}

void insight_end(insight *i) {
    session_end(&i->s);
}
