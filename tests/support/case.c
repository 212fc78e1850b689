/* One case, from its file to the comparison.
 *
 * A table is compared with the largest of its own numbers as the scale: an element that is small
 * because of cancellation has lost digits on both sides. */
#include "tests/support/case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/witness.h"

double *case_numbers(test_case *c, const json_t *data) {
    size_t count = json_array_size(data);
    double *numbers = arena_array(&c->t.memory, double, count);
    for (size_t i = 0; i < count; i++) {
        const json_t *element = json_array_get(data, i);
        numbers[i] = json_is_string(element) ? strtod(json_string_value(element), NULL)
                                             : json_number_value(element);
    }
    return numbers;
}

static uint32_t case_domain(test_case *c, const json_t *table) {
    uint32_t domain = 0;
    const json_t *axes = json_object_get(table, "axes");
    for (size_t i = 0; i < json_array_size(axes); i++)
        domain |=
            (uint32_t)1 << graph_axis_find(&c->t.g, json_string_value(json_array_get(axes, i)));
    return domain;
}

static void case_leaves(test_case *c, const char *section, op_id op) {
    const char *name;
    json_t *table;
    json_object_foreach(json_object_get(c->json, section), name, table) {
        const json_t *shape = json_object_get(table, "shape");
        int64_t dimensions[LIMIT_RANK];
        for (size_t i = 0; i < json_array_size(shape); i++)
            dimensions[i] = json_integer_value(json_array_get(shape, i));
        op_shape s = op_shape_make((int)json_array_size(shape), dimensions);
        bool integer = strcmp(json_string_value(json_object_get(table, "dtype")), "i32") == 0;
        op_node *leaf =
            trial_leaf_add(&c->t, op, name, integer ? DTYPE_I32 : c->e.real, case_domain(c, table),
                           &s, case_numbers(c, json_object_get(table, "data")));
        equation_name(&c->e, name, leaf);
    }
}

void case_variables(test_case *c, node_list *out) {
    const char *name;
    json_t *table;
    json_object_foreach(json_object_get(c->json, "grads"), name, table)
        vec_push(&c->t.memory, out, equation_find(&c->e, name));
}

static bool case_build(test_case *c) {
    const json_t *lines = json_object_get(c->json, "equations");
    for (size_t i = 0; i < json_array_size(lines); i++)
        if (!equation_line(&c->e, json_string_value(json_array_get(lines, i))))
            return trial_fail(&c->t, "%s", c->e.message);
    return equation_close(&c->e) || trial_fail(&c->t, "%s", c->e.message);
}

static bool case_is_loss(const char *name) {
    return strncmp(name, "loss", 4) == 0;
}

/* The outputs, and after each loss its gradients. */
static bool case_outputs(test_case *c) {
    graph *g = &c->t.g;
    const char *name;
    json_t *table;
    node_list variables = {0};
    case_variables(c, &variables);
    op_node **gradients = arena_array(&c->t.memory, op_node *, variables.count);
    json_object_foreach(json_object_get(c->json, "outputs"), name, table) {
        op_node *value = equation_find(&c->e, name);
        graph_output_add(g, name, value);
        if (!case_is_loss(name) || !variables.count)
            continue;
        if (!grad_program(g, value, variables.at, variables.count, gradients))
            break;
        for (size_t i = 0; i < variables.count; i++)
            graph_output_add(g,
                             arena_print(&c->t.memory, "grad %s %s", name, variables.at[i]->name),
                             gradients[i]);
    }
    return verify_graph(g) || trial_fail(&c->t, "%s", c->t.problem.message);
}

bool case_open(test_case *c, const char *name, case_extents extents, dtype real) {
    char path[512];
    const char *axis;
    json_t *value;
    json_error_t mistake;
    memset(c, 0, sizeof *c);
    trial_open(&c->t);
    c->e.g = &c->t.g;
    c->e.real = real;
    snprintf(path, sizeof path, EDDY_SOURCE_DIR "/tests/ref/cases/%s.json", name);
    c->json = json_load_file(path, 0, &mistake);
    if (!c->json)
        return trial_fail(&c->t, "%s: %s", path, mistake.text);
    json_object_foreach(json_object_get(c->json, "extents"), axis, value) trial_axis(
        &c->t, axis, strcmp(axis, "b") == 0, json_integer_value(value), extents == CASE_FIXED);
    case_leaves(c, "inputs", OP_INPUT);
    case_leaves(c, "params", OP_PARAM);
    json_object_foreach(json_object_get(c->json, "lengths"), axis, value) graph_axis_lengths(
        &c->t.g, graph_axis_find(&c->t.g, axis), equation_find(&c->e, json_string_value(value)));
    return case_build(c) && case_outputs(c);
}

void case_close(test_case *c) {
    json_decref(c->json);
    trial_close(&c->t);
}

/* ---- comparison */

static bool case_compare(test_case *c, const char *machine, const char *output, const json_t *table,
                         const double *got, size_t elements) {
    const double *expected = case_numbers(c, json_object_get(table, "data"));
    double scale = 1e-3, allowed = c->e.real == DTYPE_F64 ? 1e-10 : 2e-5;
    if (json_array_size(json_object_get(table, "data")) != elements)
        return trial_fail(&c->t, "%s: %s has %zu elements", machine, output, elements);
    for (size_t i = 0; i < elements; i++)
        scale = fmax(scale, fabs(expected[i]));
    for (size_t i = 0; i < elements; i++)
        if (!(fabs(got[i] - expected[i]) <= allowed * scale))
            return trial_fail(&c->t, "%s: element %zu of %s is %.17g, PyTorch says %.17g", machine,
                              i, output, got[i], expected[i]);
    return true;
}

/* The table that an output is compared with: "h" is an output, "grad loss W" the gradient of W. */
static const json_t *case_table(const test_case *c, const char *output) {
    const char *variable = strncmp(output, "grad ", 5) == 0 ? strrchr(output, ' ') + 1 : NULL;
    return json_object_get(json_object_get(c->json, variable ? "grads" : "outputs"),
                           variable ? variable : output);
}

static bool case_compare_all(test_case *c, const char *machine, double *const *got) {
    for (size_t i = 0; i < c->t.g.outputs.count; i++) {
        const graph_output *output = &c->t.g.outputs.at[i];
        if (!case_compare(c, machine, output->name, case_table(c, output->name), got[i],
                          trial_elements(&c->t, output->node)))
            return false;
    }
    return true;
}

bool case_check(test_case *c) {
    node_list roots = {0};
    graph_roots(&c->t.g, &c->t.memory, &roots);
    double **got = trial_room(&c->t, roots.at, roots.count);
    return trial_evaluate(&c->t, roots.at, roots.count, got) &&
           case_compare_all(c, "evaluator", got) &&
           trial_reference(&c->t, roots.at, roots.count, got, NULL) &&
           case_compare_all(c, "reference", got) && trial_compiled(&c->t, got) &&
           case_compare_all(c, "compiled", got);
}

bool case_witness(test_case *c, const char *y) {
    node_list variables = {0};
    case_variables(c, &variables);
    return witness_gradients(&c->t, equation_find(&c->e, "loss"),
                             y ? equation_find(&c->e, y) : NULL, variables.at, variables.count, 1,
                             &witness_strict);
}

/* ---- whole tests */

static bool case_end(test_case *c, const char *name, bool good) {
    if (!good)
        fprintf(stderr, "%s: %s\n", name, c->t.message);
    case_close(c);
    return good;
}

static bool case_passes_f32(const char *name, case_extents extents) {
    test_case c;
    return case_end(&c, name, case_open(&c, name, extents, DTYPE_F32) && case_check(&c));
}

bool case_passes(const char *name, case_extents extents) {
    test_case c;
    return case_end(&c, name, case_open(&c, name, extents, DTYPE_F64) && case_check(&c)) &&
           case_passes_f32(name, extents);
}

bool case_passes_witnesses(const char *name, const char *y) {
    test_case c;
    bool good = case_open(&c, name, CASE_RUN_TIME, DTYPE_F64) && case_check(&c);
    return case_end(&c, name, good && case_witness(&c, y)) && case_passes_f32(name, CASE_RUN_TIME);
}
