/* contract: einsum on the feature dimensions of two values, then a sum over loop axes. Every matrix
 * product, outer product and weight gradient is this one op.
 *
 * An index of one operand alone must be in the result: then the adjoint with respect to either
 * operand is a contract again, of the gradient with the other operand (rule 20). Axes behave like
 * letters: those that the gradient lacks are added back first, those that the operand lacks are
 * summed. */
#include <string.h>

#include "ops/infer.h"
#include "ops/make.h"
#include "ops/record.h"

/* Position of a letter among those seen so far; appended when `add`, else -1 if it is new. */
static int letter_of(op_contract *out, char letter, bool add) {
    for (int i = 0; i < out->count; i++)
        if (out->letters[i] == letter)
            return i;
    if (!add)
        return -1;
    out->letters[out->count] = letter;
    return out->count++;
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Reads letters at *spec into positions[]; returns their number, -1 with *why after a mistake. */
static int parse_operand(const char **spec, op_contract *out, bool add, int8_t *positions,
                         const char **why) {
    int rank = 0;
    for (; is_letter(**spec); (*spec)++) {
        int position;
        if (rank == LIMIT_RANK) {
            *why = "an operand has more indices than a value has dimensions";
            return -1;
        }
        position = letter_of(out, **spec, add);
        if (position < 0) {
            *why = "an index of the result is in neither operand";
            return -1;
        }
        for (int i = 0; i < rank; i++)
            if (positions[i] == position) {
                *why = "an index is repeated in one operand";
                return -1;
            }
        positions[rank++] = (int8_t)position;
    }
    return rank;
}

static bool has(const int8_t *positions, int rank, int letter) {
    for (int i = 0; i < rank; i++)
        if (positions[i] == letter)
            return true;
    return false;
}

bool op_contract_parse(const char *spec, op_contract *out, const char **why) {
    static const char *const form = "it must look like \"mn,n->m\"";
    memset(out, 0, sizeof *out);
    *why = form;
    out->rank_a = parse_operand(&spec, out, true, out->a, why);
    if (out->rank_a < 0 || *spec++ != ',')
        return false;
    out->rank_b = parse_operand(&spec, out, true, out->b, why);
    if (out->rank_b < 0 || spec[0] != '-' || spec[1] != '>')
        return false;
    spec += 2;
    out->rank_out = parse_operand(&spec, out, false, out->out, why);
    if (out->rank_out < 0 || *spec)
        return false;
    for (int i = 0; i < out->count; i++) {
        if (has(out->out, out->rank_out, i))
            continue;
        if (!has(out->a, out->rank_a, i) || !has(out->b, out->rank_b, i)) {
            *why = "an index of one operand alone is not in the result; reduce that operand first";
            return false;
        }
        out->reduced[out->reduced_count++] = (int8_t)i;
    }
    *why = NULL;
    return true;
}

bool op_is_heavy(const op_node *n) {
    op_contract c;
    const char *why;
    if (n->op != OP_CONTRACT)
        return false;
    return n->attributes.over ||
           (op_contract_parse(n->attributes.text, &c, &why) && c.reduced_count > 0);
}

/* Enters an operand's dimensions in sizes[], by letter. */
static bool match(op_builder *b, const op_node *n, const op_contract *c, int operand,
                  const int8_t *positions, int64_t *sizes) {
    const op_node *x = n->arguments[operand];
    int rank = operand == 0 ? c->rank_a : c->rank_b;
    if (x->shape.rank != rank)
        return op_fail(b, STATUS_SHAPE, "contract \"%s\": operand %d has %d indices but is %s",
                       n->attributes.text, operand, rank, op_describe(b, x));
    for (int i = 0; i < rank; i++) {
        int64_t *size = &sizes[positions[i]], own = x->shape.dimension[i];
        if (*size && *size != own)
            return op_fail(b, STATUS_SHAPE,
                           "contract \"%s\": index %c has different sizes in %s and %s",
                           n->attributes.text, c->letters[positions[i]],
                           op_describe(b, n->arguments[0]), op_describe(b, n->arguments[1]));
        *size = own;
    }
    return true;
}

static bool contract_infer(op_builder *b, op_node *n) {
    op_contract c;
    const char *why;
    int64_t sizes[2 * LIMIT_RANK] = {0}, result[LIMIT_RANK];
    if (!n->attributes.text || !op_contract_parse(n->attributes.text, &c, &why))
        return op_fail(b, STATUS_ARGUMENT, "contract \"%s\": %s",
                       n->attributes.text ? n->attributes.text : "",
                       n->attributes.text ? why : "there is no spec");
    if (!infer_is_float(b, n, 0) || !infer_is_float(b, n, 1) || !infer_one_dtype(b, n, 0) ||
        !match(b, n, &c, 0, c.a, sizes) || !match(b, n, &c, 1, c.b, sizes))
        return false;
    uint32_t domain = infer_join(n);
    if (!infer_over(b, n, domain))
        return false;
    for (int i = 0; i < c.rank_out; i++)
        result[i] = sizes[c.out[i]];
    n->dtype = n->arguments[0]->dtype;
    n->domain = domain & ~n->attributes.over;
    n->shape = op_shape_make(c.rank_out, result);
    return infer_shape(b, n, &n->shape);
}

/* "left,right->result" */
static void write_spec(const op_contract *c, char *to, const int8_t *left, int left_rank,
                       const int8_t *right, int right_rank, const int8_t *result, int result_rank) {
    for (int i = 0; i < left_rank; i++)
        *to++ = c->letters[left[i]];
    *to++ = ',';
    for (int i = 0; i < right_rank; i++)
        *to++ = c->letters[right[i]];
    *to++ = '-', *to++ = '>';
    for (int i = 0; i < result_rank; i++)
        *to++ = c->letters[result[i]];
    *to = 0;
}

static void contract_adjoint(op_builder *b, op_node *n, op_node *gy, op_node **out) {
    op_node *x = n->arguments[0], *y = n->arguments[1];
    op_contract c;
    const char *why;
    char spec[3 * LIMIT_RANK + 4];
    op_node *g = make_expand(b, gy, x->domain | y->domain);
    if (!g || !op_contract_parse(n->attributes.text, &c, &why))
        return;
    write_spec(&c, spec, c.out, c.rank_out, c.b, c.rank_b, c.a, c.rank_a);
    out[0] = make_contract(b, spec, g, y, (g->domain | y->domain) & ~x->domain);
    write_spec(&c, spec, c.a, c.rank_a, c.out, c.rank_out, c.b, c.rank_b);
    out[1] = make_contract(b, spec, x, g, (g->domain | x->domain) & ~y->domain);
}

const op_info op_record_CONTRACT = {
    OP_RECORD(CONTRACT),
    .infer = contract_infer,
    .adjoint = contract_adjoint,
    .formula = "y[out] = sum over axes and shared indices not in out of a[in] * b[in]",
    .adjoint_formula = "da = contract(dy, b) to a's indices; db = contract(a, dy) to b's indices",
    .about =
        "Einsum of two values, then a sum over loop axes. One accumulator per element; axes "
        "outermost, then the summed indices in their order, each step an fma.",
    .sample = {.low = -2, .high = 2}};
