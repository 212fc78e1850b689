/* Reads: what it takes to have a value at a point of its domain and shape.
 *
 * A reader asks for a value at indices; the answer is a register (the open nest computed it at this
 * very point), a load, or
 * - for views, masks, shifts and other cheap ops - the op computed here from reads of its arguments
 * at mapped indices. So a view never costs a copy and a mask never costs a pass. Indices that may
 * fall outside are clamped before the load and the value is selected after it: memory is never read
 * out of bounds and padding leaves no trace. The recursion is as deep as a chain of free ops, which
 * classification in lower.c bounds. */
#include <assert.h>
#include <string.h>

#include "jit/lower_internal.h"

void read_point_init(lower_point *p) {
    for (int i = 0; i < LIMIT_AXES; i++)
        p->axis[i] = -1;
    for (int i = 0; i < LIMIT_RANK; i++)
        p->dimension[i] = -1;
}

nest_ref read_extent(lower *l, int64_t dimension) {
    return dimension >= 0 ? tape_integer(l, dimension) : tape_count(l, (int)(-1 - dimension));
}

static void read_axes(const op_node *a, const lower_point *p, lower_point *out) {
    for (int i = 0; i < LIMIT_AXES; i++)
        out->axis[i] = (a->domain >> i & 1) != 0 ? p->axis[i] : -1;
}

void read_point_of_argument(lower *l, const op_node *reader, const op_node *a, const lower_point *p,
                            lower_point *out) {
    read_point_init(out);
    read_axes(a, p, out);
    int shift = reader->shape.rank - a->shape.rank;
    assert(shift >= 0);
    for (int i = 0; i < a->shape.rank; i++)
        out->dimension[i] =
            a->shape.dimension[i] == 1 ? tape_integer(l, 0) : p->dimension[i + shift];
}

bool read_reshape_is_plain(const op_node *reshape, int8_t map[LIMIT_RANK]) {
    const op_shape *from = &reshape->arguments[0]->shape, *to = &reshape->shape;
    int f = 0;
    for (int i = 0; i < to->rank; i++) {
        map[i] = -1;
        if (to->dimension[i] == 1)
            continue;
        while (f < from->rank && from->dimension[f] == 1)
            f++;
        if (f == from->rank || from->dimension[f] != to->dimension[i])
            return false;
        map[i] = (int8_t)f++;
    }
    while (f < from->rank && from->dimension[f] == 1)
        f++;
    return f == from->rank;
}

int read_storage_indices(lower *l, const op_node *n, const lower_point *p, nest_ref *out) {
    int64_t low[LIMIT_RANK];
    const op_node *whole = lower_place_of(l, n, low);
    const nest_buffer *b = &l->plan->buffers.at[l->buffer_of[whole->id]];
    int count = 0;
    for (int i = 0; i < b->axis_count; i++)
        out[count++] = p->axis[b->axes[i]];
    for (int i = 0; i < b->shape.rank; i++) {
        nest_ref first = tape_integer(l, low[i]);
        out[count++] = tape_body(l, BODY_ADD, BODY_I64, p->dimension[i], first, -1);
    }
    for (int i = 0; i < count; i++)
        assert(out[i] >= 0);
    return count;
}

static nest_ref read_zero(lower *l, dtype t) {
    body_value zero;
    memset(&zero, 0, sizeof zero);
    return tape_constant(l, (body_type)t, &zero);
}

/* ---- ops that are read in place */

static nest_ref read_elementwise(lower *l, const op_node *n, const lower_point *p) {
    int count = op_live_count(n);
    body b;
    body_init(&b, l->memory);
    nest_ref *inputs = arena_array(l->memory, nest_ref, count + 1);
    body_ref *arguments = arena_array(l->memory, body_ref, count + 1);
    for (int i = 0; i < count; i++) {
        lower_point at;
        read_point_of_argument(l, n, n->arguments[i], p, &at);
        inputs[i] = read_value(l, n->arguments[i], &at);
        arguments[i] = body_input(&b, i, (body_type)n->arguments[i]->dtype);
    }
    nest_ref element = tape_integer(l, 0);
    for (int i = 0; i < n->shape.rank; i++) {
        element =
            tape_body(l, BODY_MUL, BODY_I64, element, read_extent(l, n->shape.dimension[i]), -1);
        element = tape_body(l, BODY_ADD, BODY_I64, element, p->dimension[i], -1);
    }
    body_ref number = -1;
    if (n->op == OP_RANDOM) {
        inputs[count] = tape_cast(l, element, BODY_I32);
        number = body_input(&b, count, BODY_I32);
    }
    body_ref result = op_get((op_id)n->op)->body(&b, n, arguments, number);
    return tape_splice(l, &b, inputs, result, NULL);
}

/* A constant of which every element is the same number: an immediate, never in memory. */
static bool read_is_number(const op_node *n) {
    return n->op == OP_CONSTANT && (size_t)n->attributes.bytes == dtype_size((dtype)n->dtype);
}

/* The buffer of a value that is read from memory. What the open nest computes, or nobody has
 * computed yet, is there only if another iteration of an enclosing loop wrote it. */
static int32_t read_buffer(lower *l, const op_node *n) {
    if (l->class_of[n->id] == LOWER_LEAF) {
        nest_storage storage = n->op == OP_PARAM   ? NEST_PARAM
                               : n->op == OP_INPUT ? NEST_INPUT
                                                   : NEST_CONSTANT;
        return lower_buffer(l, n, storage, n->attributes.text);
    }
    assert(l->class_of[n->id] != LOWER_FREE);
    /* A state of this very loop is read before its nest exists (a delay's source): its buffer is
     * known all the same. */
    if ((l->home[n->id] == l->open || l->home[n->id] == NULL) && !l->earlier)
        l->conflict = true;
    return lower_buffer(l, n, NEST_ARENA, NULL);
}

static nest_ref read_reshape(lower *l, const op_node *n, const lower_point *p) {
    const op_node *a = n->arguments[0];
    int8_t map[LIMIT_RANK];
    lower_point at;
    read_point_init(&at);
    read_axes(a, p, &at);
    if (read_reshape_is_plain(n, map)) {
        for (int i = 0; i < a->shape.rank; i++)
            at.dimension[i] = tape_integer(l, 0);
        for (int i = 0; i < n->shape.rank; i++)
            if (map[i] >= 0)
                at.dimension[map[i]] = p->dimension[i];
        return read_value(l, a, &at);
    }
    if (read_is_number(a)) {
        for (int i = 0; i < a->shape.rank; i++)
            at.dimension[i] = tape_integer(l, 0);
        return read_value(l, a, &at);
    }
    int32_t buffer = read_buffer(l, a);
    nest_ref indices[LIMIT_AXES + 1];
    const nest_buffer *b = &l->plan->buffers.at[buffer];
    for (int i = 0; i < b->axis_count; i++)
        indices[i] = at.axis[b->axes[i]];
    int64_t stride = 1;
    nest_ref linear = tape_integer(l, 0);
    for (int i = n->shape.rank; i-- > 0;) {
        nest_ref term =
            tape_body(l, BODY_MUL, BODY_I64, p->dimension[i], tape_integer(l, stride), -1);
        linear = tape_body(l, BODY_ADD, BODY_I64, linear, term, -1);
        assert(n->shape.dimension[i] >= 0 && "infer refuses to reshape run-time extents");
        stride *= n->shape.dimension[i];
    }
    indices[b->axis_count] = linear;
    return tape_load(l, buffer, indices, b->axis_count + 1, true, false);
}

static nest_ref read_term(lower *l, const op_term *term, const lower_point *p) {
    if (term->from == OP_TERM_NONE)
        return tape_integer(l, term->offset);
    nest_ref index =
        term->from == OP_TERM_DIMENSION ? p->dimension[term->which] : p->axis[term->which];
    return tape_body(l, BODY_ADD, BODY_I64, index, tape_integer(l, term->offset), -1);
}

static nest_ref read_one_view(lower *l, const op_node *n, const op_view *v, const lower_point *p) {
    const op_node *a = n->arguments[v->argument];
    lower_point at;
    read_point_init(&at);
    read_axes(a, p, &at);
    if (v->axis >= 0)
        at.axis[v->axis] = read_term(l, &v->axis_term, p);
    for (int i = 0; i < a->shape.rank; i++) {
        at.dimension[i] = read_term(l, &v->dimension[i], p);
        if (v->guard >= 0 && v->dimension[i].from == OP_TERM_DIMENSION &&
            v->dimension[i].which == v->guard)
            at.dimension[i] = tape_clamp(l, at.dimension[i], read_extent(l, a->shape.dimension[i]));
    }
    return read_value(l, a, &at);
}

static nest_ref read_view(lower *l, const op_node *n, const lower_point *p) {
    op_view views[LIMIT_ARGUMENTS];
    int count = op_get((op_id)n->op)->views(n, views);
    nest_ref value = -1;
    for (int i = count; i-- > 0;) {
        const op_view *v = &views[i];
        nest_ref part = read_one_view(l, n, v, p);
        if (v->guard < 0) {
            value = part;
            continue;
        }
        nest_ref index = p->dimension[v->guard];
        nest_ref low = tape_body(l, BODY_LE, BODY_BOOL, tape_integer(l, v->low), index, -1);
        nest_ref high = tape_body(l, BODY_LT, BODY_BOOL, index, tape_integer(l, v->high), -1);
        nest_ref inside = tape_body(l, BODY_AND, BODY_BOOL, low, high, -1);
        if (value < 0)
            value = read_zero(l, (dtype)n->dtype);
        value = tape_body(l, BODY_SELECT, (body_type)n->dtype, inside, part, value);
    }
    return value;
}

/* The end of an axis at a point: the lengths argument where there is one (no further than the
 * extent), else the extent; i64. */
static nest_ref read_end(lower *l, const op_node *n, int argument, int axis, const lower_point *p) {
    if (n->count <= argument)
        return tape_count(l, axis);
    const op_node *lengths = n->arguments[argument];
    lower_point at;
    read_point_init(&at);
    read_axes(lengths, p, &at);
    nest_ref end = tape_cast(l, read_value(l, lengths, &at), BODY_I64),
             extent = tape_count(l, axis);
    return tape_body(l, BODY_SELECT, BODY_I64, tape_body(l, BODY_LT, BODY_BOOL, extent, end, -1),
                     extent, end);
}

/* Does this delay look from the turn of its loop at the one before? */
static bool read_is_turn_before(const lower *l, const op_node *n, int axis, const lower_point *p) {
    if (n->op != OP_DELAY || checkpoint_is(n->arguments[0]) ||
        (n->attributes.distance != 1 && n->attributes.distance != -1) ||
        (n->arguments[0]->domain >> axis & 1) == 0)
        return false;
    const nest_instruction *index = &l->open->tape.at[p->axis[axis]];
    return index->op == NEST_OUTER && index->which == axis;
}

/* Does n look at steps of the enclosing block alone? */
static bool read_resumes(const lower *l, const op_node *n) {
    return n->op == OP_DELAY && n->attributes.resumes && n->attributes.axis == l->block;
}

/* Where step `source` of the axis is in the memory of x; a legal place if it does not exist. */
static nest_ref read_source(lower *l, const op_node *n, int axis, nest_ref source) {
    if (checkpoint_is(n->arguments[0]))
        return checkpoint_read(l, n->arguments[0], source);
    if (!read_resumes(l, n))
        return tape_clamp(l, source, tape_count(l, axis));
    nest_ref last =
        tape_body(l, BODY_ADD, BODY_I64, tape_span(l, NEST_END), tape_integer(l, -1), -1);
    return n->attributes.distance > 0 ? tape_most(l, source, tape_span(l, NEST_FIRST))
                                      : tape_least(l, source, last);
}

/* x at index `source` of an axis where inside, else init. */
static nest_ref read_along(lower *l, const op_node *n, int axis, nest_ref source, nest_ref inside,
                           const lower_point *p) {
    const op_node *x = n->arguments[0];
    lower_point at;
    read_point_of_argument(l, n, x, p, &at);
    if ((x->domain >> axis & 1) != 0)
        at.axis[axis] = read_source(l, n, axis, source);
    bool earlier = l->earlier, near = l->near;
    l->near = read_resumes(l, n);
    int before = l->before;
    nest_ref before_index = l->before_index;
    if (n->op == OP_DELAY && lower_in_loop(l, axis))
        l->earlier = true; /* another iteration wrote it, or nobody reads it */
    l->before = read_is_turn_before(l, n, axis, p) ? 1 + axis : 0;
    l->before_index = at.axis[axis];
    nest_ref value = read_value(l, x, &at);
    l->earlier = earlier;
    l->near = near;
    l->before = before;
    l->before_index = before_index;
    const op_node *init = n->arguments[n->op == OP_AT ? 2 : 1];
    read_point_of_argument(l, n, init, p, &at);
    return tape_body(l, BODY_SELECT, (body_type)n->dtype, inside, value, read_value(l, init, &at));
}

static nest_ref read_delay(lower *l, const op_node *n, const lower_point *p) {
    int axis = n->attributes.axis;
    nest_ref source = tape_body(l, BODY_SUB, BODY_I64, p->axis[axis],
                                tape_integer(l, n->attributes.distance), -1);
    bool resumes = read_resumes(l, n);
    nest_ref end = read_end(l, n, 2, axis, p), inside;
    if (n->attributes.distance > 0) {
        nest_ref first = resumes ? tape_span(l, NEST_FIRST) : tape_integer(l, 0);
        inside = tape_body(l, BODY_LE, BODY_BOOL, first, source, -1);
        if (n->count > 2) {
            nest_ref below = tape_body(l, BODY_LT, BODY_BOOL, source, end, -1);
            inside = tape_body(l, BODY_AND, BODY_BOOL, inside, below, -1);
        }
    } else {
        end = resumes ? tape_least(l, end, tape_span(l, NEST_END)) : end;
        inside = tape_body(l, BODY_LT, BODY_BOOL, source, end, -1);
    }
    return read_along(l, n, axis, source, inside, p);
}

static nest_ref read_at(lower *l, const op_node *n, const lower_point *p) {
    int axis = n->attributes.axis;
    lower_point at;
    read_point_init(&at);
    read_axes(n->arguments[1], p, &at);
    nest_ref source = tape_cast(l, read_value(l, n->arguments[1], &at), BODY_I64);
    return read_along(l, n, axis, source, tape_inside(l, source, read_end(l, n, 3, axis, p)), p);
}

static nest_ref read_gather(lower *l, const op_node *n, const lower_point *p) {
    const op_node *x = n->arguments[0], *i = n->arguments[1];
    lower_point at;
    read_point_init(&at);
    read_axes(i, p, &at);
    for (int k = 0; k < i->shape.rank; k++)
        at.dimension[k] = p->dimension[k];
    nest_ref row = tape_cast(l, read_value(l, i, &at), BODY_I64);
    nest_ref rows = read_extent(l, x->shape.dimension[0]);
    read_point_init(&at);
    read_axes(x, p, &at);
    at.dimension[0] = tape_clamp(l, row, rows);
    for (int k = 1; k < x->shape.rank; k++)
        at.dimension[k] = p->dimension[i->shape.rank + k - 1];
    nest_ref value = read_value(l, x, &at);
    return tape_body(l, BODY_SELECT, (body_type)n->dtype, tape_inside(l, row, rows), value,
                     read_zero(l, (dtype)n->dtype));
}

/* ---- contractions */

void read_operands(lower *l, const op_node *n, const op_contract *spec, const nest_ref *of_letter,
                   const lower_point *p, nest_ref out[2]) {
    const int8_t *letters[2] = {spec->a, spec->b};
    for (int i = 0; i < 2; i++) {
        lower_point at;
        read_point_init(&at);
        read_axes(n->arguments[i], p, &at);
        for (int k = 0; k < n->arguments[i]->shape.rank; k++)
            at.dimension[k] = of_letter[letters[i][k]];
        out[i] = read_value(l, n->arguments[i], &at);
    }
}

bool read_is_product(const op_node *n) {
    op_contract spec;
    const char *why;
    return n->op == OP_CONTRACT && n->attributes.over == 0 &&
           op_contract_parse(n->attributes.text, &spec, &why) && spec.reduced_count == 0;
}

/* A sum of one term, rounded as every contraction is. */
static nest_ref read_product(lower *l, const op_node *n, const lower_point *p) {
    op_contract spec;
    const char *why;
    bool ok = op_contract_parse(n->attributes.text, &spec, &why);
    assert(ok);
    (void)ok;
    nest_ref of_letter[2 * LIMIT_RANK], factors[2];
    for (int i = 0; i < spec.rank_out; i++)
        of_letter[spec.out[i]] = p->dimension[i];
    read_operands(l, n, &spec, of_letter, p, factors);
    return tape_body(l, BODY_FMA, (body_type)n->dtype, factors[0], factors[1],
                     read_zero(l, (dtype)n->dtype));
}

nest_ref read_compute(lower *l, const op_node *n, const lower_point *p) {
    switch (op_get((op_id)n->op)->family) {
    case OP_FAMILY_ELEMENTWISE:
        return read_elementwise(l, n, p);
    case OP_FAMILY_VIEW:
        return n->op == OP_RESHAPE ? read_reshape(l, n, p) : read_view(l, n, p);
    case OP_FAMILY_INDEXED:
        return n->op == OP_AT ? read_at(l, n, p) : read_gather(l, n, p);
    case OP_FAMILY_DELAY:
        return read_delay(l, n, p);
    case OP_FAMILY_CONTRACT:
        return read_product(l, n, p);
    default:
        break;
    }
    assert(!"not computed in place");
    return -1;
}

/* ---- the three ways to have a value */

static nest_ref read_leaf(lower *l, const op_node *n, const lower_point *p) {
    if (n->op == OP_STEP)
        return tape_cast(l, p->axis[n->attributes.axis], BODY_I32);
    if (n->op == OP_EXTENT)
        return tape_cast(l, tape_count(l, n->attributes.axis), BODY_I32);
    if (read_is_number(n))
        return tape_constant(l, (body_type)n->dtype, n->attributes.data);
    int32_t buffer = read_buffer(l, n);
    nest_ref indices[LIMIT_AXES + LIMIT_RANK];
    int count = read_storage_indices(l, n, p, indices);
    return tape_load(l, buffer, indices, count, false, false);
}

nest_ref read_value(lower *l, const op_node *n, const lower_point *p) {
    lower_class c = (lower_class)l->class_of[n->id];
    if (c == LOWER_LEAF)
        return read_leaf(l, n, p);
    for (size_t i = l->memo.count; i-- > 0;)
        if (l->memo.at[i].node == n && memcmp(&l->memo.at[i].point, p, sizeof *p) == 0)
            return l->memo.at[i].value;
    nest_ref value;
    if (c == LOWER_FREE) {
        value = read_compute(l, n, p);
    } else {
        int32_t buffer = read_buffer(l, n);
        nest_ref indices[LIMIT_AXES + LIMIT_RANK];
        int count = read_storage_indices(l, n, p, indices);
        value = tape_load(l, buffer, indices, count, false, false);
        if (l->before > 0 && p->axis[l->before - 1] == l->before_index)
            l->open->tape.at[value].before = (int8_t)l->before;
        if (l->near && p->axis[l->block] == l->before_index)
            l->open->tape.at[value].near = true;
    }
    lower_memo memo = {n, *p, value};
    vec_push(l->memory, &l->memo, memo);
    return value;
}
