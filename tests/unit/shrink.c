/* The shrinker of failing programs: it must not lose what it looks for, and lose nearly all else.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/random_graph.h"
#include "tests/support/shrink.h"

typedef struct wanted {
    op_id op;
    int64_t least; /* extent of axis 0 */
    int asked;
} wanted;

static bool is_needed(const graph *g, arena *memory, op_id op) {
    node_list roots = {0}, reached = {0};
    graph_roots(g, memory, &roots);
    graph_postorder(memory, roots.at, roots.count, false, &reached);
    for (size_t i = 0; i < reached.count; i++)
        if (reached.at[i]->op == op)
            return true;
    return false;
}

/* Is the op needed by a result, and the first axis long enough? */
static bool is_there(const graph *g, const int64_t extents[LIMIT_AXES], void *user) {
    wanted *w = user;
    arena memory;
    jmp_buf escape;
    w->asked++;
    cr_assert(setjmp(escape) == 0, "out of memory");
    arena_init(&memory, allocator_default(), &escape);
    bool found = is_needed(g, &memory, w->op) && extents[0] >= w->least;
    arena_free(&memory);
    return found;
}

static void expect_small(uint64_t seed, op_id op, size_t most) {
    arena memory;
    jmp_buf escape;
    error problem = {.code = STATUS_OK};
    graph g;
    cr_assert(setjmp(escape) == 0, "out of memory");
    arena_init(&memory, allocator_default(), &escape);
    graph_init(&g, &memory, &problem);
    random_graph(&g, seed, &(random_options){.steps = 25, .gradients = true});
    int64_t extents[LIMIT_AXES] = {9, 9, 9, 9};
    wanted w = {op, 4, 0};
    if (is_there(&g, extents, &w)) {
        shrink_result r = shrink_graph(&g, extents, 2000, is_there, &w, &memory);
        cr_expect_leq(r.nodes, most, "%s", r.text);
        cr_expect_eq(r.extents[0], 4);
        if (g.axis_count > 1)
            cr_expect_eq(r.extents[1], 0);
        graph again;
        graph_init(&again, &memory, &problem);
        cr_assert(parse_graph(&again, r.text, strlen(r.text), "shrunk"), "%s", problem.message);
        cr_expect(is_there(&again, r.extents, &w));
    }
    arena_free(&memory);
}

Test(shrink, leaves_little_around_one_op) {
    for (uint64_t seed = 1; seed <= 12; seed++) {
        expect_small(seed, OP_TANH, 2);
        expect_small(seed, OP_CONTRACT, 4);
        expect_small(seed, OP_DELAY, 4);
        expect_small(seed, OP_TOTAL, 3);
    }
}

Test(shrink, keeps_to_its_budget) {
    arena memory;
    jmp_buf escape;
    error problem = {.code = STATUS_OK};
    graph g;
    cr_assert(setjmp(escape) == 0, "out of memory");
    arena_init(&memory, allocator_default(), &escape);
    graph_init(&g, &memory, &problem);
    random_graph(&g, 3, &(random_options){.steps = 25});
    wanted w = {OP_TANH, 0, 0};
    shrink_result r = shrink_graph(&g, (int64_t[LIMIT_AXES]){3, 3, 3}, 5, is_there, &w, &memory);
    cr_expect_leq(r.tries, 5);
    cr_expect_eq(w.asked, r.tries);
    arena_free(&memory);
}
