/* Checkpoints: of a value that later blocks look back at, the last steps of each block.
 *
 * A `keep` with an axis and a distance is one (graph/forget.c). It is stored in the loop that steps
 * along the axis, one group of `steps` steps for each block. Every step is stored, those that are
 * too early in the place of the first of its group: the loop overwrites them with what is to stay.
 * So there is no condition in the loop.
 *
 * Delays read it at the first steps of a block, from the group of the block before. Elsewhere they
 * compute an index all the same, which is brought into the group; what is read there is not used.
 * There is one group more than blocks, so that the first block, too, has one before it.
 *
 * A loop that goes down leaves the first steps of a block to the block before. */
#include "jit/lower_internal.h"

bool checkpoint_is(const op_node *n) {
    return n->op == OP_KEEP && n->attributes.axis >= 0;
}

int32_t checkpoint_steps(const op_node *n) {
    int32_t distance = n->attributes.distance;
    return distance < 0 ? -distance : distance;
}

/* Where a group begins: that of this block, plus `away`. */
static nest_ref checkpoint_group(lower *l, const op_node *n, int away) {
    nest_ref number = tape_span(l, NEST_NUMBER);
    number = tape_body(l, BODY_ADD, BODY_I64, number, tape_integer(l, away), -1);
    nest_ref steps = tape_integer(l, checkpoint_steps(n));
    return tape_body(l, BODY_MUL, BODY_I64, number, steps, -1);
}

nest_ref checkpoint_written(lower *l, const op_node *n, nest_ref step) {
    bool up = n->attributes.distance > 0;
    nest_ref most = tape_integer(l, checkpoint_steps(n) - 1);
    nest_ref from = tape_span(l, up ? NEST_END : NEST_FIRST);
    nest_ref place = tape_body(l, BODY_SUB, BODY_I64, step, from, -1);
    if (up) {
        nest_ref steps = tape_integer(l, checkpoint_steps(n));
        place = tape_body(l, BODY_ADD, BODY_I64, place, steps, -1);
        place = tape_most(l, place, tape_integer(l, 0));
    } else {
        place = tape_least(l, place, most);
    }
    return tape_body(l, BODY_ADD, BODY_I64, checkpoint_group(l, n, up), place, -1);
}

nest_ref checkpoint_read(lower *l, const op_node *n, nest_ref step) {
    bool up = n->attributes.distance > 0;
    nest_ref from = tape_span(l, up ? NEST_FIRST : NEST_END);
    nest_ref place = tape_body(l, BODY_SUB, BODY_I64, step, from, -1);
    place =
        up ? tape_least(l, place, tape_integer(l, -1)) : tape_most(l, place, tape_integer(l, 0));
    return tape_body(l, BODY_ADD, BODY_I64, checkpoint_group(l, n, 1), place, -1);
}
