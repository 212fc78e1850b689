/* Packing: operands of contractions, copied once into the order in which register tiles read them.
 *
 * A tile reads some columns of a weight at every step of its fold. In the weight those are as far
 * apart as its rows, or, when the weight is read across, each in a row of its own; then a step
 * touches new lines, new pages, and, with the usual powers of two, the same few sets of the cache.
 * The copy is a row of panels: all columns of one tile for step 0, then for step 1, and so on. The
 * nest's last parallel range is cut to match, into panels and columns of a panel. No element is
 * folded in another order than before, so no bit changes.
 *
 * A weight that was put together, gates above gates, and that nobody else reads is copied part by
 * part from where the parts are, and never made; in a program that may be called for a step at a
 * time one copy less is worth the nests. Beside whole sequences it is not.
 *
 * Only values without axes are copied: they are complete before the first item of the program that
 * reads them. An operand that is read across is always worth a copy, if only with that dimension
 * innermost when its columns do not divide into panels. One that is read along is worth it where
 * many steps share the copy. How many they are is not known before the call; but a program that
 * steps backwards has whole sequences before it, while one that only steps forwards may be called
 * for a step at a time, and there the copy would cost more than the step. */
#include <assert.h>
#include <string.h>

#include "jit/lower_internal.h"

typedef struct pack {
    lower *l;
    const machine *target; /* NULL: no panels */
    bool sequences;        /* some loop steps backwards */
    bool *direct;          /* by buffer: some load reads it and no copy */
    nest_list items;       /* the program's items, with the copies before their readers */
} pack;

typedef enum pack_choice { PACK_NONE, PACK_WHOLE, PACK_PANELS } pack_choice;

/* The one dimension of an operand without axes that moves with the range; -1: not so simple. */
static int pack_dimension(const nest *n, const nest_buffer *b, const nest_instruction *load,
                          int range) {
    int dimension = -1;
    if (load->op != NEST_LOAD || b->axis_count > 0 || load->linear || b->shape.rank < 2)
        return -1;
    for (int i = 0; i < load->at_count; i++) {
        int64_t coefficient;
        if (!nest_coefficient(n, load->at[i], range, &coefficient))
            return -1;
        if (coefficient == 0)
            continue;
        if (coefficient != 1 || dimension >= 0)
            return -1;
        dimension = i;
    }
    return dimension;
}

/* Columns of a panel: the most that divide a range of `count`, fill vectors, and fit in a tile; at
 * least half a tile, and not all. Where none divide it, as many as a tile has, and the last panel
 * has fewer. 0: there are too few columns. */
static int64_t pack_columns(const pack *p, const nest *n, int64_t count) {
    if (!p->target || n->folds.count == 0)
        return 0;
    int64_t lanes = machine_lanes(p->target, body_type_size(n->folds.at[0].type));
    int most = p->target->tile_vectors, vectors = most;
    while (2 * vectors >= most && count % (vectors * lanes) != 0)
        vectors--;
    vectors = 2 * vectors >= most ? vectors : most;
    return count > vectors * lanes ? vectors * lanes : 0;
}

static int64_t pack_panels(int64_t count, int64_t columns) {
    return (count + columns - 1) / columns;
}

/* The last panel has fewer columns if some are left. */
static void pack_last(nest_range *columns, int panels, int64_t left) {
    columns->panels = left > 0 ? 1 + panels : 0;
    columns->last = (int32_t)left;
}

/* ---- copies */

/* Where element at[] of a buffer is in the copy: the other dimensions, then dimension d, which
 * `panel` (-1: whole) precedes. Returns the number of indices. */
static int pack_indices(const nest_ref *at, int count, int d, nest_ref panel, nest_ref column,
                        nest_ref *out) {
    int to = 0;
    if (panel >= 0)
        out[to++] = panel;
    for (int i = 0; i < count; i++)
        if (i != d)
            out[to++] = at[i];
    out[to++] = column;
    return to;
}

/* Copies the elements of a buffer from place `low` along dimension `along` on, as many as `shape`
 * says: from the buffer, or from the value that stands there. */
static void pack_fill(pack *p, const lower_packed *made, const op_shape *shape, int along,
                      int64_t low, const op_node *part) {
    lower *l = p->l;
    int d = made->dimension;
    const nest_buffer *b = &l->plan->buffers.at[made->buffer];
    nest_ref from[LIMIT_RANK], at[LIMIT_RANK], to[LIMIT_RANK], panel = -1;
    lower_open(l, part ? part : b->node, "_pack", &p->items);
    if (made->columns > 0)
        panel =
            lower_range(l, pack_panels(shape->dimension[d], made->columns), false, false, false);
    for (int i = 0; i < shape->rank; i++)
        if (i != d)
            from[i] = lower_range(l, shape->dimension[i], false, false, false);
    int64_t columns = made->columns > 0 ? made->columns : shape->dimension[d];
    nest_ref column = from[d] = lower_range(l, columns, false, false, false);
    if (panel >= 0)
        pack_last(&vec_last(&l->open->ranges), 0, shape->dimension[d] % columns);
    if (panel >= 0) {
        nest_ref start = tape_body(l, BODY_MUL, BODY_I64, panel, tape_integer(l, columns), -1);
        from[d] = tape_body(l, BODY_ADD, BODY_I64, start, column, -1);
    }
    memcpy(at, from, sizeof at);
    nest_ref *moved = along != d ? &at[along] : panel >= 0 ? &panel : &column;
    int64_t steps = along == d && panel >= 0 ? low / columns : low;
    if (steps > 0)
        *moved = tape_body(l, BODY_ADD, BODY_I64, *moved, tape_integer(l, steps), -1);
    int count = pack_indices(at, shape->rank, d, panel, column, to);
    lower_point point;
    read_point_init(&point);
    memcpy(point.dimension, from, sizeof from[0] * (size_t)shape->rank);
    nest_ref value = part ? read_value(l, part, &point)
                          : tape_load(l, made->buffer, from, shape->rank, false, false);
    tape_store(l, made->copy, to, count, value);
    lower_close(l);
}

/* Is a copy made of the parts of a concat, which then nobody may ever need? */
static bool pack_has_parts(const pack *p, const lower_packed *made) {
    const op_node *n = p->l->plan->buffers.at[made->buffer].node;
    if (n->op != OP_CONCAT || p->direct[made->buffer] || p->sequences)
        return false;
    int along = n->attributes.dimension;
    for (int i = 0; i < n->count && along == made->dimension && made->columns > 0; i++)
        if (n->arguments[i]->shape.dimension[along] % made->columns != 0)
            return false;
    return true;
}

/* The copy of a buffer with dimension d innermost, in panels of `columns` (0: whole). The nests
 * that make it go before what is packed now. */
static int32_t pack_copy(pack *p, int32_t buffer, int d, int64_t columns) {
    lower *l = p->l;
    for (size_t i = 0; i < l->packed.count; i++) {
        const lower_packed *made = &l->packed.at[i];
        if (made->buffer == buffer && made->dimension == d && made->columns == columns)
            return made->copy;
    }
    nest_buffer b = l->plan->buffers.at[buffer];
    const op_shape whole = b.shape;
    b.shape.rank = 0;
    if (columns > 0)
        b.shape.dimension[b.shape.rank++] = pack_panels(whole.dimension[d], columns);
    for (int i = 0; i < whole.rank; i++)
        if (i != d)
            b.shape.dimension[b.shape.rank++] = whole.dimension[i];
    b.shape.dimension[b.shape.rank++] = columns > 0 ? columns : whole.dimension[d];
    b.storage = NEST_ARENA;
    b.name = arena_print(l->memory, "%s packed", b.name);
    vec_push(l->memory, &l->plan->buffers, b);
    lower_packed made = {buffer, d, (int32_t)l->plan->buffers.count - 1, columns};
    vec_push(l->memory, &l->packed, made);
    if (!pack_has_parts(p, &made)) {
        pack_fill(p, &made, &whole, 0, 0, NULL);
        return made.copy;
    }
    int along = b.node->attributes.dimension;
    int64_t low = 0;
    for (int i = 0; i < b.node->count; i++) {
        const op_node *part = b.node->arguments[i];
        pack_fill(p, &made, &part->shape, along, low, part);
        low += part->shape.dimension[along];
    }
    return made.copy;
}

/* ---- readers */

/* Reads the whole copy instead. */
static void pack_turn(pack *p, nest_instruction *load, int d) {
    nest_ref moved[LIMIT_RANK];
    int count = pack_indices(load->at, load->at_count, d, -1, load->at[d], moved);
    load->which = pack_copy(p, load->which, d, 0);
    memcpy(load->at, moved, sizeof *moved * (size_t)count);
}

/* Cuts a range into panels and their columns, and gives each load i its panel copy, if copies[i]
 * (dimension dimensions[i] in panels) is not -1: the tape is recorded anew. */
static void pack_cut(lower *l, nest *n, int range, int64_t columns, const int32_t *copies,
                     const int *dimensions) {
    const nest_instruction *old = n->tape.at;
    size_t count = n->tape.count;
    nest_ref *renamed = arena_array(l->memory, nest_ref, count);
    nest_range last = {.count = 0};
    vec_push(l->memory, &n->ranges, last);
    for (int r = (int)n->ranges.count - 1; r > range; r--)
        n->ranges.at[r] = n->ranges.at[r - 1];
    pack_last(&n->ranges.at[range + 1], range, n->ranges.at[range].count % columns);
    n->ranges.at[range + 1].count = columns;
    n->ranges.at[range].count = pack_panels(n->ranges.at[range].count, columns);
    memset(&n->tape, 0, sizeof n->tape);
    l->open = n;
    nest_ref panel = tape_range(l, range), column = tape_range(l, range + 1);
    nest_ref start = tape_body(l, BODY_MUL, BODY_I64, panel, tape_integer(l, columns), -1);
    nest_ref whole = tape_body(l, BODY_ADD, BODY_I64, start, column, -1);
    for (size_t i = 0; i < count; i++) {
        nest_instruction in = old[i];
        tape_rename(&in, renamed);
        if (in.op == NEST_RANGE && in.which == range) {
            renamed[i] = whole;
        } else if (copies[i] >= 0) {
            nest_ref at[LIMIT_RANK];
            int indices = pack_indices(in.at, in.at_count, dimensions[i], panel, column, at);
            renamed[i] = tape_load(l, copies[i], at, indices, false, false);
        } else {
            in.which += in.op == NEST_RANGE && in.which > range;
            renamed[i] = tape_add(l, in);
        }
    }
    tape_rename_nest(n, renamed);
    l->open = NULL;
}

/* A state that goes on where the nest has left it is no operand. */
static bool pack_is_state(const nest *n, const nest_instruction *load) {
    for (size_t f = 0; f < n->folds.count; f++)
        if (n->folds.at[f].rested == load - n->tape.at)
            return true;
    return false;
}

/* Is the operand as long as the range that it varies along? */
static bool pack_is_whole(const nest *n, const nest_buffer *b, const nest_instruction *load, int d,
                          int range) {
    const nest_instruction *index = &n->tape.at[load->at[d]];
    return index->op == NEST_RANGE && index->which == range &&
           b->shape.dimension[d] == n->ranges.at[range].count && b->shape.rank < LIMIT_RANK;
}

/* The range that panels cut, the last parallel one; -1: none. */
static int pack_range(const nest *n) {
    int range = nest_parallel_count(n) - 1;
    return n->heavy && range >= 0 && !n->ranges.at[range].ordered ? range : -1;
}

/* How an instruction reads its operand, and which dimension of it moves with the range. */
static pack_choice pack_choose(const pack *p, const nest *n, const nest_instruction *load,
                               int range, int64_t columns, int *dimension) {
    const nest_buffer *b = load->op == NEST_LOAD ? &p->l->plan->buffers.at[load->which] : NULL;
    bool operand = b && range >= 0 && !pack_is_state(n, load);
    int d = *dimension = operand ? pack_dimension(n, b, load, range) : -1;
    if (d < 0)
        return PACK_NONE;
    bool across = d != load->at_count - 1;
    if (columns > 0 && pack_is_whole(n, b, load, d, range))
        return across || p->sequences ? PACK_PANELS : PACK_NONE;
    return across ? PACK_WHOLE : PACK_NONE;
}

static void pack_nest(pack *p, nest *n) {
    lower *l = p->l;
    int range = pack_range(n);
    if (range < 0)
        return;
    int64_t columns = pack_columns(p, n, n->ranges.at[range].count);
    size_t count = n->tape.count;
    int32_t *copies = arena_array(l->memory, int32_t, count);
    int *dimensions = arena_array(l->memory, int, count);
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        nest_instruction *load = &n->tape.at[i];
        pack_choice choice = pack_choose(p, n, load, range, columns, &dimensions[i]);
        copies[i] = -1;
        if (choice == PACK_WHOLE)
            pack_turn(p, load, dimensions[i]);
        if (choice != PACK_PANELS)
            continue;
        copies[i] = pack_copy(p, load->which, dimensions[i], columns);
        any = true;
    }
    if (any)
        pack_cut(l, n, range, columns, copies, dimensions);
}

static void pack_find_direct(pack *p) {
    const nest_plan *plan = p->l->plan;
    p->direct = arena_array(p->l->memory, bool, plan->buffers.count);
    for (size_t k = 0; k < plan->kernels.count; k++) {
        const nest *n = plan->kernels.at[k];
        int range = pack_range(n), dimension;
        int64_t columns = range >= 0 ? pack_columns(p, n, n->ranges.at[range].count) : 0;
        for (size_t i = 0; i < n->tape.count; i++) {
            const nest_instruction *load = &n->tape.at[i];
            if (load->op == NEST_LOAD &&
                pack_choose(p, n, load, range, columns, &dimension) == PACK_NONE)
                p->direct[load->which] = true;
        }
    }
}

/* Depth of recursion: number of nested loops, at most the number of axes. */
static void pack_item(pack *p, const nest_item *item) {
    if (item->kernel)
        pack_nest(p, item->kernel);
    for (size_t i = 0; !item->kernel && i < item->items.count; i++)
        pack_item(p, &item->items.at[i]);
}

/* A packed copy must not be used by items before the one that made it: copies are made in program
 * order, and an operand without axes is complete before the first item that reads it - unless that
 * item itself computes it. */
static bool pack_is_made_inside(const nest_item *item, int32_t buffer) {
    if (item->kernel) {
        for (size_t i = 0; i < item->kernel->tape.count; i++) {
            const nest_instruction *store = &item->kernel->tape.at[i];
            if (store->op == NEST_STORE && store->which == buffer)
                return true;
        }
        return false;
    }
    for (size_t i = 0; i < item->items.count; i++)
        if (pack_is_made_inside(&item->items.at[i], buffer))
            return true;
    return false;
}

static bool pack_steps_backwards(const nest_list *items) {
    for (size_t i = 0; i < items->count; i++)
        if (!items->at[i].kernel &&
            (items->at[i].sign < 0 || pack_steps_backwards(&items->at[i].items)))
            return true;
    return false;
}

void lower_pack(lower *l) {
    pack p = {.l = l, .target = l->target};
    p.sequences = pack_steps_backwards(&l->plan->items);
    pack_find_direct(&p);
    for (size_t i = 0; i < l->plan->items.count; i++) {
        const nest_item *item = &l->plan->items.at[i];
        size_t made = l->packed.count;
        pack_item(&p, item);
        for (size_t k = made; k < l->packed.count; k++)
            assert(!pack_is_made_inside(item, l->packed.at[k].buffer) &&
                   "a value without axes lies outside every loop");
        vec_push(l->memory, &p.items, *item);
    }
    l->plan->items = p.items;
}
