/* Graphs for tests. */
#include "tests/support/program.h"

#include <stdarg.h>

void program_init(program *p) {
    p->problem = (error){0};
    arena_init(&p->memory, allocator_default(), &p->escape);
    graph_init(&p->g, &p->memory, &p->problem);
}

void program_close(program *p) {
    arena_free(&p->memory);
}

const char *program_text(program *p) {
    text out;
    text_init(&out, &p->memory);
    print_graph(&p->g, &out);
    return out.at;
}

bool program_parse(program *p, const char *source, size_t length) {
    program_init(p);
    return parse_graph(&p->g, source, length, "text");
}

op_shape program_shape(int rank, ...) {
    int64_t dimensions[LIMIT_RANK];
    va_list list;
    va_start(list, rank);
    for (int i = 0; i < rank; i++)
        dimensions[i] = va_arg(list, int);
    va_end(list);
    return op_shape_make(rank, dimensions);
}

op_node *program_sample(program *p) {
    graph *g = &p->g;
    op_builder *b = &g->builder;
    b->where = (site){"cell.c", 7};
    int t = graph_axis_add(g, "t", false, -1), batch = graph_axis_add(g, "b", true, -1);
    int d = graph_axis_add(g, "d", false, 3);
    uint32_t both = PROGRAM_BIT(t) | PROGRAM_BIT(batch);
    op_shape none = program_shape(0), two = program_shape(1, 2), wide = program_shape(1, 3);
    op_shape table = program_shape(2, 3, 2), input_weight = program_shape(2, 2, 3),
             state_weight = program_shape(2, 2, 2);

    op_node *lengths = make_input(b, "lengths", DTYPE_I32, PROGRAM_BIT(batch), &none);
    graph_axis_lengths(g, t, lengths);
    op_node *x = make_input(b, "x", DTYPE_F32, both, &wide);
    op_node *w = make_param(b, "W", DTYPE_F32, 0, &input_weight);
    op_node *u = make_param(b, "U \"quoted\"\n", DTYPE_F32, 0, &state_weight);
    op_node *h = make_open_delay(b, t, 1, make_number(b, DTYPE_F32, 0.1), DTYPE_F32, both, &two);
    op_node *sum =
        make_add(b, make_contract(b, "mn,n->m", w, x, 0), make_contract(b, "mn,n->m", u, h, 0));
    op_node *gate = graph_name(g, make_unary(b, OP_SIGMOID, sum), "gate");
    static const float bias[] = {-0.0f, 1e-30f};
    op_node *next =
        make_select(b, make_binary(b, OP_LT, gate, make_like(b, gate, 0.5)), make_mul(b, gate, h),
                    make_add(b, gate, make_constant(b, DTYPE_F32, &two, bias)));
    graph_bind(g, h, graph_name(g, next, "h"));

    op_node *ahead = make_delay(b, x, t, -2, make_number(b, DTYPE_F32, 0));
    static const int8_t swap[] = {1, 0};
    op_node *turned = make_contract(b, "n,nm->m", ahead, make_transpose(b, w, swap), 0);
    op_node *along = make_spread(b, make_param(b, "table", DTYPE_F32, 0, &table), d);
    op_node *parts[2] = {make_slice(b, next, 0, 0, 1),
                         make_pad(b, make_slice(b, turned, 0, 1, 1), 0, 1, 3)};
    op_node *joined = make_concat(b, parts, 2, 0);
    op_node *steps[1] = {make_step(b, t)};
    op_node *coin =
        make_random(b, DTYPE_F32, &two, make_number(b, DTYPE_I32, 17), steps, 1, b->new_stream(b));
    op_node *dropped = make_mul(
        b, next, make_cast(b, make_binary(b, OP_LT, coin, make_like(b, coin, 0.9)), DTYPE_F32));
    op_node *cotangent = make_cotangent(b, dropped);
    op_node *halved = make_mul(b, cotangent, make_like(b, cotangent, 0.5));
    op_node *own = make_custom(b, "half", dropped, &next, &halved, 1, cotangent);
    op_node *end = make_last(b, make_keep(b, own), t, make_number(b, DTYPE_F32, 0));
    op_node *square = make_contract(b, "m,m->", next, next, both);
    op_node *peak = make_reshape(b, make_reduce(b, joined, 0, OP_KIND_LSE), &none);
    op_node *loss = make_add(b, square, make_total(b, peak, both, OP_KIND_SUM));
    op_node *all = make_stack(b, next, t);
    op_node *row = make_gather(b, all, make_number(b, DTYPE_I32, 1));
    graph_output_add(g, "loss", loss);
    graph_output_add(g, "last", end);
    graph_output_add(g, "row",
                     make_add(b, row, make_broadcast(b, make_number(b, DTYPE_F32, 2), &two)));
    graph_output_add(g, "along", along);
    graph_update_add(g, u, make_sub(b, u, make_contract(b, "m,n->mn", next, next, both)));
    return h;
}
