/* Values at computed places. A place that is not there gives 0, or what stands in for the step, and
 * neither PyTorch nor JAX has that, so the program gets functions of its own.
 *
 * Written are the cases that cells have: rows of a table of parameters, one number of a vector (the
 * logit of a label), one step of a sequence. */
#include "frontends/cli/python.h"

enum { PLACE_ROWS, PLACE_PICK, PLACE_STEP, PLACE_COUNT };

static const char *const place_torch[PLACE_COUNT] = {
    [PLACE_ROWS] =
        "def rows(table, places):\n"
        "    inside = (places >= 0) & (places < table.shape[0])\n"
        "    found = table[torch.where(inside, places, 0).long()]\n"
        "    return torch.where(inside.reshape(inside.shape + (1,) * (table.ndim - 1)), "
        "found, 0.0)\n",
    [PLACE_PICK] =
        "def pick(x, places):\n"
        "    inside = (places >= 0) & (places < x.shape[-1])\n"
        "    found = torch.take_along_dim(x, torch.where(inside, places, 0).long()[..., "
        "None], -1)\n"
        "    return torch.where(inside, found[..., 0], 0.0)\n",
    [PLACE_STEP] =
        "def step_at(x, place, otherwise):\n"
        "    inside = (place >= 0) & (place < x.shape[0])\n"
        "    return torch.where(inside, x[torch.where(inside, place, 0).long()], "
        "otherwise)\n",
};
static const char *const place_jax[PLACE_COUNT] = {
    [PLACE_ROWS] =
        "def rows(table, places):\n"
        "    inside = (places >= 0) & (places < table.shape[0])\n"
        "    found = table[jnp.where(inside, places, 0)]\n"
        "    return jnp.where(inside.reshape(inside.shape + (1,) * (table.ndim - 1)), "
        "found, 0.0)\n",
    [PLACE_PICK] =
        "def pick(x, places):\n"
        "    inside = (places >= 0) & (places < x.shape[-1])\n"
        "    found = jnp.take_along_axis(x, jnp.where(inside, places, 0)[..., None], "
        "-1)\n"
        "    return jnp.where(inside, found[..., 0], 0.0)\n",
    [PLACE_STEP] =
        "def step_at(x, place, otherwise):\n"
        "    inside = (place >= 0) & (place < x.shape[0])\n"
        "    return jnp.where(inside, x[jnp.where(inside, place, 0)], otherwise)\n",
};

void python_functions(const python_writer *p, text *out) {
    for (int i = 0; i < PLACE_COUNT; i++)
        if (p->functions >> i & 1)
            text_add(out, "\n\n%s", PYTHON_EITHER(p, place_torch, place_jax)[i]);
}

static const char *place_gather(python_writer *p, const op_node *n, uint32_t axes) {
    const op_node *x = n->arguments[0], *places = n->arguments[1];
    const python_value *table = &p->nodes[x->id].value;
    if (table->axes == 0) {
        p->functions |= 1U << PLACE_ROWS;
        return arena_print(p->memory, "rows(%s, %s)", table->words,
                           p->nodes[places->id].value.words);
    }
    if (x->shape.rank != 1 || places->shape.rank != 0) {
        python_refuse(p, n, "rows of a table that is not the same for all steps and samples");
        return "";
    }
    p->functions |= 1U << PLACE_PICK;
    return arena_print(p->memory, "pick(%s, %s)", python_fit(p, x, axes, &x->shape),
                       python_fit(p, places, axes, &places->shape));
}

static const char *place_at(python_writer *p, const op_node *n, uint32_t *axes) {
    const op_node *x = n->arguments[0], *place = n->arguments[1], *start = n->arguments[2];
    int axis = n->attributes.axis;
    uint32_t all = p->nodes[x->id].value.axes | 1U << axis;
    if (n->count != 3 || p->nodes[place->id].value.axes) {
        python_refuse(p, n, "the step is not the same for all steps and samples");
        return "";
    }
    p->functions |= 1U << PLACE_STEP;
    const char *whole = python_fit(p, x, all, &x->shape);
    int before = python_before(p, all, axis);
    *axes = (all & ~(1U << axis)) | p->nodes[start->id].value.axes;
    if (before)
        whole = arena_print(p->memory, "%s(%s, %d, 0)",
                            PYTHON_EITHER(p, "torch.movedim", "jnp.moveaxis"), whole, before);
    if (*axes != (all & ~(1U << axis)))
        python_refuse(p, n, "what stands in for it has axes of its own");
    return arena_print(p->memory, "step_at(%s, %s, %s)", whole, p->nodes[place->id].value.words,
                       python_align(p, start, *axes, n->shape.rank).words);
}

python_value python_placed(python_writer *p, const op_node *n) {
    python_value v = {.bind = PYTHON_TIGHT};
    for (int i = 0; i < op_live_count(n); i++)
        v.axes |= p->nodes[n->arguments[i]->id].value.axes;
    if (n->op == OP_GATHER)
        v.words = place_gather(p, n, v.axes);
    else if (n->op == OP_AT)
        v.words = place_at(p, n, &v.axes);
    else
        python_refuse(p, n, NULL);
    return v;
}
