/* Programs as data: storage, checking, transformation, scheduling, evaluation. No LLVM here.
 *
 * A graph owns nothing but an arena. Nodes are folded and shared as they are born, so two equal
 * values are one node. The only nodes that may close a cycle are delays. */
#ifndef EDDY_GRAPH_GRAPH_H
#define EDDY_GRAPH_GRAPH_H

#include "core/intern.h"
#include "core/text.h"
#include "core/vec.h"
#include "ops/make.h"
#include "ops/op.h"

typedef struct graph_axis {
    const char *name;
    bool batch;       /* batch axes lie inside time axes in memory */
    int64_t extent;   /* fixed extent, or -1: a run-time number */
    op_node *lengths; /* i32, or NULL */
    bool used;        /* somebody asked for its end already: its lengths may not change any more */
} graph_axis;

/* A result that leaves the program; 0 past the end of a sample (rule 4d). */
typedef struct graph_output {
    const char *name;
    op_node *node;
} graph_output;

/* After all values are computed, variable (a param) takes the value of node. */
typedef struct graph_update {
    op_node *variable;
    op_node *node;
} graph_update;

/* What a sweep leaves behind for later ones, of what varies along the axis of the sweeps. */
typedef enum graph_remember {
    GRAPH_REMEMBER_ALL,    /* all that they read */
    GRAPH_REMEMBER_STATES, /* what delays look at; the rest is computed again */
    GRAPH_REMEMBER_BLOCKS, /* of what delays look at, the steps before each block */
    GRAPH_REMEMBER_COUNT
} graph_remember;

/* "all", "states", "blocks". */
const char *graph_remember_name(graph_remember remember);
/* false: there is no such word. */
bool graph_remember_from_name(const char *name, graph_remember *out);

typedef struct graph {
    op_builder builder; /* first: a graph is a builder */
    arena *memory;
    error *problem;
    VEC(op_node *) nodes;
    graph_axis axes[LIMIT_AXES];
    int axis_count;
    VEC(graph_output) outputs;
    VEC(graph_update) updates;
    intern names;  /* texts and constant payloads */
    intern shared; /* node key -> node */
    uint64_t streams;
    graph_remember remember; /* what forget_graph is to leave */
    bool watched;            /* its compiled code keeps the time of every nest */
} graph;

typedef VEC(op_node *) node_list;

/* ---- graph.c: storage */
/* An empty graph in an arena; mistakes go to *problem (sticky). */
void graph_init(graph *g, arena *memory, error *problem);
/* A new axis; -1 after a mistake (name taken, too many). extent -1: a run-time number. */
int graph_axis_add(graph *g, const char *name, bool batch, int64_t extent);
int graph_axis_find(const graph *g, const char *name); /* -1: none */
/* lengths: i32 with shape [] whose domain does not hold the axis. A mistake if a value already
 * depends on the axis's end. */
bool graph_axis_lengths(graph *g, int axis, op_node *lengths);
/* The set of axes in canonical memory order, outermost first: time axes by number, then batch axes
 * by number. Returns count. */
int graph_axis_order(const graph *g, uint32_t domain, int out[LIMIT_AXES]);
/* As builder.make, but neither folded nor shared: for the parser, which rebuilds what it reads. */
op_node *graph_make_raw(graph *g, op_id op, op_node *const *arguments, int count,
                        const op_attributes *attributes);
/* Closes a state: x's shape and dtype must be the delay's, its domain a subset (it is expanded).
 * false after a mistake. */
bool graph_bind(graph *g, op_node *delay, op_node *x);
void graph_output_add(graph *g, const char *name, op_node *node);
void graph_update_add(graph *g, op_node *variable, op_node *node);
/* Gives a value the user's name (first one stays). Returns node. */
op_node *graph_name(graph *g, op_node *node, const char *name);
/* Arguments before users; a delay's argument 0 is not an edge when cut. Only live arguments
 * (op_live_count). Iterative. */
void graph_postorder(arena *memory, op_node *const *roots, size_t count, bool cut, node_list *out);
/* All outputs' and updates' nodes. */
void graph_roots(const graph *g, arena *memory, node_list *out);

/* ---- fold.c: exact identities only (x * 1, x - 0, select of equal sides, view of a view,
 * constants of scalars); keeps domain, shape and dtype of what it replaces (rule 2). Returns the
 * replacement or NULL. */
op_node *fold_apply(op_builder *b, const op_node *candidate);

/* ---- rewrite.c: a new graph from an old one */
typedef struct rewrite rewrite;
/* The new node for old `n`, given that its arguments are mapped (but the next value of a state,
 * which stands behind it and is bound at the end); NULL asks for a plain copy. */
typedef op_node *(*rewrite_rule)(rewrite *r, const op_node *n);
struct rewrite {
    const graph *from;
    graph *to;
    op_node **map; /* old id -> new node, NULL: not yet or not reached */
    rewrite_rule rule;
    void *user;
    site where;
};
/* Copies axes, outputs, updates and what they need; drops the rest. NULL rule: clean copy. */
void rewrite_graph(const graph *from, graph *to, rewrite_rule rule, void *user);
/* The same in pieces, for a pass that needs some values before others. Begin: axes and lengths. */
void rewrite_begin(rewrite *r, const graph *from, graph *to, rewrite_rule rule, void *user);
/* By old number: what these roots (of `from`, NULLs ignored) need and is not mapped yet. */
const bool *rewrite_reach(const rewrite *r, op_node *const *roots, size_t count);
/* Maps these nodes, whose arguments stand before them, in this order, and binds the states. */
void rewrite_these(rewrite *r, op_node *const *nodes, size_t count);
/* Maps all that these roots need in number order. */
void rewrite_need(rewrite *r, op_node *const *roots, size_t count);
/* Whatever outputs and updates still need, and these. */
void rewrite_end(rewrite *r);
/* What a rewritten graph keeps: the nodes of outputs and updates, and the updated params. */
void rewrite_results(const graph *from, arena *memory, node_list *out);
/* A state that is open or whose next value stands behind it, maybe because it depends on the state.
 */
bool rewrite_is_state(const op_node *n);
/* builder.substitute. States whose cycle depends on `from` are copied whole. */
op_node *rewrite_substitute(op_builder *b, op_node *root, op_node *from, op_node *to);

/* ---- clean.c */
/* Pass: drops what no output, update or length needs, and numbers the rest by what needs it: the
 * order in which a program was written leaves no trace but that of its outputs. */
void clean_graph(const graph *from, graph *to);

/* ---- verify.c: every rule that a program must obey (semantics, section 4), with the cycle named
 * and advice. Also: unbound states, dtype and domain consistency of every node. false with *problem
 * set. */
bool verify_graph(graph *g);

/* ---- print.c, parse.c, dot.c: the language of printed graphs (docs/graph.md); parse(print(g))
 * prints the same text. */
void print_graph(const graph *g, text *out);
/* "f32 {t,b} [4, 3]"; "{t,b}". */
void print_type(const graph *g, const op_node *n, text *out);
void print_domain(const graph *g, uint32_t domain, text *out);
/* "%12 h" or "%12": how messages name a value. */
const char *print_name(arena *memory, const op_node *n);
/* false with an error that has line and column; the graph is then to be thrown away. */
bool parse_graph(graph *g, const char *source, size_t length, const char *file);
void dot_graph(const graph *g, text *out);

/* ---- grad.c */
/* d(sum of loss over everything)/d(wrt[i]) through time: out[i] has wrt's dtype, shape and domain.
 * Adjoint contributions add in node-number order. false after a mistake (loss not a float, unbound
 * state). */
bool grad_program(graph *g, op_node *loss, op_node *const *wrt, size_t count, op_node **out);
/* The same as nodes `gradient`, which grad_graph expands: the loss need not be finished yet, and
 * what passes do to it comes first. The mistakes that show at once are those of dtype. */
bool grad_later(graph *g, op_node *loss, op_node *const *wrt, size_t count, op_node **out);
/* Partial derivative inside one step: delays are leaves and may be open, the seed is 1 per step and
 * sample (rule 18). */
bool grad_step(graph *g, op_node *y, op_node *const *wrt, size_t count, op_node **out);

/* ---- simplify.c, sums.c, merge.c, join.c, totals.c: what a user wrote gate by gate as few large
 * sums. */
/* Pass: a contract in a loop with a concat of what the loop makes and what it is given becomes a
 * sum of contracts. Reassociates. */
void simplify_graph(const graph *from, graph *to);
/* Pass: a sum of contracts in a loop becomes one contract over the terms of all. Reassociates. */
void sums_graph(const graph *from, graph *to);
/* Pass: contracts of one loop that share their data operand become one, by rows. Every row keeps
 * its bits, but adjoints, taken afterwards, sum over more rows at once. */
void merge_graph(const graph *from, graph *to);
/* Pass: a sum of pads to disjoint places becomes a concat. -0 may stand where +0 did. */
void join_graph(const graph *from, graph *to);
/* Pass: totals of parts of a concat become one total of it. Exact. */
void totals_graph(const graph *from, graph *to);

/* ---- grad_expand.c */
/* Pass: every `gradient` becomes the adjoint that it stands for; those of one loss share one sweep.
 * A mistake: a loss that depends on its own gradient. */
void grad_graph(const graph *from, graph *to);

/* ---- schedule.c: components, loops, nests */
typedef struct schedule_item schedule_item;
typedef VEC(schedule_item) schedule_list;
struct schedule_item {
    op_node *node;  /* a single value, computed for all of its domain that no enclosing loop fixes;
                       NULL for a loop */
    int axis, sign; /* a loop: over this axis, +1 upwards or -1 downwards */
    bool block;     /* a loop over blocks of steps: its body computes a whole block, item by item */
    schedule_list items; /* its body in dependence order */
};
/* first: axis to try before the others (the blocked axis), -1 none. Among independent items the
 * order is by node number. false: illegal program, *problem names the cycle, says why and what to
 * do. */
bool schedule_graph(graph *g, arena *memory, op_node *const *roots, size_t count, int first,
                    schedule_list *out);
void schedule_print(const graph *g, const schedule_list *items, text *out);

/* ---- sweeps.c: levels and directions of a program that runs in blocks along one axis (semantics,
 * section 5) */
typedef struct sweep_place {
    int level, sign; /* sign 0: static, not in a sweep */
} sweep_place;
typedef struct sweep_plan {
    int axis;
    sweep_place *of; /* by node id: where a loop or reduction is placed; floats have the first sweep
                        that reads them */
    VEC(sweep_place) order; /* the distinct sweeps in the order they run */
} sweep_plan;
/* false: the axis cannot be the outermost loop of some component (rule 27); *problem says which. */
bool sweeps_place(graph *g, arena *memory, const schedule_list *items, int axis, sweep_plan *out);
/* The axis that a program is blocked over: the first time axis that is legal as the outermost of
 * every component that delays along it; -1 if there is none. */
int sweeps_axis(graph *g, arena *memory);
/* Pass: sets `outermost` and `reverse` of every reduction over the blocked axis (rule 35). A new
 * graph. */
void order_graph(const graph *from, graph *to);

/* ---- blocks.c */
/* schedule_graph with the items of each sweep in a loop over blocks of sweeps_axis; just that if
 * there is no such axis. */
bool blocks_schedule(graph *g, arena *memory, op_node *const *roots, size_t count,
                     schedule_list *out);
/* Which axis the program is computed in blocks of, and why no earlier one. */
void blocks_explain(graph *g, arena *memory, text *out);

/* ---- forget.c */
/* Pass: what a later sweep reads of an earlier one is computed again, as far as graph.remember does
 * not say that it is stored. Exact. */
void forget_graph(const graph *from, graph *to);

/* ---- mask.c */
/* Pass: outputs become select(valid, value, 0) where their axes have lengths (rule 4d); outputs and
 * new values of params that are leaves go through keep. A new graph. */
void mask_graph(const graph *from, graph *to);

/* ---- eval.c: the reference evaluator. Plain loops over the schedule, one value at a time; the
 * order of every sum is the node's own. Compiled code must equal it bit for bit. */
typedef struct eval eval;
typedef struct eval_feed {
    const op_node *node; /* input or param */
    const void *data;    /* its elements: axes in canonical order, then features, row-major */
} eval_feed;
/* Evaluates the roots of a verified graph. extents: by axis number. NULL with *problem set after a
 * mistake (missing feed, sizes). Values live in `memory`. */
eval *eval_graph(graph *g, arena *memory, op_node *const *roots, size_t count,
                 const int64_t extents[LIMIT_AXES], const eval_feed *feeds, size_t feed_count);
/* The value of any node that was computed (roots always are); element count in *elements. NULL if
 * it was not. */
const void *eval_value(const eval *e, const op_node *node, size_t *elements);

#endif
