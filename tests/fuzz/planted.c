/* Would a wrong adjoint be noticed? Some are planted, one after the other.
 *
 *   fuzz_planted
 *
 * The linker sends the library's own calls of op_get here (--wrap), so the record of one op can be
 * replaced by one whose adjoint is a little wrong: it scales what one argument gets. Random
 * programs are tried until one shows it; its gradient must be found wrong, the smaller program that
 * is left must be small enough to read, and it must contain the op. */
#include <stdio.h>
#include <string.h>

#include "tests/support/slope_hunt.h"

enum { PLANTED_TRIES = 400, PLANTED_NODES = 8 };

typedef struct planted {
    op_id op;
    int argument; /* whose adjoint is wrong */
    double factor;
} planted;

/* Not mul, select, reduce and total: the witnesses themselves weigh, mask and sum with them. */
static const planted plants[] = {
    {OP_TANH, 0, 1.01}, {OP_SIGMOID, 0, -1},     {OP_SUB, 1, -1},        {OP_EXP, 0, 0.9},
    {OP_MAX, 0, 0.5},   {OP_CONTRACT, 0, 1.001}, {OP_TRANSPOSE, 0, 1.5}, {OP_CONCAT, 0, -1},
    {OP_SLICE, 0, 0.5}, {OP_GATHER, 0, 2},       {OP_DELAY, 1, 3},       {OP_AT, 0, 0.5},
    {OP_STACK, 0, 1.1}, {OP_SCATTER, 0, 0.5},    {OP_BROADCAST, 0, -1},
};

static const planted *plant;
static op_info wrong;

const op_info *__real_op_get(op_id op);
const op_info *__wrap_op_get(op_id op);

const op_info *__wrap_op_get(op_id op) {
    return plant && plant->op == op ? &wrong : __real_op_get(op);
}

static void planted_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    __real_op_get(plant->op)->adjoint(b, n, gy, out);
    op_node **part = &out[plant->argument];
    if (*part)
        *part = make_mul(b, *part, make_like(b, *part, plant->factor));
}

/* Number of programs that it took, 0 if none showed it; *nodes of the smallest program. */
static int planted_find(const planted *p, size_t *nodes) {
    char word[64];
    wrong = *__real_op_get(p->op);
    wrong.adjoint = planted_adjoint;
    snprintf(word, sizeof word, "= %s ", wrong.name);
    int taken = 0;
    plant = p;
    for (int seed = 1; seed <= PLANTED_TRIES && !taken; seed++) {
        slope_find find;
        if (slope_hunt((uint64_t)seed, &find) == SLOPE_WRONG) {
            taken = seed;
            *nodes = find.nodes;
            if (!strstr(find.text, word))
                printf("the op is not in what is left:\n");
            if (!strstr(find.text, word) || find.nodes > PLANTED_NODES)
                printf("%s\n%s\n", find.report, find.text);
            if (!strstr(find.text, word))
                taken = 0;
        }
        slope_find_free(&find);
        if (*nodes > 0 && !taken)
            break;
    }
    plant = NULL;
    return taken;
}

int main(void) {
    int missed = 0;
    for (size_t i = 0; i < sizeof plants / sizeof *plants; i++) {
        size_t nodes = 0;
        int taken = planted_find(&plants[i], &nodes);
        bool found = taken > 0 && nodes <= PLANTED_NODES;
        missed += !found;
        printf("%-10s x %-5g %s after %d programs, %zu nodes are left\n",
               __real_op_get(plants[i].op)->name, plants[i].factor, found ? "found" : "MISSED",
               taken, nodes);
    }
    return missed > 0;
}
