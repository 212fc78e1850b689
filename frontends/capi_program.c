/* Compiled programs: the code, and for each slot who provides its memory - the caller (inputs,
 * outputs), a set of parameters, or the run itself (what is carried). */
#include <assert.h>
#include <string.h>

#include "frontends/capi.h"
#include "frontends/program.h"

static bool program_is_position(const eddy_model *m, const op_node *node) {
    for (int a = 0; a < m->graph.axis_count; a++)
        if (m->axes[a].position == node)
            return true;
    return false;
}

static program_part program_param(const eddy_model *m, const char *name) {
    for (size_t i = 0; i < m->variables.count; i++) {
        const capi_variable *v = &m->variables.at[i];
        if (strcmp(v->node->attributes.text, name) == 0)
            return (program_part){.role = v->owned ? EDDY_STATE : EDDY_PARAM,
                                  .made = i,
                                  .init = v->init,
                                  .trainable = v->trainable,
                                  .position = program_is_position(m, v->node)};
    }
    assert(!"every param of a program is a variable of its model");
    return (program_part){.role = EDDY_PARAM};
}

static program_part program_input(const eddy_model *m, const char *name) {
    size_t i = 0;
    while (m->graph.nodes.at[i]->op != OP_INPUT ||
           strcmp(m->graph.nodes.at[i]->attributes.text, name) != 0)
        i++;
    return (program_part){.role = EDDY_INPUT, .made = i};
}

static program_part program_output(const eddy_model *m, const char *name) {
    size_t i = 0;
    while (strcmp(m->graph.outputs.at[i].name, name) != 0)
        i++;
    return (program_part){.role = EDDY_OUTPUT, .made = i};
}

static program_part program_part_of(const eddy_model *m, const program_slot *slot) {
    return slot->storage == NEST_INPUT    ? program_input(m, slot->name)
           : slot->storage == NEST_OUTPUT ? program_output(m, slot->name)
                                          : program_param(m, slot->name);
}

static void program_sort(eddy_program *p) {
    for (int i = 0; i < p->count; i++) {
        int k = i;
        for (; k > 0 && p->parts[p->order[k - 1]].made > p->parts[i].made; k--)
            p->order[k] = p->order[k - 1];
        p->order[k] = i;
    }
}

static void program_prepare(eddy_model *of) {
    const eddy_site nowhere = {NULL, 0};
    CAPI_DO(of, nowhere, capi_carry_finish(m));
}

/* false with m's problem set; p may be half made. */
static bool program_fill(eddy_program *p, eddy_model *m) {
    p->code = program_compile(&m->graph, "eddy", &p->source, &m->problem);
    if (!p->code)
        return false;
    p->count = program_slot_count(p->code);
    p->parts = allocator_take(&p->source, (size_t)p->count * sizeof *p->parts, sizeof(void *));
    p->order = allocator_take(&p->source, (size_t)p->count * sizeof *p->order, sizeof(void *));
    if (!p->parts || !p->order)
        return false;
    for (int i = 0; i < p->count; i++)
        p->parts[i] = program_part_of(m, program_slot_at(p->code, i));
    program_sort(p);
    return true;
}

eddy_status eddy_compile(eddy_model *m, eddy_program **out) {
    *out = NULL;
    if (!m)
        return EDDY_OUT_OF_MEMORY;
    m->graph.builder.where = (site){NULL, 0};
    if (m->graph.outputs.count + m->graph.updates.count == 0)
        capi_fail(m, EDDY_BAD_ARGUMENT, "compile: the model has no output and no update");
    program_prepare(m);
    if (m->problem.code != STATUS_OK)
        return eddy_model_status(m);
    eddy_program *p = allocator_take(&m->source, sizeof *p, sizeof(void *));
    if (p) {
        *p = (eddy_program){.source = m->source};
        if (program_fill(p, m)) {
            *out = p;
            return EDDY_OK;
        }
        eddy_program_free(p);
    }
    capi_fail(m, EDDY_OUT_OF_MEMORY, "compile: out of memory"); /* unless a mistake came first */
    return eddy_model_status(m);
}

void eddy_program_free(eddy_program *p) {
    if (!p)
        return;
    allocator source = p->source;
    program_free(p->code);
    allocator_give(&source, p->parts, (size_t)p->count * sizeof *p->parts);
    allocator_give(&source, p->order, (size_t)p->count * sizeof *p->order);
    allocator_give(&source, p, sizeof *p);
}

eddy_statistics eddy_program_statistics(const eddy_program *p) {
    if (!p)
        return (eddy_statistics){.kernels = 0};
    program_stats of = program_statistics(p->code);
    return (eddy_statistics){.milliseconds = of.milliseconds,
                             .llvm_milliseconds = of.llvm_milliseconds,
                             .core_milliseconds = of.core_milliseconds,
                             .kernels = of.kernels,
                             .nests = of.nests,
                             .object_bytes = of.object_bytes};
}

static void program_describe(const eddy_program *p, int slot, eddy_slot *out) {
    const program_slot *of = program_slot_at(p->code, slot);
    *out = (eddy_slot){.name = of->name,
                       .dtype = (eddy_dtype)of->type,
                       .axis_count = of->axis_count,
                       .rank = of->shape.rank,
                       .updated = of->updated};
    for (int i = 0; i < of->axis_count; i++)
        out->axes[i] = program_axis_name(p->code, of->axes[i]);
    for (int i = 0; i < of->shape.rank; i++)
        out->dimensions[i] = of->shape.dimension[i] < 0 ? -1 : of->shape.dimension[i];
}

bool eddy_program_slot(const eddy_program *p, eddy_role role, int i, eddy_slot *out) {
    for (int k = 0; p && i >= 0 && k < p->count; k++)
        if (p->parts[p->order[k]].role == role && i-- == 0) {
            program_describe(p, p->order[k], out);
            return true;
        }
    return false;
}
