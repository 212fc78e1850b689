/* Statements: values with names, and recurrences as loops.
 *
 * The schedule says what steps through time; everything else is computed for all steps at once. A
 * loop reads rows of arrays that were made before it, carries its states, and leaves rows of what
 * is read behind it: in PyTorch a Python loop over unbound arrays, in JAX a lax.scan. A state that
 * looks k steps back is carried as its last k values, the oldest first. Rows are unbound at once,
 * because autograd would make a whole array of zeros for each row that is taken by its index.
 *
 * A value without a name that is read once becomes a part of the expression that reads it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/cli/python.h"

enum { LOOP_WIDE = 60 };

static void loop_line(python_writer *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void loop_line(python_writer *p, const char *format, ...) {
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    int bytes = vsnprintf(NULL, 0, format, list);
    char *line = arena_take(p->memory, (size_t)bytes + 1);
    vsnprintf(line, (size_t)bytes + 1, format, again);
    va_end(again);
    va_end(list);
    text_add(p->out, "%*s%s\n", 4 * p->depth, "", line);
}

static python_node *loop_node(const python_writer *p, const op_node *n) {
    return &p->nodes[n->id];
}

static bool loop_inside(const python_writer *p, int loop, const op_node *n) {
    int place = loop_node(p, n)->place;
    while (place > loop)
        place = p->loops.at[place].above;
    return place == loop;
}

/* Does its loop carry it from step to step? */
static bool loop_is_state(const python_writer *p, const op_node *n) {
    int place = loop_node(p, n)->place;
    return n->op == OP_DELAY && place > 0 && p->loops.at[place].axis == n->attributes.axis;
}

/* ---- who reads what */

static void loop_number(python_writer *p, const schedule_list *items, int loop) {
    for (size_t i = 0; i < items->count; i++) {
        const schedule_item *item = &items->at[i];
        if (item->node) {
            loop_node(p, item->node)->place = loop;
            continue;
        }
        vec_push(p->memory, &p->loops, (python_loop){loop, item->axis});
        loop_number(p, &item->items, (int)p->loops.count - 1);
    }
}

/* Where numbers of Python's may stand. */
static bool loop_takes_number(const op_node *reader, const op_node *x) {
    switch (reader->op) {
    case OP_DELAY:
    case OP_CONCAT:
        return true;
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_LT:
    case OP_LE:
    case OP_EQ:
    case OP_NE:
    case OP_SELECT:
    case OP_BROADCAST:
        return x->op == OP_CONSTANT && x->shape.rank == 0;
    default:
        return false;
    }
}

static void loop_note(python_writer *p, const op_node *x, const op_node *reader, int in) {
    python_node *of = loop_node(p, x);
    of->read_in = of->readers == 0 || of->read_in == in ? in : -1;
    of->readers++;
    of->wanted |= reader && !loop_takes_number(reader, x);
}

void python_place(python_writer *p, const schedule_list *items) {
    vec_push(p->memory, &p->loops, (python_loop){0, -1});
    for (size_t i = 0; i < p->g->nodes.count; i++)
        p->nodes[i].place = -1;
    loop_number(p, items, 0);
    for (size_t i = 0; i < p->g->nodes.count; i++) {
        const op_node *n = p->g->nodes.at[i];
        int place = p->nodes[i].place;
        for (int k = 0; k < op_live_count(n) && place >= 0; k++) {
            bool before = k == 1 && loop_is_state(p, n);
            loop_note(p, n->arguments[k], n, before ? p->loops.at[place].above : place);
        }
    }
    for (size_t i = 0; i < p->g->outputs.count; i++)
        loop_note(p, p->g->outputs.at[i].node, NULL, 0);
}

/* ---- values */

static int loop_order(const void *a, const void *b) {
    const op_node *x = *(op_node *const *)a, *y = *(op_node *const *)b;
    return (x->attributes.low > y->attributes.low) - (x->attributes.low < y->attributes.low);
}

/* Slices that are all of n, one behind the other, are made at once: their gradient is then one
 * array, and not a sum of arrays that are mostly zeros. */
static void loop_split(python_writer *p, const op_node *n, int loop) {
    node_list parts = {0};
    for (size_t i = n->id + 1; i < p->g->nodes.count; i++) {
        op_node *s = p->g->nodes.at[i];
        if (s->op == OP_SLICE && s->arguments[0] == n && p->nodes[i].place == loop)
            vec_push(p->memory, &parts, s);
    }
    if (parts.count < 2)
        return;
    qsort(parts.at, parts.count, sizeof *parts.at, loop_order);
    int dimension = parts.at[0]->attributes.dimension;
    int64_t at = 0;
    text left, sizes, places;
    text_init(&left, p->memory);
    text_init(&sizes, p->memory);
    text_init(&places, p->memory);
    for (size_t i = 0; i < parts.count; i++) {
        const op_attributes *a = &parts.at[i]->attributes;
        if (a->dimension != dimension || a->low != at)
            return;
        at += a->size;
        text_add(&sizes, "%s%lld", i ? ", " : "", (long long)a->size);
        if (i + 1 < parts.count)
            text_add(&places, "%s%lld", i ? ", " : "", (long long)at);
    }
    if (at != n->shape.dimension[dimension])
        return;
    const python_value *whole = &loop_node(p, n)->value;
    for (size_t i = 0; i < parts.count; i++) {
        const char *name = python_unique(p, &p->taken, python_called(p, parts.at[i]));
        loop_node(p, parts.at[i])->value = (python_value){name, PYTHON_TIGHT, whole->axes, false};
        text_add(&left, "%s%s", i ? ", " : "", name);
    }
    const char *where = p->way == PYTHON_TORCH ? python_tuple(p, sizes.at, parts.count)
                                               : python_tuple(p, places.at, parts.count - 1);
    loop_line(p, "%s = %s(%s, %s, %d)", left.at, PYTHON_EITHER(p, "torch.split", "jnp.split"),
              whole->words, where, dimension - n->shape.rank);
}

/* Numbers among the arguments as arrays, or again as numbers, where this reader takes no numbers.
 */
static void loop_arrays(python_writer *p, const op_node *n) {
    for (int i = 0; i < op_live_count(n); i++) {
        python_node *x = loop_node(p, n->arguments[i]);
        if (!x->array.words || loop_takes_number(n, n->arguments[i]))
            continue;
        python_value number = x->value;
        x->value = x->array;
        x->array = number;
    }
}

/* A value that has the name that it is to have, or one of its own. */
static python_value loop_assign(python_writer *p, const op_node *n, python_value v,
                                const char *words) {
    const char *name = n->op == OP_PARAM ? n->attributes.text : python_called(p, n);
    name = python_unique(p, &p->taken, name);
    loop_line(p, "%s = %s", name, words);
    return (python_value){name, PYTHON_TIGHT, v.axes, false};
}

static void loop_value(python_writer *p, const op_node *n, int loop) {
    python_node *of = loop_node(p, n);
    if (of->value.words) /* an input, a state, a part of what was split */
        return;
    loop_arrays(p, n);
    python_value v = python_express(p, n);
    loop_arrays(p, n);
    if (p->problem)
        return;
    bool named = n->name && n->op != OP_PARAM;
    bool part = of->readers == 1 && of->read_in == loop && !named && strlen(v.words) < LOOP_WIDE;
    if (v.number && of->wanted)
        of->array = loop_assign(
            p, n, v,
            python_full(p, v.words, python_sizes(p, 0, &n->shape, -1, 0), (dtype)n->dtype));
    else if (!v.number && !part && !python_is_name(v.words))
        v = loop_assign(p, n, v, v.words);
    of->value = v;
    if (of->readers > 1 && !v.number)
        loop_split(p, n, loop);
}

/* ---- loops */

typedef struct loop_parts {
    int number, axis, sign;
    node_list states, rows, left; /* carried; read row by row; read behind the loop */
    python_names state_names, row_names, left_names;
    python_names begins;   /* the states at first */
    python_value *outside; /* of rows */
} loop_parts;

static void loop_add(python_writer *p, const loop_parts *of, bool *seen, op_node *x,
                     node_list *to) {
    bool row = loop_node(p, x)->value.axes >> of->axis & 1;
    if (!seen[x->id] && (to == &of->left || row))
        vec_push(p->memory, to, x);
    seen[x->id] = true;
}

/* What goes in and out. */
static void loop_find(python_writer *p, loop_parts *of) {
    const graph *g = p->g;
    bool *seen = arena_array(p->memory, bool, g->nodes.count);
    for (size_t i = 0; i < g->nodes.count; i++) {
        op_node *n = g->nodes.at[i];
        if (p->nodes[i].place < 0)
            continue;
        bool in = loop_inside(p, of->number, n), state = in && loop_is_state(p, n);
        if (state && p->nodes[i].place == of->number)
            vec_push(p->memory, &of->states, n);
        else if (in && n->op == OP_DELAY && n->attributes.axis == of->axis)
            python_refuse(p, n, "it is carried along two axes at once");
        for (int k = state ? 2 : 0; k < op_live_count(n); k++) {
            op_node *x = n->arguments[k];
            bool from = loop_inside(p, of->number, x);
            if (in != from)
                loop_add(p, of, seen, x, in ? &of->rows : &of->left);
        }
    }
    for (size_t i = 0; i < g->outputs.count; i++)
        if (loop_inside(p, of->number, g->outputs.at[i].node))
            loop_add(p, of, seen, g->outputs.at[i].node, &of->left);
}

static uint32_t loop_state_axes(const python_writer *p, const loop_parts *of,
                                const op_node *state) {
    return state->domain & ~p->looped & ~(1U << of->axis);
}

/* Names for everything, and what the states begin with. */
static void loop_names(python_writer *p, loop_parts *of) {
    for (size_t i = 0; i < of->states.count; i++) {
        const op_node *n = of->states.at[i], *start = n->arguments[1];
        int k = abs(n->attributes.distance);
        vec_push(p->memory, &of->state_names, python_unique(p, &p->taken, python_called(p, n)));
        if (loop_inside(p, of->number, start) || loop_node(p, start)->value.axes >> of->axis & 1) {
            python_refuse(p, n, "where it begins, its value differs from step to step");
            return;
        }
        const char *first = python_fit(p, start, loop_state_axes(p, of, n), &n->shape);
        if (k > 1)
            first = arena_print(p->memory, "(%s,) * %d", first, k);
        vec_push(p->memory, &of->begins, first);
    }
    for (size_t i = 0; i < of->rows.count; i++) {
        const char *whole = loop_node(p, of->rows.at[i])->value.words;
        const char *name = arena_print(p->memory, "%s_now", whole);
        vec_push(p->memory, &of->row_names, python_unique(p, &p->taken, name));
    }
    for (size_t i = 0; i < of->left.count; i++) {
        const char *name = arena_print(p->memory, "%s_all", python_called(p, of->left.at[i]));
        vec_push(p->memory, &of->left_names, python_unique(p, &p->taken, name));
    }
}

/* Inside, a row stands for each array, and a name for each state. */
static void loop_enter(python_writer *p, loop_parts *of) {
    of->outside = arena_array(p->memory, python_value, of->rows.count);
    for (size_t i = 0; i < of->rows.count; i++) {
        python_value *v = &loop_node(p, of->rows.at[i])->value;
        of->outside[i] = *v;
        *v = (python_value){of->row_names.at[i], PYTHON_TIGHT, v->axes & ~(1U << of->axis), false};
    }
    for (size_t i = 0; i < of->states.count; i++) {
        const op_node *n = of->states.at[i];
        const char *name = of->state_names.at[i];
        if (abs(n->attributes.distance) > 1)
            name = arena_print(p->memory, "%s[0]", name);
        loop_node(p, n)->value =
            (python_value){name, PYTHON_TIGHT, loop_state_axes(p, of, n), false};
    }
    p->looped |= 1U << of->axis;
    p->depth++;
}

/* Behind it, arrays of all rows. */
static void loop_leave(python_writer *p, const loop_parts *of) {
    p->depth--;
    p->looped &= ~(1U << of->axis);
    for (size_t i = 0; i < of->rows.count; i++)
        loop_node(p, of->rows.at[i])->value = of->outside[i];
    for (size_t i = 0; i < of->left.count; i++) {
        python_value *v = &loop_node(p, of->left.at[i])->value;
        *v = (python_value){of->left_names.at[i], PYTHON_TIGHT, v->axes | 1U << of->axis, false};
    }
}

/* The states of the next step. */
static python_names loop_next(python_writer *p, const loop_parts *of) {
    python_names next = {0};
    for (size_t i = 0; i < of->states.count; i++) {
        const op_node *n = of->states.at[i];
        const char *x = python_fit(p, n->arguments[0], loop_state_axes(p, of, n), &n->shape);
        if (abs(n->attributes.distance) > 1)
            x = arena_print(p->memory, "(*%s[1:], %s)", of->state_names.at[i], x);
        vec_push(p->memory, &next, x);
    }
    return next;
}

/* "a, b" */
static const char *loop_list(python_writer *p, const python_names *names) {
    text list;
    text_init(&list, p->memory);
    for (size_t i = 0; i < names->count; i++)
        text_add(&list, "%s%s", i ? ", " : "", names->at[i]);
    return list.at;
}

/* "(a, b)" */
static const char *loop_tuple(python_writer *p, const python_names *names) {
    return python_tuple(p, loop_list(p, names), names->count);
}

/* What is read behind the loop, as it is called inside. */
static python_names loop_rows_left(python_writer *p, const loop_parts *of) {
    python_names left = {0};
    for (size_t i = 0; i < of->left.count; i++)
        vec_push(p->memory, &left, loop_node(p, of->left.at[i])->value.words);
    return left;
}

static int loop_dimension(const python_writer *p, const loop_parts *of, const python_value *v) {
    return python_before(p, v->axes, of->axis);
}

static void loop_torch(python_writer *p, loop_parts *of, const schedule_list *items) {
    for (size_t i = 0; i < of->states.count; i++)
        loop_line(p, "%s = %s", of->state_names.at[i], of->begins.at[i]);
    for (size_t i = 0; i < of->left.count; i++)
        loop_line(p, "%s = []", of->left_names.at[i]);
    python_names rows = {0};
    for (size_t i = 0; i < of->rows.count; i++) {
        const python_value *v = &loop_node(p, of->rows.at[i])->value;
        int dimension = loop_dimension(p, of, v);
        const char *all = dimension ? arena_print(p->memory, "%s.unbind(%d)", v->words, dimension)
                                    : arena_print(p->memory, "%s.unbind()", v->words);
        vec_push(p->memory, &rows,
                 of->sign < 0 ? arena_print(p->memory, "reversed(%s)", all) : all);
    }
    if (of->rows.count == 0)
        loop_line(p, "for _ in range(%s):", python_extent(p, of->axis));
    else
        loop_line(p, rows.count > 1 ? "for %s in zip(%s):" : "for %s in %s:",
                  loop_list(p, &of->row_names), loop_list(p, &rows));
    loop_enter(p, of);
    python_statements(p, items, of->number);
    if (p->problem)
        return;
    python_names left = loop_rows_left(p, of), next = loop_next(p, of);
    for (size_t i = 0; i < left.count; i++)
        loop_line(p, "%s.append(%s)", of->left_names.at[i], left.at[i]);
    loop_line(p, "%s = %s", loop_list(p, &of->state_names), loop_list(p, &next));
    loop_leave(p, of);
    for (size_t i = 0; i < left.count; i++)
        loop_line(p, "%s = torch.stack(%s%s, %d)", of->left_names.at[i], of->left_names.at[i],
                  of->sign < 0 ? "[::-1]" : "",
                  loop_dimension(p, of, &loop_node(p, of->left.at[i])->value));
}

static void loop_jax(python_writer *p, loop_parts *of, const schedule_list *items) {
    const char *step = python_unique(p, &p->taken, "step");
    python_names rows = {0};
    for (size_t i = 0; i < of->rows.count; i++) {
        const python_value *v = &loop_node(p, of->rows.at[i])->value;
        int dimension = loop_dimension(p, of, v);
        vec_push(p->memory, &rows,
                 dimension ? arena_print(p->memory, "jnp.moveaxis(%s, %d, 0)", v->words, dimension)
                           : v->words);
    }
    const char *given = loop_tuple(p, &rows);
    if (rows.count == 0)
        given = arena_print(p->memory, "None, length=%s", python_extent(p, of->axis));
    text_add(p->out, "\n");
    loop_line(p, "def %s(carry, now):", step);
    loop_enter(p, of);
    loop_line(p, "%s = carry", loop_tuple(p, &of->state_names));
    if (rows.count)
        loop_line(p, "%s = now", loop_tuple(p, &of->row_names));
    python_statements(p, items, of->number);
    if (p->problem)
        return;
    python_names left = loop_rows_left(p, of), next = loop_next(p, of);
    loop_line(p, "return %s, %s", loop_tuple(p, &next), loop_tuple(p, &left));
    loop_leave(p, of);
    text_add(p->out, "\n");
    loop_line(p, "begin = %s", loop_tuple(p, &of->begins));
    loop_line(p, "_, %s = jax.lax.scan(%s, begin, %s%s)", loop_tuple(p, &of->left_names), step,
              given, of->sign < 0 ? ", reverse=True" : "");
    for (size_t i = 0; i < of->left.count; i++) {
        int dimension = loop_dimension(p, of, &loop_node(p, of->left.at[i])->value);
        if (dimension)
            loop_line(p, "%s = jnp.moveaxis(%s, 0, %d)", of->left_names.at[i], of->left_names.at[i],
                      dimension);
    }
}

/* As deep as loops nest. */
void python_statements(python_writer *p, const schedule_list *items, int loop) {
    for (size_t i = 0; i < items->count && !p->problem; i++) {
        const schedule_item *item = &items->at[i];
        if (item->node) {
            loop_value(p, item->node, loop);
            continue;
        }
        loop_parts parts = {.number = ++p->loop, .axis = item->axis, .sign = item->sign};
        loop_find(p, &parts);
        if (!p->problem)
            loop_names(p, &parts);
        if (p->problem)
            return;
        if (p->way == PYTHON_TORCH)
            loop_torch(p, &parts, &item->items);
        else
            loop_jax(p, &parts, &item->items);
    }
}
