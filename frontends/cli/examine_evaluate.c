/* The reference evaluator on the graph as the user wrote it: every value of every line is there to
 * be looked at afterwards. */
#include <stdio.h>
#include <string.h>

#include "frontends/capi.h"
#include "frontends/cli/examine.h"

/* The slot of this role and name. */
static bool evaluate_slot(const session *s, eddy_role role, const char *name, eddy_slot *slot) {
    for (int i = 0; eddy_program_slot(s->program, role, i, slot); i++)
        if (strcmp(slot->name, name) == 0)
            return true;
    return false;
}

static const void *evaluate_feed(examine *e, const examine_look *look, const op_node *n) {
    eddy_slot slot;
    if (n->op == OP_INPUT && evaluate_slot(look->s, EDDY_INPUT, n->attributes.text, &slot))
        return examine_input(e, &slot, &look->part, look->scale, NULL);
    if (n->op != OP_PARAM || !evaluate_slot(look->s, EDDY_PARAM, n->attributes.text, &slot))
        return NULL;
    size_t elements = eddy_run_elements(look->s->run, slot.name);
    void *to = arena_take_array(e->memory, elements + 1, 8);
    cli_check(eddy_params_read(look->params, slot.name, to, elements),
              eddy_params_message(look->params));
    return to;
}

bool examine_evaluate(examine *e, const examine_model *of, const examine_look *look,
                      examine_values *out, char *why, size_t size) {
    error problem = {0};
    node_list roots = {0};
    VEC(eval_feed) feeds = {0};
    int64_t extents[LIMIT_AXES];
    graph_init(&out->g, e->memory, &problem);
    grad_graph(&of->m->graph, &out->g);
    out->at = NULL;
    if (problem.code == STATUS_OK)
        graph_roots(&out->g, e->memory, &roots);
    for (int a = 0; a < out->g.axis_count; a++) {
        const graph_axis *axis = &out->g.axes[a];
        extents[a] = axis->extent >= 0              ? axis->extent
                     : strcmp(axis->name, "t") == 0 ? look->part.steps
                     : strcmp(axis->name, "b") == 0 ? look->part.samples
                                                    : EXAMINE_OTHER;
    }
    for (size_t i = 0; i < out->g.nodes.count; i++) {
        const void *data = evaluate_feed(e, look, out->g.nodes.at[i]);
        if (data)
            vec_push(e->memory, &feeds, (eval_feed){out->g.nodes.at[i], data});
    }
    if (problem.code == STATUS_OK)
        out->at =
            eval_graph(&out->g, e->memory, roots.at, roots.count, extents, feeds.at, feeds.count);
    snprintf(why, size, "%s", problem.message);
    out->g.problem = NULL;
    return out->at != NULL;
}
