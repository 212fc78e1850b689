/* What the tests of a suite begin with, so that no file spells it out: memory, an empty graph in
 * it, or a program of tests/support/recurrent.h. Out of memory ends a test. */
#ifndef EDDY_TESTS_SUPPORT_SUITE_H
#define EDDY_TESTS_SUPPORT_SUITE_H

#include <criterion/criterion.h>
#include <setjmp.h>
#include <stdlib.h>

#include "core/arena.h"
#include "graph/graph.h"

/* An arena, `memory`. */
#define SUITE_WITH_MEMORY(name)                                                                    \
    static arena memory;                                                                           \
    static jmp_buf escape;                                                                         \
    static void suite_open(void) {                                                                 \
        arena_init(&memory, allocator_default(), &escape);                                         \
    }                                                                                              \
    static void suite_close(void) {                                                                \
        arena_free(&memory);                                                                       \
    }                                                                                              \
    TestSuite(name, .init = suite_open, .fini = suite_close)

/* Memory, and a graph `g` with its builder `b`; axes_add gives it its axes. Compiled code runs
 * between pages that nobody may touch. */
#define SUITE_WITH_GRAPH(name, axes_add)                                                           \
    static arena memory;                                                                           \
    static jmp_buf escape;                                                                         \
    static error problem;                                                                          \
    static graph g;                                                                                \
    static op_builder *b;                                                                          \
    static void suite_open(void) {                                                                 \
        setenv("EDDY_GUARD", "1", 1);                                                              \
        arena_init(&memory, allocator_default(), &escape);                                         \
        problem = (error){.code = STATUS_OK};                                                      \
        graph_init(&g, &memory, &problem);                                                         \
        b = &g.builder;                                                                            \
        axes_add(&g);                                                                              \
    }                                                                                              \
    static void suite_close(void) {                                                                \
        arena_free(&memory);                                                                       \
    }                                                                                              \
    TestSuite(name, .init = suite_open, .fini = suite_close)

/* A recurrent program `r` and its builder `b`. */
#define SUITE_WITH_RECURRENT(name)                                                                 \
    static recurrent r;                                                                            \
    static op_builder *b;                                                                          \
    static void suite_open(void) {                                                                 \
        recurrent_init(&r);                                                                        \
        b = r.b;                                                                                   \
    }                                                                                              \
    static void suite_close(void) {                                                                \
        recurrent_free(&r);                                                                        \
    }                                                                                              \
    TestSuite(name, .init = suite_open, .fini = suite_close)

#endif
