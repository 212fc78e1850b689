/* The outputs of a trial by the compiled program: compiled, bound and called once; then again in
 * blocks of steps, which must not change a bit. */
#include <math.h>
#include <string.h>

#include "jit/program.h"
#include "tests/support/trial.h"

static bool trial_call(trial *t, const program *p, program_run *r, double **out) {
    error problem = {0};
    int64_t extents[LIMIT_AXES] = {0};
    for (int a = 0; a < program_axis_count(p); a++)
        extents[a] = t->extents[graph_axis_find(&t->g, program_axis_name(p, a))];
    if (program_run_resize(r, extents, &problem) != STATUS_OK)
        return trial_fail(t, "compiled: %s", problem.message);
    for (size_t i = 0; i < t->leaves.count; i++) {
        const trial_leaf *leaf = &t->leaves.at[i];
        nest_storage storage = leaf->node->op == OP_PARAM ? NEST_PARAM : NEST_INPUT;
        int slot = program_slot_find(p, storage, leaf->node->name);
        if (slot >= 0)
            program_run_bind(r, slot,
                             trial_encode(&t->memory, (dtype)leaf->node->dtype, leaf->values,
                                          trial_elements(t, leaf->node)));
    }
    if (program_run_call(r, &problem) != STATUS_OK)
        return trial_fail(t, "compiled: %s", problem.message);
    for (size_t i = 0; i < t->g.outputs.count; i++) {
        const graph_output *output = &t->g.outputs.at[i];
        int slot = program_slot_find(p, NEST_OUTPUT, output->name);
        size_t elements = slot < 0 ? 0 : program_run_elements(r, slot);
        if (slot < 0 || elements != trial_elements(t, output->node))
            return trial_fail(t, "compiled: output %s has %zu elements", output->name, elements);
        for (size_t k = 0; k < elements; k++)
            out[i][k] = trial_decode((dtype)output->node->dtype, program_run_bound(r, slot), k);
    }
    return true;
}

static bool trial_is_same(double left, double right) {
    return memcmp(&left, &right, sizeof left) == 0 || (isnan(left) && isnan(right));
}

static bool trial_in_blocks(trial *t, const program *p, program_run *r, double **out) {
    static const int64_t steps[] = {1, 3};
    node_list nodes = {0};
    for (size_t i = 0; i < t->g.outputs.count; i++)
        vec_push(&t->memory, &nodes, t->g.outputs.at[i].node);
    double **again = trial_room(t, nodes.at, nodes.count);
    for (int s = 0; s < 2 && program_block_axis(p) >= 0; s++) {
        program_run_set_block(r, steps[s]);
        if (!trial_call(t, p, r, again))
            return false;
        for (size_t i = 0; i < nodes.count; i++)
            for (size_t k = 0; k < trial_elements(t, nodes.at[i]); k++)
                if (!trial_is_same(out[i][k], again[i][k]))
                    return trial_fail(t, "compiled: %s differs in blocks of %d",
                                      t->g.outputs.at[i].name, (int)steps[s]);
    }
    return true;
}

bool trial_compiled(trial *t, double **out) {
    error problem = {0};
    program *p = program_compile(&t->g, "trial", allocator_default(), &problem);
    if (!p)
        return trial_fail(t, "compile: %s", problem.message);
    program_run *r = program_run_new(p, allocator_default(), &problem);
    bool good = r ? trial_call(t, p, r, out) && trial_in_blocks(t, p, r, out)
                  : trial_fail(t, "compiled: %s", problem.message);
    program_run_free(r);
    program_free(p);
    return good;
}
