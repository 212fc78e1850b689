/* Arrays as a whole: shapes, sums, products, shifts along an axis.
 *
 * A dimension of the value itself is counted from the end (-1 is the last), so that it does not
 * matter how many axes stand in front. A product of a matrix of parameters with what varies is the
 * function that an expert takes; all others are einsum. */
#include <string.h>

#include "frontends/cli/python.h"

int python_before(const python_writer *p, uint32_t axes, int axis) {
    int order[LIMIT_AXES], count = graph_axis_order(p->g, axes, order), i = 0;
    while (i < count && order[i] != axis)
        i++;
    return i;
}

static int array_axes(const python_writer *p, uint32_t axes) {
    return python_before(p, axes, -1);
}

const char *python_tuple(python_writer *p, const char *list, size_t count) {
    return arena_print(p->memory, "(%s%s)", list, count == 1 ? "," : "");
}

const char *python_bracket(const python_writer *p, python_value v, python_bind least) {
    return v.bind >= least ? v.words : arena_print(p->memory, "(%s)", v.words);
}

python_value python_align(python_writer *p, const op_node *x, uint32_t axes, int rank) {
    python_value v = p->nodes[x->id].value;
    int order[LIMIT_AXES], count = graph_axis_order(p->g, axes, order), first = -1, last = -1;
    bool held[LIMIT_AXES + LIMIT_RANK] = {false};
    for (int i = 0; i < count + rank; i++) {
        held[i] = i < count ? v.axes >> order[i] & 1 : i - count >= rank - x->shape.rank;
        if (held[i] && first < 0)
            first = i;
        if (!held[i] && first >= 0)
            last = i;
    }
    if (v.number || last < 0)
        return v;
    text words;
    text_init(&words, p->memory);
    text_add(&words, "%s[", python_bracket(p, v, PYTHON_TIGHT));
    for (int i = first; i <= last; i++)
        text_add(&words, "%s%s", i > first ? ", " : "", held[i] ? ":" : "None");
    text_add(&words, "]");
    return (python_value){words.at, PYTHON_TIGHT, axes, false};
}

const char *python_sizes(python_writer *p, uint32_t axes, const op_shape *shape, int other,
                         int64_t size) {
    int order[LIMIT_AXES], count = graph_axis_order(p->g, axes, order);
    text words;
    text_init(&words, p->memory);
    for (int i = 0; i < count; i++)
        if (order[i] == other)
            text_add(&words, "%s%lld", i ? ", " : "", (long long)size);
        else
            text_add(&words, "%s%s", i ? ", " : "", python_extent(p, order[i]));
    for (int i = 0; i < shape->rank; i++) {
        int64_t own = shape->dimension[i];
        text_add(&words, "%s", count || i ? ", " : "");
        if (own < 0)
            text_add(&words, "%s", python_extent(p, (int)(-1 - own)));
        else
            text_add(&words, "%lld", (long long)own);
    }
    return python_tuple(p, words.at, (size_t)count + (size_t)shape->rank);
}

const char *python_full(python_writer *p, const char *number, const char *sizes, dtype type) {
    const char *module = PYTHON_EITHER(p, "torch", "jnp"), *kind = python_type(p, type);
    if (strcmp(sizes, "()") == 0)
        return arena_print(p->memory, "%s(%s, dtype=%s)",
                           PYTHON_EITHER(p, "torch.tensor", "jnp.array"), number, kind);
    if (strcmp(number, "0.0") == 0 && type == DTYPE_F32)
        return arena_print(p->memory, "%s.zeros(%s)", module, sizes);
    return arena_print(p->memory, "%s.full(%s, %s, dtype=%s)", module, sizes, number, kind);
}

/* x stretched to axes and shape; the extent of axis `other` is `size`. */
static const char *array_stretch(python_writer *p, const op_node *x, uint32_t axes,
                                 const op_shape *shape, int other, int64_t size) {
    const char *sizes = python_sizes(p, axes, shape, other, size);
    python_value v = python_align(p, x, axes, shape->rank);
    if (v.number)
        return python_full(p, v.words, sizes, (dtype)x->dtype);
    return arena_print(p->memory, "%s.broadcast_to(%s, %s)", PYTHON_EITHER(p, "torch", "jnp"),
                       v.words, sizes);
}

const char *python_fit(python_writer *p, const op_node *x, uint32_t axes, const op_shape *shape) {
    const python_value *v = &p->nodes[x->id].value;
    if (!v->number && v->axes == axes && op_shape_equal(&x->shape, shape))
        return v->words;
    return array_stretch(p, x, axes, shape, -1, 0);
}

/* ---- views */

static const char *array_words(python_writer *p, const op_node *x) {
    return python_bracket(p, p->nodes[x->id].value, PYTHON_TIGHT);
}

static const char *array_slice(python_writer *p, const op_node *n) {
    const op_attributes *a = &n->attributes;
    long long low = a->low, size = a->size;
    text words;
    text_init(&words, p->memory);
    text_add(&words, "%s[..., %lld:%lld", array_words(p, n->arguments[0]), low, low + size);
    for (int i = a->dimension + 1; i < n->shape.rank; i++)
        text_add(&words, ", :");
    text_add(&words, "]");
    return words.at;
}

/* PyTorch wants pairs from the last dimension on, NumPy a pair for each. */
static const char *array_pad(python_writer *p, const op_node *n) {
    const op_attributes *a = &n->attributes;
    const op_node *x = n->arguments[0];
    const python_value *v = &p->nodes[x->id].value;
    long long low = a->low, high = a->size - a->low - x->shape.dimension[a->dimension];
    text words;
    text_init(&words, p->memory);
    if (p->way == PYTHON_TORCH) {
        text_add(&words, "functional.pad(%s, (", v->words);
        for (int i = a->dimension + 1; i < n->shape.rank; i++)
            text_add(&words, "0, 0, ");
        text_add(&words, "%lld, %lld))", low, high);
        return words.at;
    }
    int front = array_axes(p, v->axes), all = front + n->shape.rank;
    for (int i = 0; i < all; i++) {
        bool own = i == front + a->dimension;
        text_add(&words, "%s(%lld, %lld)", i ? ", " : "", own ? low : 0, own ? high : 0);
    }
    return arena_print(p->memory, "jnp.pad(%s, %s)", v->words,
                       python_tuple(p, words.at, (size_t)all));
}

static const char *array_concat(python_writer *p, const op_node *n, uint32_t *axes) {
    text words;
    text_init(&words, p->memory);
    for (int i = 0; i < n->count; i++)
        *axes |= p->nodes[n->arguments[i]->id].value.axes;
    for (int i = 0; i < n->count; i++)
        text_add(&words, "%s%s", i ? ", " : "",
                 python_fit(p, n->arguments[i], *axes, &n->arguments[i]->shape));
    return arena_print(p->memory, "%s(%s, %d)", PYTHON_EITHER(p, "torch.cat", "jnp.concatenate"),
                       python_tuple(p, words.at, n->count),
                       n->attributes.dimension - n->shape.rank);
}

static const char *array_transpose(python_writer *p, const op_node *n, uint32_t axes) {
    int front = array_axes(p, axes);
    text words;
    text_init(&words, p->memory);
    for (int i = 0; i < front + n->shape.rank; i++)
        text_add(&words, "%s%d", i ? ", " : "",
                 i < front ? i : front + n->attributes.permutation[i - front]);
    return arena_print(p->memory, "%s(%s, (%s))",
                       PYTHON_EITHER(p, "torch.permute", "jnp.transpose"),
                       p->nodes[n->arguments[0]->id].value.words, words.at);
}

static const char *array_move(python_writer *p, const char *words, int from, int to) {
    return from == to
               ? words
               : arena_print(p->memory, "%s(%s, %d, %d)",
                             PYTHON_EITHER(p, "torch.movedim", "jnp.moveaxis"), words, from, to);
}

static const char *array_stack(python_writer *p, const op_node *n, uint32_t *axes) {
    const op_node *x = n->arguments[0];
    int axis = n->attributes.axis;
    uint32_t all = *axes | 1U << axis;
    const char *words = python_fit(p, x, all, &x->shape);
    *axes = all & ~(1U << axis);
    return array_move(p, words, python_before(p, all, axis), array_axes(p, *axes));
}

static const char *array_spread(python_writer *p, const op_node *n, uint32_t *axes) {
    const char *words = p->nodes[n->arguments[0]->id].value.words;
    int from = array_axes(p, *axes), axis = n->attributes.axis;
    *axes |= 1U << axis;
    return array_move(p, words, from, python_before(p, *axes, axis));
}

/* ---- sums and products */

static const char *array_fold(const python_writer *p, op_kind kind) {
    static const char *const torch[] = {"torch.sum", "torch.amax", "torch.logsumexp",
                                        "torch.argmax"};
    static const char *const jax[] = {"jnp.sum", "jnp.max", "jax.nn.logsumexp", "jnp.argmax"};
    return PYTHON_EITHER(p, torch, jax)[kind];
}

static const char *array_reduce(python_writer *p, const op_node *n) {
    op_kind kind = (op_kind)n->attributes.kind;
    const char *words = arena_print(p->memory, "%s(%s, %d, %s=True)", array_fold(p, kind),
                                    p->nodes[n->arguments[0]->id].value.words,
                                    n->attributes.dimension - n->shape.rank,
                                    PYTHON_EITHER(p, "keepdim", "keepdims"));
    if (kind == OP_KIND_ARGMAX)
        words = arena_print(p->memory, "%s.%s(%s)", words, PYTHON_EITHER(p, "to", "astype"),
                            python_type(p, DTYPE_I32));
    return words;
}

static const char *array_total(python_writer *p, const op_node *n, uint32_t *axes) {
    const op_node *x = n->arguments[0];
    uint32_t over = n->attributes.over, all = *axes | over;
    text words;
    text_init(&words, p->memory);
    size_t count = 0;
    for (int a = 0; a < p->g->axis_count; a++)
        if (over >> a & 1)
            text_add(&words, "%s%d", count++ ? ", " : "", python_before(p, all, a));
    *axes = all & ~over;
    return arena_print(p->memory, "%s(%s, %s)", array_fold(p, (op_kind)n->attributes.kind),
                       python_fit(p, x, all, &x->shape), python_tuple(p, words.at, count));
}

/* Is it W @ x, the matrix the same for all steps and samples? */
static bool array_is_linear(const python_writer *p, const op_node *n, const op_contract *c) {
    return c->rank_a == 2 && c->rank_b == 1 && c->rank_out == 1 && c->out[0] == c->a[0] &&
           c->b[0] == c->a[1] && c->a[0] != c->a[1] && !n->attributes.over &&
           !p->nodes[n->arguments[0]->id].value.axes;
}

/* A letter for each axis of the set, none of which is in the spec. */
static void array_letters(const python_writer *p, const char *spec, uint32_t axes,
                          char out[LIMIT_AXES]) {
    char taken[LIMIT_AXES + 1] = "";
    int count = 0;
    for (int a = 0; a < p->g->axis_count; a++) {
        char letter = (char)(p->g->axes[a].name[0] & ~0x20);
        if (!(axes >> a & 1))
            continue;
        if (letter < 'A' || letter > 'Z')
            letter = 'A';
        while (strchr(spec, letter) || strchr(taken, letter))
            letter = (char)(letter == 'Z' ? 'a' : letter == 'z' ? 'A' : letter + 1);
        out[a] = taken[count++] = letter;
    }
}

static void array_operand(const python_writer *p, text *spec, uint32_t axes, const char *letters,
                          const char *own, size_t count) {
    int order[LIMIT_AXES], front = graph_axis_order(p->g, axes, order);
    for (int i = 0; i < front; i++)
        text_add(spec, "%c", letters[order[i]]);
    text_add(spec, "%.*s", (int)count, own);
}

static const char *array_einsum(python_writer *p, const op_node *n, uint32_t *axes) {
    const char *spec = n->attributes.text, *comma = strchr(spec, ','), *arrow = strchr(spec, '-');
    const op_node *a = n->arguments[0], *b = n->arguments[1];
    uint32_t over = n->attributes.over, own = p->nodes[a->id].value.axes | (over & ~*axes);
    char letters[LIMIT_AXES] = {0};
    text words;
    text_init(&words, p->memory);
    array_letters(p, spec, *axes | over, letters);
    text_add(&words, "%s(\"", PYTHON_EITHER(p, "torch.einsum", "jnp.einsum"));
    array_operand(p, &words, own, letters, spec, (size_t)(comma - spec));
    text_add(&words, ",");
    array_operand(p, &words, p->nodes[b->id].value.axes, letters, comma + 1,
                  (size_t)(arrow - comma) - 1);
    text_add(&words, "->");
    *axes = (*axes | over) & ~over;
    array_operand(p, &words, *axes, letters, arrow + 2, strlen(arrow + 2));
    text_add(&words, "\", %s, %s)", python_fit(p, a, own, &a->shape), p->nodes[b->id].value.words);
    return words.at;
}

static const char *array_contract(python_writer *p, const op_node *n, uint32_t *axes) {
    op_contract c;
    const char *why;
    op_contract_parse(n->attributes.text, &c, &why);
    if (!array_is_linear(p, n, &c))
        return array_einsum(p, n, axes);
    const char *x = p->nodes[n->arguments[1]->id].value.words;
    if (p->way == PYTHON_TORCH)
        return arena_print(p->memory, "functional.linear(%s, %s)", x,
                           p->nodes[n->arguments[0]->id].value.words);
    return arena_print(p->memory, "jnp.matmul(%s, %s.T)", x, array_words(p, n->arguments[0]));
}

/* ---- steps before and behind */

/* All steps at once: the start in front of (behind) them, and as many cut off at the other end. */
static const char *array_shift(python_writer *p, const op_node *n, uint32_t *axes) {
    const op_node *x = n->arguments[0], *start = n->arguments[1];
    int axis = n->attributes.axis, distance = n->attributes.distance;
    if (p->nodes[start->id].value.axes >> axis & 1) {
        python_refuse(p, n, "where it begins, its value differs from step to step");
        return "";
    }
    *axes |= 1U << axis;
    int64_t size = distance < 0 ? -(int64_t)distance : distance;
    const char *first = array_stretch(p, start, *axes, &n->shape, axis, size);
    const char *steps = python_fit(p, x, *axes, &n->shape);
    int before = python_before(p, *axes, axis);
    text words;
    text_init(&words, p->memory);
    text_add(&words, "%s((%s, %s), %d)[", PYTHON_EITHER(p, "torch.cat", "jnp.concatenate"),
             distance > 0 ? first : steps, distance > 0 ? steps : first, before);
    for (int i = 0; i < before; i++)
        text_add(&words, ":, ");
    if (distance > 0)
        text_add(&words, ":%s]", python_extent(p, axis));
    else
        text_add(&words, "%lld:]", (long long)size);
    return words.at;
}

python_value python_array(python_writer *p, const op_node *n) {
    python_value v = {.bind = PYTHON_TIGHT};
    if (n->op != OP_CONCAT)
        for (int i = 0; i < op_live_count(n); i++)
            v.axes |= p->nodes[n->arguments[i]->id].value.axes;
    switch (n->op) {
    case OP_SLICE:
        v.words = array_slice(p, n);
        break;
    case OP_PAD:
        v.words = array_pad(p, n);
        break;
    case OP_CONCAT:
        v.words = array_concat(p, n, &v.axes);
        break;
    case OP_RESHAPE:
        v.words = arena_print(p->memory, "%s.reshape(%s)", array_words(p, n->arguments[0]),
                              python_sizes(p, v.axes, &n->shape, -1, 0));
        break;
    case OP_TRANSPOSE:
        v.words = array_transpose(p, n, v.axes);
        break;
    case OP_BROADCAST:
        if (p->nodes[n->arguments[0]->id].value.number)
            return p->nodes[n->arguments[0]->id].value;
        v.words = python_fit(p, n->arguments[0], v.axes, &n->shape);
        break;
    case OP_STACK:
        v.words = array_stack(p, n, &v.axes);
        break;
    case OP_SPREAD:
        v.words = array_spread(p, n, &v.axes);
        break;
    case OP_REDUCE:
        v.words = array_reduce(p, n);
        break;
    case OP_TOTAL:
        v.words = array_total(p, n, &v.axes);
        break;
    case OP_CONTRACT:
        v.words = array_contract(p, n, &v.axes);
        break;
    case OP_DELAY:
        if (n->count == 2)
            v.words = array_shift(p, n, &v.axes);
        else
            python_refuse(p, n, "samples have lengths of their own");
        break;
    default:
        return python_placed(p, n);
    }
    return v;
}
