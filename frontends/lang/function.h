/* Between the files of the functions of the language. */
#ifndef EDDY_FRONTENDS_LANG_FUNCTION_H
#define EDDY_FRONTENDS_LANG_FUNCTION_H

#include "frontends/lang/lower.h"

/* A call under way: its arguments, none of them bad. */
typedef struct function_call {
    scope *s;
    const syntax *e;
    operand *a;
    int count;
} function_call;

/* A mistake about argument i. Always OPERAND_BAD. */
operand function_type(const function_call *c, int i, const char *expected);
/* Argument i as a real value; NULL after a mistake. */
eddy_value function_real(const function_call *c, int i);
/* Dimensions from argument `from` on, ending with EDDY_SCALAR; false after a mistake. */
bool function_dimensions(const function_call *c, int from, int64_t out[LIMIT_RANK + 1]);

/* Arguments 0 and 1 as real values that join; false after a mistake. */
bool function_pair(const function_call *c, eddy_value out[2]);

typedef operand function_maker(const function_call *c);
/* ---- function_element.c */
function_maker function_exp, function_abs, function_stop, function_softplus, function_silu,
    function_sinh, function_to_int, function_to_real, function_complex, function_re, function_im,
    function_conj, function_outer, function_logaddexp;
/* tanh and its like: is there one of this name; the call of it. */
bool function_is_simple(const char *name);
const char *function_simple_near(const char *name);
/* Name i of them; NULL past the end. */
const char *function_simple_name(int i);
operand function_simple(const function_call *c);
/* ---- function_shape.c */
function_maker function_sum, function_mean, function_lse, function_max, function_min,
    function_argmax, function_softmax, function_log_softmax, function_last, function_at,
    function_gathered, function_spread, function_steps, function_reshape, function_concat,
    function_pad, function_zeros, function_ones, function_iota, function_eye, function_onehot,
    function_contract;

#endif
