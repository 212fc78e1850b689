/* Nests that share a kernel: which ones do, and that each still works on its own buffers. */
#include <criterion/criterion.h>
#include <string.h>

#include "jit/share.h"
#include "tests/support/nest_kit.h"

static arena memory;
static jmp_buf escape;
static nest_plan *p;

static void open_plan(void) {
    arena_init(&memory, allocator_default(), &escape);
    p = kit_plan(&memory);
}

static void close_plan(void) {
    arena_free(&memory);
}

TestSuite(jit_share, .init = open_plan, .fini = close_plan);

static const int no_axes[] = {-1};

static int buffer(nest_storage storage, int64_t rows, int64_t columns) {
    const int64_t shape[] = {rows, columns};
    return kit_buffer(p, storage, DTYPE_F32, no_axes, 2, shape);
}

static int constant(float value) {
    const int64_t one[] = {1, 1};
    int number = kit_buffer(p, NEST_CONSTANT, DTYPE_F32, no_axes, 2, one);
    float *data = arena_new(&memory, float);
    *data = value;
    p->buffers.at[number].data = data;
    p->buffers.at[number].data_bytes = sizeof *data;
    return number;
}

/* y = factor * x + z of `rows` rows, those of x from number `low` on, inside the loop over an axis
 * (-1: none). Late: z is loaded first. */
typedef struct scaled {
    int64_t rows, columns, low;
    double factor;
    int x, z, y, loop;
    bool late;
} scaled;

static nest *add(scaled what) {
    static int made;
    const int loops[] = {what.loop, -1};
    nest_list *list = what.loop < 0 ? NULL : kit_loop(p, what.loop, 1);
    nest *n = kit_nest(p, list, arena_print(&memory, "nest%d", made++), loops);
    nest_ref at[2] = {kit_range(p, n, what.rows, 0), kit_range(p, n, what.columns, 0)};
    nest_ref zero = kit_integer(p, n, 0), corner[2] = {zero, zero}, from[2] = {at[0], at[1]};
    bool number = p->buffers.at[what.z].storage == NEST_CONSTANT;
    nest_ref z = what.late ? kit_load(p, n, what.z, 2, at) : -1;
    if (what.low > 0)
        from[0] = kit_body(p, n, BODY_ADD, BODY_I64, at[0], kit_integer(p, n, what.low), -1);
    nest_ref x = kit_load(p, n, what.x, 2, from);
    if (!what.late)
        z = kit_load(p, n, what.z, 2, number ? corner : at);
    nest_ref factor = kit_real(p, n, BODY_F32, what.factor);
    kit_store(p, n, what.y, 2, at, kit_body(p, n, BODY_FMA, BODY_F32, factor, x, z));
    return n;
}

static scaled of(int64_t rows, int64_t columns, double factor) {
    return (scaled){.rows = rows,
                    .columns = columns,
                    .factor = factor,
                    .x = buffer(NEST_INPUT, rows, columns),
                    .z = buffer(NEST_INPUT, rows, columns),
                    .y = buffer(NEST_OUTPUT, rows, columns),
                    .loop = -1};
}

static void check(int kernels) {
    const int64_t extents[LIMIT_AXES] = {3, 2};
    share_nests(p);
    cr_assert_eq(share_kernel_count(p), kernels, "%d", share_kernel_count(p));
    const char *wrong = kit_check(p, extents, 1);
    cr_assert(!wrong, "%s", wrong);
}

Test(jit_share, other_buffers_share) {
    const nest *first = add(of(5, 19, 2)), *second = add(of(5, 19, 2));
    scaled chained = of(5, 19, 2);
    chained.x = 5; /* what the second one made */
    const nest *third = add(chained);
    check(1);
    cr_assert_null(first->shared);
    cr_assert_eq(first->users, 3);
    cr_assert_eq(second->shared, first);
    cr_assert_eq(third->shared, first);
    cr_assert_eq(third->operand_count, 3);
    cr_assert_eq(third->operands[0], 5);
    text out;
    text_init(&out, &memory);
    share_print(p, &out);
    cr_assert(strstr(out.at, "3 nests, 1 kernels\n"), "%s", out.at);
    cr_assert(strstr(out.at, arena_print(&memory, "\n  %s b5 b7 b8\n", third->name)), "%s", out.at);
}

Test(jit_share, rows_beyond_the_range_do_not_matter) {
    scaled tall = of(5, 19, 2);
    tall.x = buffer(NEST_INPUT, 9, 19);
    add(of(5, 19, 2));
    add(tall);
    check(1);
}

/* Whatever else differs, they do not. */
Test(jit_share, everything_else_separates) {
    add(of(5, 19, 2));
    add(of(5, 19, 3));
    scaled wide = of(5, 19, 2);
    wide.z = buffer(NEST_INPUT, 5, 20);
    add(wide);
    scaled twice = of(5, 19, 2);
    twice.z = twice.x;
    add(twice);
    check(4);
}

/* All elements of whatever shape are so many elements in a row. */
Test(jit_share, shapes_share_if_nothing_is_left_out) {
    const nest *first = add(of(5, 19, 2)), *second = add(of(6, 19, 2));
    add(of(5, 18, 2));
    add(of(1, 3, 2));
    const nest *again = add(of(6, 19, 2));
    check(1);
    cr_assert(first->form);
    cr_assert_eq(first->users, 5);
    cr_assert_eq(second->shared, first);
    cr_assert_eq(again->shared, first);
    cr_assert_eq(second->number_count, 1);
    cr_assert_eq(second->operands[second->operand_count], 6 * 19);
    text out;
    text_init(&out, &memory);
    share_print(p, &out);
    cr_assert(strstr(out.at, arena_print(&memory, "\n  %s b3 b4 b5 114\n", second->name)), "%s",
              out.at);
}

/* One kernel that knows its shape is better than one that is told. */
Test(jit_share, one_shape_is_known) {
    const nest *first = add(of(5, 19, 2));
    add(of(5, 19, 2));
    check(1);
    cr_assert_null(first->form);
}

Test(jit_share, rows_further_on) {
    scaled later = of(5, 19, 2);
    later.low = 3;
    later.x = buffer(NEST_INPUT, 8, 19);
    add(of(5, 19, 2));
    const nest *n = add(later);
    check(1);
    cr_assert_eq(n->number_count, 2);
    cr_assert_eq(n->operands[n->operand_count + 1], 3 * 19);
}

Test(jit_share, the_order_of_the_tape_does_not_matter) {
    scaled late = of(6, 19, 2);
    late.late = true;
    add(of(5, 19, 2));
    add(late);
    check(1);
}

Test(jit_share, in_place) {
    scaled one = of(5, 19, 2), two = of(3, 7, 2);
    p->buffers.at[one.x].storage = p->buffers.at[two.x].storage = NEST_PARAM;
    one.y = one.x;
    two.y = two.x;
    add(one);
    add(two);
    check(1);
}

Test(jit_share, the_same_buffer_twice) {
    scaled one = of(5, 19, 2), two = of(5, 19, 2);
    one.z = one.x;
    two.z = two.x;
    add(one);
    add(two);
    check(1);
}

/* Code names constants by address. */
Test(jit_share, constants_are_part_of_the_kernel) {
    scaled one = of(5, 19, 2), two = of(5, 19, 2), same = of(5, 19, 2);
    one.z = same.z = constant(7);
    two.z = constant(8);
    add(one);
    add(two);
    add(same);
    check(2);
}

Test(jit_share, inside_loops) {
    scaled outside = of(5, 19, 2), one = of(5, 19, 2), two = of(5, 19, 2);
    one.loop = 0;
    two.loop = 1;
    add(outside);
    add(one);
    add(two);
    check(1);
}
