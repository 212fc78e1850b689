/* Bits that must be equal, with tolerance zero: a sequence in one call or cut; threads; a sample
 * alone or among others; a sample with a length of its own or with steps behind its end. */
#include <stdio.h>
#include <string.h>

#include "frontends/capi.h"
#include "frontends/cli/examine.h"

static const examine_part bits_whole = {0, EXAMINE_STEPS, 0, EXAMINE_SAMPLES};
static const examine_kind bits_plain = {.type = EDDY_F32};

/* Outputs of one call. */
typedef struct bits_outputs {
    int count;
    eddy_slot *slots;
    void **at;
} bits_outputs;

static bits_outputs bits_call(examine *e, session *s, const examine_part *part,
                              const int32_t *lengths) {
    bits_outputs made = {0};
    eddy_slot slot;
    examine_fill(e, s, part, 1, lengths);
    session_call(s);
    while (eddy_program_slot(s->program, EDDY_OUTPUT, made.count, &slot))
        made.count++;
    made.slots = arena_array(e->memory, eddy_slot, made.count + 1);
    made.at = arena_array(e->memory, void *, made.count + 1);
    for (int i = 0; i < made.count; i++)
        made.at[i] = examine_output(e, s, i, &made.slots[i]);
    return made;
}

/* The first output that differs, NULL if none does. */
static const char *bits_differ(const bits_outputs *all, const examine_part *whole,
                               const bits_outputs *some, const examine_part *part) {
    for (int i = 0; i < some->count; i++)
        if (!examine_equal(&some->slots[i], all->at[i], whole, some->at[i], part))
            return some->slots[i].name;
    return NULL;
}

/* Equal bits of what is no number anywhere would say nothing. */
static bool bits_have_number(const bits_outputs *all) {
    for (int i = 0; i < all->count; i++)
        if (examine_has_number(&all->slots[i], all->at[i], &bits_whole))
            return true;
    return false;
}

static void bits_say(examine *e, const char *differs, const char *what) {
    if (differs)
        examine_say(e, EXAMINE_FAULT, examine_line(e, differs), "%s: %s differs", what, differs);
    else
        examine_say(e, EXAMINE_OK, 0, "%s: equal bits", what);
}

/* A value that needs to see the end of a sequence, or the steps behind this one. */
static const op_node *bits_ahead(const eddy_model *m, eddy_axes t) {
    for (size_t i = 0; i < m->graph.nodes.count; i++) {
        const op_node *n = m->graph.nodes.at[i];
        bool along = n->attributes.axis >= 0 && (eddy_axes)1 << n->attributes.axis == t;
        if ((n->op == OP_DELAY && along && n->attributes.distance < 0) ||
            (n->op == OP_TOTAL && (n->attributes.over & t)) || (n->op == OP_AT && along) ||
            (n->op == OP_STACK && along) || (n->op == OP_EXTENT && along))
            return n;
    }
    return NULL;
}

static void bits_cut(examine *e, eddy_params *params, const bits_outputs *all) {
    static const int64_t cuts[2][EXAMINE_STEPS] = {{1, 1, 1, 1, 1, 1, 1, 1, 1}, {4, 2, 3}};
    const char *differs = NULL;
    char why[LIMIT_MESSAGE];
    session s;
    examine_model of = examine_build(e, bits_plain);
    const op_node *ahead = bits_ahead(of.m, of.t);
    int line = ahead ? ahead->where.line : 0;
    eddy_model_free(of.m);
    if (ahead) {
        examine_say(e, EXAMINE_NOTE, line,
                    "step = chunk = sequence: not run, since the cell looks ahead");
        return;
    }
    of = examine_build(e, (examine_kind){.type = EDDY_F32, .carried = true});
    if (!examine_begin(&of, params, &s, why, sizeof why)) {
        examine_say(e, EXAMINE_NOTE, 0, "step = chunk = sequence: not run: %s", why);
        return;
    }
    for (int way = 0; way < 2 && !differs; way++) {
        examine_part part = bits_whole;
        examine_fill(e, &s, &part, 1, NULL);
        cli_check(eddy_run_reset(s.run), eddy_run_message(s.run));
        for (int i = 0; i < EXAMINE_STEPS && cuts[way][i] && !differs; i++, part.t += part.steps) {
            part.steps = cuts[way][i];
            bits_outputs some = bits_call(e, &s, &part, NULL);
            differs = bits_differ(all, &bits_whole, &some, &part);
        }
    }
    session_end(&s);
    bits_say(e, differs, "step = chunk = sequence");
}

static void bits_lengths(examine *e, eddy_params *params, session *plain) {
    static const int32_t lengths[EXAMINE_SAMPLES] = {EXAMINE_STEPS, 1, 5};
    const char *differs = NULL;
    char why[LIMIT_MESSAGE];
    session s;
    examine_model of = examine_build(e, (examine_kind){.type = EDDY_F32, .ragged = true});
    if (!examine_begin(&of, params, &s, why, sizeof why)) {
        examine_say(e, EXAMINE_NOTE, 0, "lengths: not run: %s", why);
        return;
    }
    bits_outputs all = bits_call(e, &s, &bits_whole, lengths);
    for (int64_t b = 0; b < EXAMINE_SAMPLES && !differs; b++) {
        examine_part part = {0, lengths[b], b, 1};
        bits_outputs some = bits_call(e, plain, &part, NULL);
        differs = bits_differ(&all, &bits_whole, &some, &part);
    }
    bits_say(e, differs, "a length of its own = no steps behind");
    session_end(&s);
}

void examine_bits(examine *e) {
    char why[LIMIT_MESSAGE];
    eddy_params *params = eddy_params_new(NULL, 1);
    session s;
    examine_model of = examine_build(e, bits_plain);
    if (!examine_begin(&of, params, &s, why, sizeof why))
        cli_fail(CLI_FAILED, "%s", why);
    bool draws = session_has(&s, EDDY_INPUT, "seed");
    cli_check(eddy_run_threads(s.run, 1), eddy_run_message(s.run));
    bits_outputs all = bits_call(e, &s, &bits_whole, NULL);
    if (!bits_have_number(&all)) {
        examine_say(e, EXAMINE_NOTE, 0,
                    "chunks, rows, lengths, threads: not compared, since no result is a finite "
                    "number");
        session_end(&s);
        eddy_params_free(params);
        return;
    }
    cli_check(eddy_run_threads(s.run, 2), eddy_run_message(s.run));
    bits_outputs again = bits_call(e, &s, &bits_whole, NULL);
    cli_check(eddy_run_threads(s.run, 1), eddy_run_message(s.run));
    bits_cut(e, params, &all);
    if (draws) {
        examine_say(e, EXAMINE_NOTE, 0,
                    "a row alone, lengths: not run, since each sample draws its own numbers");
    } else {
        const char *differs = NULL;
        for (int64_t b = 0; b < EXAMINE_SAMPLES && !differs; b++) {
            examine_part part = {0, EXAMINE_STEPS, b, 1};
            bits_outputs some = bits_call(e, &s, &part, NULL);
            differs = bits_differ(&all, &bits_whole, &some, &part);
        }
        bits_say(e, differs, "a row alone = the row in a batch");
        bits_lengths(e, params, &s);
    }
    bits_say(e, bits_differ(&all, &bits_whole, &again, &bits_whole), "1 thread = 2 threads");
    session_end(&s);
    eddy_params_free(params);
}
