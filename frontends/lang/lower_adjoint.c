/* Gradients of the user's own: `adjoint v = ...` and `surrogate v = ...`.
 *
 * Both become a custom value of the graph. A surrogate is meant to differ from the derivative, so
 * difference quotients say nothing about it - nor about anything else in a model that holds one. So
 * that the rest can still be checked, a model may have straight lines in their place: through the
 * value and the input as they were, with the surrogate as slope. That takes two models, one that
 * tells the points and one that is given them (capi_surrogates). There is a line where the
 * surrogate goes element by element and is linear in what comes in, as surrogates do. */
#include "frontends/lang/lower.h"

enum { ADJOINT_MOST = 31 }; /* of a cell */

/* What the user wrote behind `adjoint`, as eddy_custom asks for it. */
static void adjoint_apply(void *user, eddy_value y, eddy_value gy, const eddy_value *xs, int count,
                          eddy_value *gxs) {
    (void)y, (void)xs;
    scope *s = user;
    const size_t outer = s->symbols.count;
    const char *result = s->cell->results.at[0].name;
    lower_push(s, (symbol){.name = arena_print(s->l->memory, "d%s", result),
                           .where = s->cell->results.at[0].where,
                           .now = lower_value(gy)});
    for (int i = 0; i < count; i++) {
        s->here = (eddy_site){s->file, s->adjoints.at[i].line};
        operand x = lower_expression(s, s->adjoints.at[i].value);
        gxs[i] = lower_real(s, x).value;
    }
    s->symbols.count = outer;
}

static eddy_value adjoint_point(scope *s, eddy_value x, const char *what, size_t adjoint) {
    const eddy_site here = s->here;
    eddy_model *m = s->l->m;
    int64_t shape[LIMIT_RANK + 1];
    const char *name =
        arena_print(&m->memory, "surrogate %zu %s %zu", m->surrogates.count, what, adjoint);
    for (int i = 0; i <= eddy_value_rank(x); i++)
        shape[i] = i < eddy_value_rank(x) ? eddy_value_dimension(x, i) : EDDY_SCALAR;
    if (m->surrogates_as == CAPI_SURROGATES_LINES)
        return (eddy_input)(m, name, eddy_value_dtype(x), eddy_value_axes(x), shape, here);
    eddy_output(m, name, x);
    return x;
}

/* Notes the value, the inputs and the slopes, or returns value + sum of slope * (x - input). */
static eddy_value adjoint_line(scope *s, eddy_value y, const eddy_value *xs, size_t count) {
    const eddy_site here = s->here;
    eddy_model *m = s->l->m;
    eddy_value slopes[ADJOINT_MOST];
    int64_t shape[LIMIT_RANK + 1];
    bool straight = true;
    for (int i = 0; i <= eddy_value_rank(y); i++)
        shape[i] = i < eddy_value_rank(y) ? eddy_value_dimension(y, i) : EDDY_SCALAR;
    for (size_t i = 0; i < count; i++)
        straight = straight && lower_same_shape(xs[i], y);
    const char *cell = arena_copy_text(&m->memory, s->cell->name);
    if (!straight) {
        vec_push(&m->memory, &m->surrogates, ((capi_surrogate){cell, false}));
        return NULL;
    }
    adjoint_apply(s, y, lower_fill(s, lower_number(1), shape), xs, (int)count, slopes);
    eddy_value line = adjoint_point(s, y, "value", 0);
    for (size_t i = 0; i < count; i++) {
        eddy_value at = adjoint_point(s, xs[i], "input", i);
        eddy_value slope = adjoint_point(s, slopes[i], "slope", i);
        eddy_value moved = eddy_sub(xs[i], at);
        line = eddy_add(line, eddy_mul(slope, moved));
    }
    vec_push(&m->memory, &m->surrogates, ((capi_surrogate){cell, true}));
    return m->surrogates_as == CAPI_SURROGATES_LINES ? line : NULL;
}

operand lower_custom(scope *s, operand y) {
    eddy_value xs[ADJOINT_MOST];
    const eddy_site here = s->here;
    size_t count = s->adjoints.count;
    bool surrogate = false;
    if (count == 0 || y.kind != OPERAND_VALUE)
        return y;
    if (count > ADJOINT_MOST)
        return lower_wrong(s, REPORT_place, s->adjoints.at[ADJOINT_MOST].where,
                           "a cell has at most %d adjoints", (int)ADJOINT_MOST);
    for (size_t i = 0; i < count; i++) {
        surrogate = surrogate || s->adjoints.at[i].surrogate;
        xs[i] = lower_find(s, s->adjoints.at[i].names.at[0].name)->now.value;
    }
    y = lower_real(s, y);
    eddy_value made = NULL;
    if (surrogate && s->l->m->surrogates_as != CAPI_SURROGATES_MEANT)
        made = adjoint_line(s, y.value, xs, count);
    if (!made)
        made = eddy_custom(s->cell->name, y.value, xs, (int)count, adjoint_apply, s);
    return lower_guard(s, s->adjoints.at[0].where, lower_value(made));
}
