/* The rules of ops that are more than a function of numbers: leaves, views, sums, reading and
 * writing at places, delays.
 *
 * A rule asks for all the elements that it can name at once and returns false while one is missing;
 * it is called again when they are there. A selection asks for its condition first and then for the
 * side that is taken, so the other side may lie in padding. */
#include <math.h>
#include <string.h>

#include "tests/ref/dual_graph.h"

#define RULE(name) static bool name(ref_graph *g, const ref_place *p, ref_dual *out)

static const ref_node *node_of(const ref_graph *g, const ref_place *p) {
    return &g->nodes[p->node];
}

static const ref_node *argument_of(const ref_graph *g, const ref_place *p, int i) {
    int id = node_of(g, p)->arguments[i];
    return id < 0 ? node_of(g, p) : &g->nodes[id];
}

/* Argument i at the steps of p and these features. */
static const ref_dual *need(ref_graph *g, const ref_place *p, int i, const long *element) {
    return ref_need(g, node_of(g, p)->arguments[i], p->step, element);
}

/* Argument i where the result's element comes from after stretching: aligned at the end, a
 * dimension of size 1 has one element for all. */
static const ref_dual *need_stretched(ref_graph *g, const ref_place *p, int i) {
    const ref_shape *shape = &argument_of(g, p, i)->shape;
    int shift = node_of(g, p)->shape.rank - shape->rank;
    long element[REF_RANK] = {0};
    for (int d = 0; d < shape->rank; d++)
        element[d] = shape->dimension[d] == 1 ? 0 : p->element[d + shift];
    return need(g, p, i, element);
}

static ref_dual unknown(const ref_place *p) {
    return (ref_dual){.value = NAN, .slope = NAN, .padding = p->node + 1};
}

/* Does a value of this node's domain exist at p? 1, 0, or -1: wait. */
static int exists(ref_graph *g, const ref_place *p) {
    const ref_node *n = node_of(g, p);
    for (int i = 0; i < n->axis_count; i++) {
        long end = ref_end(g, n->axes[i], n->domain, p->step);
        if (end < 0)
            return -1;
        if (p->step[n->axes[i]] >= end)
            return 0;
    }
    return 1;
}

/* ---- leaves */

RULE(leaf) {
    const ref_node *n = node_of(g, p);
    size_t at = 0;
    int there = exists(g, p);
    if (!n->values)
        return ref_fail(g, p->node, "a leaf that was not bound");
    if (there < 0)
        return false;
    for (int i = 0; i < n->axis_count; i++)
        at = at * (size_t)ref_steps(g, n->axes[i]) + (size_t)p->step[n->axes[i]];
    for (int i = 0; i < n->shape.rank; i++)
        at = at * (size_t)ref_dimension(g, &n->shape, i) + (size_t)p->element[i];
    *out = there ? (ref_dual){.value = n->values[at], .slope = n->slopes[at]} : unknown(p);
    return true;
}

RULE(constant) {
    const ref_node *n = node_of(g, p);
    size_t at = n->data_count == 1 ? 0 : ref_number(g, &n->shape, p->element);
    *out = (ref_dual){.value = n->data[at]};
    return true;
}

RULE(step) {
    *out = (ref_dual){.value = (double)p->step[node_of(g, p)->axis]};
    return true;
}

RULE(extent) {
    *out = (ref_dual){.value = (double)ref_steps(g, node_of(g, p)->axis)};
    return true;
}

RULE(cotangent) {
    (void)out;
    return ref_fail(g, p->node, "a cotangent has no value");
}

RULE(random_number) {
    const ref_node *n = node_of(g, p);
    uint32_t words[REF_AXES + 1], seed = 0;
    static const long nowhere[REF_RANK];
    bool ready = true;
    words[0] = (uint32_t)ref_number(g, &n->shape, p->element);
    for (int i = 0; i < n->count && i <= REF_AXES; i++) {
        const ref_dual *word = need(g, p, i, nowhere);
        ready = ready && word;
        if (!word)
            continue;
        *(i ? &words[i] : &seed) = (uint32_t)(int32_t)word->value;
        if (word->padding)
            out->padding = word->padding;
    }
    if (!ready)
        return false;
    out->value = ref_random(n->type, seed, n->stream, words, n->count);
    return true;
}

/* ---- element-wise */

RULE(pointwise) {
    const ref_node *n = node_of(g, p);
    ref_dual x[2] = {{0}};
    int count = n->xs ? 1 : n->count, padding = 0;
    bool ready = true;
    for (int i = 0; i < count; i++) {
        const ref_dual *element = need_stretched(g, p, i);
        ready = ready && element;
        if (!element)
            continue;
        x[i] = *element;
        if (element->padding)
            padding = element->padding;
    }
    if (!ready)
        return false;
    *out = n->scalar(n, argument_of(g, p, 0)->type, x);
    out->padding = padding;
    return true;
}

RULE(choose) {
    const ref_dual *condition = need_stretched(g, p, 0);
    if (!condition)
        return false;
    if (condition->padding) {
        *out = *condition;
        return true;
    }
    const ref_dual *taken = need_stretched(g, p, condition->value != 0 ? 1 : 2);
    if (taken)
        *out = *taken;
    return taken != NULL;
}

/* ---- views: the one element that is read */

static bool view(ref_graph *g, const ref_place *p, int i, const long *element, ref_dual *out) {
    const ref_dual *x = need(g, p, i, element);
    if (x)
        *out = *x;
    return x != NULL;
}

RULE(slice) {
    long element[REF_RANK];
    memcpy(element, p->element, sizeof element);
    element[node_of(g, p)->dimension] += node_of(g, p)->low;
    return view(g, p, 0, element, out);
}

RULE(pad) {
    const ref_node *n = node_of(g, p);
    long element[REF_RANK];
    memcpy(element, p->element, sizeof element);
    element[n->dimension] -= n->low;
    long size = ref_dimension(g, &argument_of(g, p, 0)->shape, n->dimension);
    if (element[n->dimension] < 0 || element[n->dimension] >= size)
        return true; /* 0 */
    return view(g, p, 0, element, out);
}

RULE(concat) {
    const ref_node *n = node_of(g, p);
    long element[REF_RANK];
    memcpy(element, p->element, sizeof element);
    for (int i = 0; i < n->count; i++) {
        long size = ref_dimension(g, &argument_of(g, p, i)->shape, n->dimension);
        if (element[n->dimension] < size)
            return view(g, p, i, element, out);
        element[n->dimension] -= size;
    }
    return ref_fail(g, p->node, "concat: an element beyond the last argument");
}

RULE(reshape) {
    const ref_shape *shape = &argument_of(g, p, 0)->shape;
    size_t number = ref_number(g, &node_of(g, p)->shape, p->element);
    long element[REF_RANK] = {0};
    for (int d = shape->rank - 1; d >= 0; d--) {
        size_t size = (size_t)ref_dimension(g, shape, d);
        element[d] = (long)(number % size);
        number /= size;
    }
    return view(g, p, 0, element, out);
}

RULE(transpose) {
    const ref_node *n = node_of(g, p);
    long element[REF_RANK] = {0};
    for (int d = 0; d < n->shape.rank; d++)
        element[n->permutation[d]] = p->element[d];
    return view(g, p, 0, element, out);
}

RULE(stretch) {
    const ref_dual *x = need_stretched(g, p, 0);
    if (x)
        *out = *x;
    return x != NULL;
}

RULE(stack) {
    const ref_node *n = node_of(g, p);
    ref_place from = *p;
    from.step[n->axis] = p->element[0];
    return view(g, &from, 0, p->element + 1, out);
}

RULE(spread) {
    long element[REF_RANK] = {p->step[node_of(g, p)->axis]};
    memcpy(element + 1, p->element, (REF_RANK - 1) * sizeof *element);
    return view(g, p, 0, element, out);
}

/* ---- folds. Two passes over the elements: what a slope is worth is known at the end. */

typedef struct folding {
    ref_kind kind;
    ref_type type;
    double top, sum, slope, ties;
    long best, count;
    int padding;
    bool ready, nan;
} folding;

static void fold_first(folding *f, const ref_dual *x) {
    if (!x) {
        f->ready = false;
        return;
    }
    if (x->padding)
        f->padding = x->padding;
    f->nan = f->nan || isnan(x->value);
    if (x->value > f->top) {
        f->top = x->value;
        f->best = f->count;
    }
    f->count++;
}

static void fold_second(folding *f, const ref_dual *x) {
    double weight = f->kind == REF_SUM ? 1 : f->kind == REF_MAX ? x->value == f->top : 0;
    if (f->kind == REF_LSE && !isinf(f->top))
        weight = exp(x->value - f->top);
    f->ties += weight;
    f->sum += f->kind == REF_SUM ? x->value : 0;
    f->slope += weight == 0 || x->slope == 0 ? 0 : weight * x->slope;
}

static void fold_end(const folding *f, ref_dual *out) {
    bool integer = f->type == REF_I32;
    out->padding = f->padding;
    if (f->kind == REF_SUM) {
        out->value = integer ? (double)(int32_t)(uint32_t)(int64_t)f->sum : f->sum;
        out->slope = integer ? 0 : f->slope;
    } else if (f->kind == REF_ARGMAX) {
        out->value = (double)f->best;
    } else if (f->nan) {
        out->value = NAN;
    } else {
        out->value = f->kind == REF_LSE && !isinf(f->top) ? f->top + log(f->ties) : f->top;
        out->slope = f->ties > 0 ? f->slope / f->ties : 0;
    }
}

static folding fold_begin(const ref_graph *g, const ref_place *p) {
    ref_type type = argument_of(g, p, 0)->type;
    return (folding){.kind = (ref_kind)node_of(g, p)->kind,
                     .type = type,
                     .ready = true,
                     .top = type == REF_I32 ? INT32_MIN : -INFINITY};
}

RULE(reduce) {
    const ref_node *n = node_of(g, p);
    long element[REF_RANK], size = ref_dimension(g, &argument_of(g, p, 0)->shape, n->dimension);
    folding f = fold_begin(g, p);
    memcpy(element, p->element, sizeof element);
    for (long i = 0; i < size; i++) {
        element[n->dimension] = i;
        fold_first(&f, need(g, p, 0, element));
    }
    if (!f.ready)
        return false;
    for (long i = 0; i < size; i++) {
        element[n->dimension] = i;
        fold_second(&f, need(g, p, 0, element));
    }
    fold_end(&f, out);
    return true;
}

RULE(total) {
    uint32_t over = node_of(g, p)->over;
    folding f = fold_begin(g, p);
    ref_place at = *p;
    bool any = ref_loop_begin(g, over, at.step);
    for (bool more = any; more; more = ref_loop_next(g, over, at.step))
        fold_first(&f, need(g, &at, 0, p->element));
    if (!f.ready)
        return false;
    for (bool more = any; more; more = ref_loop_next(g, over, at.step))
        fold_second(&f, need(g, &at, 0, p->element));
    fold_end(&f, out);
    return true;
}

/* ---- contract */

/* Indices that a spec sums over: letters of both operands that the result lacks. */
typedef struct spec {
    const char *a, *b, *result;
    int a_rank, b_rank;
    char reduced[REF_RANK + 1];
    long size[REF_RANK];
    int count;
} spec;

static spec spec_of(const ref_graph *g, const ref_place *p) {
    spec s = {.a = node_of(g, p)->label};
    s.b = strchr(s.a, ',') + 1;
    s.result = strchr(s.b, '>') + 1;
    s.a_rank = (int)(s.b - s.a) - 1;
    s.b_rank = (int)(s.result - s.b) - 2;
    for (int i = 0; i < s.a_rank; i++)
        if (!strchr(s.result, s.a[i])) {
            s.size[s.count] = ref_dimension(g, &argument_of(g, p, 0)->shape, i);
            s.reduced[s.count++] = s.a[i];
        }
    return s;
}

/* Argument i of a contract where the summed indices are `inner`. */
static const ref_dual *need_operand(ref_graph *g, const ref_place *p, int i, const spec *s,
                                    const long *inner) {
    const char *letters = i ? s->b : s->a;
    long element[REF_RANK] = {0};
    for (int d = 0; d < (i ? s->b_rank : s->a_rank); d++) {
        const char *kept = strchr(s->result, letters[d]);
        element[d] = kept ? p->element[kept - s->result]
                          : inner[strchr(s->reduced, letters[d]) - s->reduced];
    }
    return need(g, p, i, element);
}

static bool next_inner(const spec *s, long *inner) {
    for (int i = s->count - 1; i >= 0; i--) {
        if (++inner[i] < s->size[i])
            return true;
        inner[i] = 0;
    }
    return false;
}

RULE(contract) {
    uint32_t over = node_of(g, p)->over;
    spec s = spec_of(g, p);
    long inner[REF_RANK] = {0};
    ref_place at = *p;
    bool ready = true, more = ref_loop_begin(g, over, at.step);
    for (int i = 0; i < s.count; i++)
        more = more && s.size[i] > 0;
    while (more) {
        const ref_dual *a = need_operand(g, &at, 0, &s, inner);
        const ref_dual *b = need_operand(g, &at, 1, &s, inner);
        ready = ready && a && b;
        if (a && b) {
            out->value += a->value * b->value;
            out->slope += (a->slope == 0 ? 0 : a->slope * b->value) +
                          (b->slope == 0 ? 0 : a->value * b->slope);
            out->padding = a->padding ? a->padding : b->padding ? b->padding : out->padding;
        }
        more = next_inner(&s, inner) || ref_loop_next(g, over, at.step);
    }
    return ready;
}

/* ---- places that the program computes */

RULE(gather) {
    int rank = argument_of(g, p, 1)->shape.rank;
    const ref_dual *index = need(g, p, 1, p->element);
    long element[REF_RANK] = {0}, size = ref_dimension(g, &argument_of(g, p, 0)->shape, 0);
    if (!index)
        return false;
    if (index->padding) {
        *out = unknown(p);
        return true;
    }
    if (index->value < 0 || index->value >= (double)size)
        return true; /* 0 */
    element[0] = (long)index->value;
    for (int d = 1; d < argument_of(g, p, 0)->shape.rank; d++)
        element[d] = p->element[rank + d - 1];
    return view(g, p, 0, element, out);
}

/* Adds to *out what lands at `here`. A place that does not exist may be anywhere, so what is added
 * there must be nothing. */
static void land(const ref_place *p, const ref_dual *index, const ref_dual *added, long here,
                 ref_dual *out) {
    bool nothing = added->value == 0 && added->slope == 0 && !added->padding;
    if (index->padding ? nothing : index->value != (double)here)
        return;
    out->value += added->value;
    out->slope += added->slope;
    if (index->padding || added->padding)
        *out = unknown(p);
}

RULE(scatter) {
    const ref_node *n = node_of(g, p);
    const ref_shape *index_shape = &argument_of(g, p, 1)->shape;
    int index_rank = index_shape->rank, rank = argument_of(g, p, 0)->shape.rank;
    bool ready = true;
    ref_place at = *p;
    long count = 1;
    for (int d = 0; d < index_rank; d++)
        count *= ref_dimension(g, index_shape, d);
    for (bool more = ref_loop_begin(g, n->over, at.step); more;
         more = ref_loop_next(g, n->over, at.step))
        for (long i = 0; i < count; i++) {
            long element[REF_RANK] = {0}, rest = i;
            for (int d = index_rank - 1; d >= 0; d--) {
                element[d] = rest % ref_dimension(g, index_shape, d);
                rest /= ref_dimension(g, index_shape, d);
            }
            for (int d = index_rank; d < rank; d++)
                element[d] = p->element[d - index_rank + 1];
            const ref_dual *index = need(g, &at, 1, element), *added = need(g, &at, 0, element);
            ready = ready && index && added;
            if (index && added)
                land(p, index, added, p->element[0], out);
        }
    return ready;
}

RULE(put) {
    static const long nowhere[REF_RANK];
    const ref_node *n = node_of(g, p);
    bool ready = true;
    ref_place at = *p;
    for (bool more = ref_loop_begin(g, n->over, at.step); more;
         more = ref_loop_next(g, n->over, at.step)) {
        const ref_dual *index = need(g, &at, 1, nowhere), *added = need(g, &at, 0, p->element);
        ready = ready && index && added;
        if (index && added)
            land(p, index, added, p->step[n->axis], out);
    }
    return ready;
}

/* x at step `from` of the axis if there is such a step, else init at this one. */
static bool read_step(ref_graph *g, const ref_place *p, double from, long end, int init,
                      ref_dual *out) {
    const ref_dual *x;
    if (from >= 0 && from < (double)end) {
        ref_place at = *p;
        at.step[node_of(g, p)->axis] = (long)from;
        x = need(g, &at, 0, p->element);
    } else {
        x = need_stretched(g, p, init);
    }
    if (x)
        *out = *x;
    return x != NULL;
}

RULE(at_step) {
    static const long nowhere[REF_RANK];
    const ref_dual *index = need(g, p, 1, nowhere);
    long end = ref_end(g, node_of(g, p)->axis, argument_of(g, p, 0)->domain, p->step);
    if (!index || end < 0)
        return false;
    if (index->padding) {
        *out = unknown(p);
        return true;
    }
    return read_step(g, p, index->value, end, 2, out);
}

RULE(delay) {
    const ref_node *n = node_of(g, p);
    long end = ref_end(g, n->axis, n->domain, p->step), now = p->step[n->axis];
    if (end < 0)
        return false;
    if (now >= end) {
        *out = unknown(p);
        return true;
    }
    return read_step(g, p, (double)(now - n->distance), end, 1, out);
}

ref_rule ref_rule_of(const char *op) {
    static const struct {
        const char *name;
        ref_rule rule;
    } table[] = {{"input", leaf},          {"param", leaf},
                 {"constant", constant},   {"step", step},
                 {"extent", extent},       {"cotangent", cotangent},
                 {"select", choose},       {"random", random_number},
                 {"slice", slice},         {"pad", pad},
                 {"concat", concat},       {"reshape", reshape},
                 {"transpose", transpose}, {"broadcast", stretch},
                 {"expand", stretch},      {"stack", stack},
                 {"spread", spread},       {"reduce", reduce},
                 {"total", total},         {"contract", contract},
                 {"gather", gather},       {"at", at_step},
                 {"scatter", scatter},     {"put", put},
                 {"delay", delay}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, op))
            return table[i].rule;
    return ref_scalar_of(op) ? pointwise : NULL;
}
