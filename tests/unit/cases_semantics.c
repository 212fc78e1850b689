/* The finer points of the semantics against PyTorch: masked statistics, fitted adjoints, gradients
 * inside a step, custom adjoints, computed places, renamed axes, calls of ragged numbers of steps;
 * and the programs that must be refused. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/support/case.h"

#define POINT(name, y)                                                                             \
    Test(semantics, name) {                                                                        \
        cr_assert(case_passes_witnesses(#name, y));                                                \
    }

POINT(case12_hyper_batchnorm, "h")
POINT(case16_fitted, NULL)
POINT(case16_inner_gradient, NULL)
POINT(case17_chosen_delay, "y")
POINT(case17_flip, "y")
POINT(case17_pointer, "y")
POINT(case17_position, NULL)
POINT(case18_double_log, "g")
POINT(case18_streaming, "carry")

/* The surrogate's gradient is meant not to be the derivative. */
Test(semantics, case16_spike) {
    cr_assert(case_passes("case16_spike", CASE_RUN_TIME));
}

/* The dimension that becomes an axis has a fixed extent, so the axis must. */
Test(semantics, case17_spread) {
    cr_assert(case_passes("case17_spread", CASE_FIXED));
}

/* ---- streaming */

typedef bool (*machine)(trial *t, op_node *const *nodes, double **out);

static bool evaluator(trial *t, op_node *const *nodes, double **out) {
    return trial_evaluate(t, nodes, 2, out);
}

static bool reference(trial *t, op_node *const *nodes, double **out) {
    return trial_reference(t, nodes, 2, out, NULL);
}

/* The program has more outputs than these two. */
static bool compiled(trial *t, op_node *const *nodes, double **out) {
    node_list roots = {0};
    graph_roots(&t->g, &t->memory, &roots);
    double **all = trial_room(t, roots.at, roots.count);
    if (!trial_compiled(t, all))
        return false;
    for (size_t i = 0; i < roots.count; i++)
        for (int k = 0; k < 2; k++)
            if (roots.at[i] == nodes[k])
                memcpy(out[k], all[i], trial_elements(t, nodes[k]) * sizeof(double));
    return true;
}

static double *leaf_values(test_case *c, const char *name, double *values) {
    trial_leaf *leaf = trial_leaf_find(&c->t, equation_find(&c->e, name));
    double *old = leaf->values;
    leaf->values = values ? values : old;
    return old;
}

static void close_to(const double *got, const double *expected, size_t count) {
    for (size_t i = 0; i < count; i++)
        cr_assert(fabs(got[i] - expected[i]) <= 1e-12, "%g instead of %g", got[i], expected[i]);
}

/* All calls: sample s runs calls[call][s] steps, its carry goes into the next call. */
static void stream(machine run) {
    enum { samples = 3, units = 3 };
    test_case c;
    cr_assert(case_open(&c, "case18_streaming", CASE_RUN_TIME, DTYPE_F64), "%s", c.t.message);
    const json_t *outputs = json_object_get(c.json, "outputs");
    const double *h = case_numbers(&c, json_object_get(json_object_get(outputs, "h"), "data"));
    const double *carry =
        case_numbers(&c, json_object_get(json_object_get(outputs, "carry"), "data"));
    const json_t *calls = json_object_get(c.json, "calls");
    op_node *const nodes[2] = {equation_find(&c.e, "h"), equation_find(&c.e, "carry")};
    const double *x = leaf_values(&c, "x", NULL);
    int t = graph_axis_find(&c.t.g, "t"), done[samples] = {0};
    double **out = NULL;
    for (size_t call = 0; call < json_array_size(calls); call++) {
        const double *steps = case_numbers(&c, json_array_get(calls, call));
        int longest = 0;
        for (int s = 0; s < samples; s++)
            longest = (int)fmax(longest, steps[s]);
        double *part = arena_array(&c.t.memory, double, longest *samples *units);
        for (int i = 0; i < longest * samples * units; i++) {
            int step = i / (samples * units), s = i / units % samples;
            part[i] =
                step < steps[s] ? x[((done[s] + step) * samples + s) * units + i % units] : NAN;
        }
        c.t.extents[t] = longest;
        leaf_values(&c, "x", part);
        leaf_values(&c, "len", arena_array(&c.t.memory, double, samples));
        memcpy(leaf_values(&c, "len", NULL), steps, samples * sizeof *steps);
        out = trial_room(&c.t, nodes, 2);
        cr_assert(run(&c.t, nodes, out), "%s", c.t.message);
        for (int s = 0; s < samples; s++)
            for (int step = 0; step < steps[s]; step++)
                close_to(out[0] + (step * samples + s) * units,
                         h + ((done[s] + step) * samples + s) * units, units);
        for (int s = 0; s < samples; s++)
            done[s] += (int)steps[s];
        leaf_values(&c, "hist", out[1]);
    }
    close_to(out[1], carry, trial_elements(&c.t, nodes[1]));
    case_close(&c);
}

Test(semantics, streaming_evaluated) {
    stream(evaluator);
}

Test(semantics, streaming_by_the_reference) {
    stream(reference);
}

Test(semantics, streaming_compiled) {
    stream(compiled);
}

/* ---- programs that must be refused */

static void refused(const json_t *program, const char *advice) {
    trial t;
    equations e = {.g = &t.g, .real = DTYPE_F64};
    const json_t *lines = json_object_get(program, "equations"), *name;
    bool skew = strcmp(json_string_value(json_object_get(program, "name")), "skew") == 0;
    int64_t two = 2;
    op_shape shape = op_shape_make(1, &two);
    size_t i;
    trial_open(&t);
    uint32_t domain = 0;
    for (const char *axis = skew ? "tsb" : "tb"; *axis; axis++)
        domain |= (uint32_t)1 << graph_axis_add(&t.g, (char[]){*axis, 0}, *axis == 'b', -1);
    equation_name(&e, "x", make_input(&t.g.builder, "x", DTYPE_F64, domain, &shape));
    for (i = 0; i < json_array_size(lines); i++)
        cr_assert(equation_line(&e, json_string_value(json_array_get(lines, i))), "%s", e.message);
    cr_assert(equation_close(&e), "%s", e.message);
    graph_output_add(&t.g, "y",
                     equation_find(&e, json_string_value(json_object_get(program, "result"))));
    cr_assert_not(verify_graph(&t.g));
    cr_assert_eq(t.problem.code, STATUS_ILLEGAL);
    json_array_foreach(json_object_get(program, "cycle"), i, name)
        cr_assert(strstr(t.problem.message, arena_print(&t.memory, " %s", json_string_value(name))),
                  "%s is not named in: %s", json_string_value(name), t.problem.message);
    cr_assert(strstr(t.problem.message, advice), "%s", t.problem.message);
    trial_close(&t);
}

Test(semantics, illegal) {
    static const char *const advice[][2] = {{"cancel", "a value would need"},
                                            {"retime", "Shift"},
                                            {"whole", "needs all of t"},
                                            {"skew", "slanted"}};
    json_t *file = json_load_file(EDDY_SOURCE_DIR "/tests/ref/cases/illegal.json", 0, NULL);
    const json_t *program;
    size_t i, tested = 0;
    json_array_foreach(json_object_get(file, "programs"), i,
                       program) for (size_t k = 0; k < sizeof advice / sizeof *advice; k++) {
        const char *verdict = json_string_value(json_object_get(program, "verdict"));
        if (strcmp(verdict, advice[k][0]) == 0) {
            refused(program, advice[k][1]);
            tested++;
        }
    }
    cr_assert_eq(tested, 6);
    json_decref(file);
}
