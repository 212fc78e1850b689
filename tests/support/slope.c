/* A random program as a trial, with a gradient to be judged.
 *
 * Random programs have kinks (max, select on a comparison) and steep places, where differences of
 * the function say little; dual numbers and the transposed Jacobian are exact there too, so those
 * two decide, with a tolerance for sums that cancel. Differences must agree only roughly: they are
 * the one witness that knows no rule of differentiation. */
#include "tests/support/slope.h"

#include <math.h>
#include <string.h>

#include "jit/check.h"
#include "tests/support/witness.h"

static const witness_tolerance slope_tolerance = {1e-8, 1e-8, INFINITY, 1e-3};

/* Leaves with numbers for all inputs and params of the trial's graph. */
static void slope_leaves(trial *t, uint64_t seed) {
    check_sample sample;
    check_draw(&t->g, &t->memory, t->extents, seed, &sample);
    memcpy(t->extents, sample.extents, sizeof t->extents);
    size_t next = 0;
    for (size_t i = 0; i < t->g.nodes.count; i++) {
        op_node *n = t->g.nodes.at[i];
        if (n->op != OP_INPUT && n->op != OP_PARAM)
            continue;
        const check_leaf *from = &sample.leaves.at[next++]; /* in the order of nodes, too */
        trial_leaf leaf = {.node = n};
        leaf.values = arena_array(&t->memory, double, from->elements);
        for (size_t k = 0; k < from->elements; k++)
            leaf.values[k] = trial_decode(from->type, from->data, k);
        vec_push(&t->memory, &t->leaves, leaf);
    }
}

/* Where a value or its gradient is infinite or not a number, there is nothing to agree on. */
static bool slope_is_finite(trial *t, op_node *whole, const node_list *wrt) {
    size_t count = wrt->count + 1;
    op_node **nodes = arena_array(&t->memory, op_node *, count);
    nodes[0] = whole;
    if (!whole || !grad_program(&t->g, whole, wrt->at, wrt->count, nodes + 1))
        return false;
    double **values = trial_room(t, nodes, count);
    if (!trial_evaluate(t, nodes, count, values))
        return false;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < trial_elements(t, nodes[i]); k++)
            if (!isfinite(values[i][k]))
                return false;
    return true;
}

/* NaN in all steps that do not exist: is the loss the same? */
static bool slope_ignores_padding(trial *t, op_node *loss) {
    double **before = trial_room(t, &loss, 1), **after = trial_room(t, &loss, 1);
    if (!trial_evaluate(t, &loss, 1, before))
        return false;
    for (size_t i = 0; i < t->leaves.count; i++) {
        const trial_leaf *leaf = &t->leaves.at[i];
        const bool *existing = trial_existing(t, leaf->node);
        for (size_t k = 0; k < trial_elements(t, leaf->node); k++)
            if (!existing[k] && dtype_is_float((dtype)leaf->node->dtype))
                leaf->values[k] = NAN;
    }
    return trial_evaluate(t, &loss, 1, after) &&
           memcmp(before[0], after[0], trial_elements(t, loss) * sizeof(double)) == 0;
}

static slope_verdict slope_judge(trial *t, uint64_t seed, text *report) {
    op_node *loss = NULL, *other = NULL;
    node_list wrt = {0};
    for (size_t i = 0; i < t->g.outputs.count; i++) {
        op_node *n = t->g.outputs.at[i].node;
        if (strcmp(t->g.outputs.at[i].name, "loss") == 0)
            loss = n;
        else if (n->dtype == DTYPE_F64)
            other = n;
    }
    for (size_t i = 0; i < t->g.nodes.count; i++)
        if (t->g.nodes.at[i]->op == OP_PARAM && t->g.nodes.at[i]->dtype == DTYPE_F64)
            vec_push(&t->memory, &wrt, t->g.nodes.at[i]);
    for (int a = 0; a < t->g.axis_count; a++)
        if (t->g.axes[a].lengths && t->g.axes[a].lengths->op != OP_INPUT)
            return SLOPE_REFUSED; /* a trial knows lengths as numbers of a leaf */
    if (!loss || loss->dtype != DTYPE_F64 || wrt.count == 0 || !verify_graph(&t->g))
        return SLOPE_REFUSED;
    slope_leaves(t, seed);
    if (!slope_is_finite(t, loss, &wrt))
        return SLOPE_REFUSED;
    if (other && !slope_is_finite(t, witness_whole(&t->g, other), &wrt))
        other = NULL;
    if (!slope_ignores_padding(t, loss)) {
        text_add(report, "the loss depends on padding\n");
        return SLOPE_PADDED;
    }
    if (witness_gradients(t, loss, other, wrt.at, wrt.count, seed, &slope_tolerance))
        return SLOPE_RIGHT;
    text_add(report, "%s\n", t->message);
    return SLOPE_WRONG;
}

slope_verdict slope_check(const graph *g, const int64_t extents[LIMIT_AXES], uint64_t seed,
                          text *report) {
    trial t;
    trial_open(&t);
    memcpy(t.extents, extents, sizeof t.extents);
    rewrite_graph(g, &t.g, NULL, NULL);
    slope_verdict verdict =
        t.problem.code == STATUS_OK ? slope_judge(&t, seed, report) : SLOPE_REFUSED;
    trial_close(&t);
    return verdict;
}
