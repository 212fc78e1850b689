/* States carried from call to call: a sequence cut anywhere gives the values and the states of the
 * whole, bit for bit; each sample may have lengths and resets of its own. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "frontends/eddy.h"

enum { D = 3, H = 4, T = 11, B = 5 };

typedef enum carry_how { NOT_CARRIED, IN_STEP, BY_SAMPLE, RAGGED } carry_how;

/* Everything that looks back: delays of 1 and 3 with starts of their own, a delay outside of any
 * cycle, positions, chance. */
static eddy_model *model_of(carry_how how) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b");
    eddy_axes t = how == RAGGED ? eddy_time_ragged(m, "t", b, "lengths") : eddy_time(m, "t");
    if (how != NOT_CARRIED)
        eddy_carry(m, t, how == IN_STEP ? 0 : b);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, D);
    eddy_value place = eddy_cast(eddy_index(m, t), EDDY_F32);
    eddy_value start = eddy_param(m, "start", eddy_init_normal(0, 1), H);
    eddy_value h0 = eddy_state(m, "h", t, H);
    eddy_value g0 = eddy_state_over("g", t, 3, b, eddy_add(start, eddy_scale(place, 0.1)));
    eddy_value taps = eddy_delay_from(x, t, 2, eddy_number(m, 0.25));
    eddy_value h = eddy_tanh(eddy_sum(eddy_linear(m, "W", H, x), eddy_linear(m, "V", H, taps),
                                      eddy_linear(m, "U", H, h0), g0));
    eddy_value g = eddy_tanh(
        eddy_sum(eddy_linear(m, "R", H, g0), h, eddy_scale(eddy_random(m, t | b, H), 0.5)));
    eddy_next(h0, h);
    eddy_next(g0, g);
    eddy_output(m, "h", h);
    eddy_output(m, "g", g);
    eddy_output(m, "place", eddy_expand(place, t | b));
    return m;
}

typedef struct fixture {
    eddy_program *program;
    eddy_params *params;
    eddy_run *run;
    bool ragged;
} fixture;

static fixture open_fixture(carry_how how) {
    fixture f = {.ragged = how == RAGGED, .params = eddy_params_new(NULL, 3)};
    eddy_model *m = model_of(how);
    cr_assert_eq(eddy_compile(m, &f.program), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    cr_assert_eq(eddy_run_new(f.program, f.params, &f.run), EDDY_OK, "%s", eddy_run_message(f.run));
    eddy_run_scalar(f.run, "seed", 5);
    return f;
}

static void close_fixture(fixture *f) {
    eddy_run_free(f->run);
    eddy_params_free(f->params);
    eddy_program_free(f->program);
}

typedef struct record {
    float h[T][B][H], g[T][B][H], place[T][B];
} record;

static float input[T][B][D];

static void fill(void) {
    for (int i = 0; i < T * B * D; i++)
        (&input[0][0][0])[i] = (float)sin(0.7 * i);
}

/* Steps from[b] .. from[b] + count[b] of each sample as one call; padding is NaN. */
static void call(const fixture *f, const int *from, const int *count, record *out) {
    float x[T][B][D], h[T][B][H], g[T][B][H], place[T][B];
    int32_t lengths[B];
    int steps = 0;
    for (int b = 0; b < B; b++)
        steps = count[b] > steps ? count[b] : steps;
    for (int s = 0; s < steps; s++)
        for (int b = 0; b < B; b++)
            for (int i = 0; i < D; i++)
                (&x[0][0][0])[(s * B + b) * D + i] = s < count[b] ? input[from[b] + s][b][i] : NAN;
    for (int b = 0; b < B; b++)
        lengths[b] = count[b];
    eddy_run_resize(f->run, (eddy_extent[]){{"t", steps}, {"b", B}}, 2);
    eddy_run_input(f->run, "x", x, (size_t)(steps * B * D));
    if (f->ragged)
        eddy_run_input(f->run, "lengths", lengths, B);
    eddy_run_output(f->run, "h", h, (size_t)(steps * B * H));
    eddy_run_output(f->run, "g", g, (size_t)(steps * B * H));
    eddy_run_output(f->run, "place", place, (size_t)(steps * B));
    cr_assert_eq(eddy_run_call(f->run), EDDY_OK, "%s", eddy_run_message(f->run));
    for (int b = 0; b < B; b++)
        for (int s = 0; s < count[b]; s++) {
            memcpy(out->h[from[b] + s][b], h[s][b], sizeof h[s][b]);
            memcpy(out->g[from[b] + s][b], g[s][b], sizeof g[s][b]);
            out->place[from[b] + s][b] = place[s][b];
        }
}

/* All carried memory of a run, one after the other. */
static size_t states(const fixture *f, unsigned char *out, size_t bytes) {
    size_t used = 0;
    eddy_slot slot;
    for (int i = 0; eddy_program_slot(f->program, EDDY_STATE, i, &slot); i++) {
        size_t elements = eddy_run_elements(f->run, slot.name);
        cr_assert_leq(used + 4 * elements, bytes);
        cr_assert_eq(eddy_run_state_read(f->run, slot.name, out + used, elements), EDDY_OK);
        used += 4 * elements;
    }
    cr_assert_gt(used, 0);
    return used;
}

static void compare(const record *a, const record *b, const int *length) {
    for (int s = 0; s < T; s++)
        for (int i = 0; i < B; i++) {
            if (s >= length[i])
                continue;
            cr_assert_arr_eq(a->h[s][i], b->h[s][i], sizeof a->h[s][i], "h at %d, %d", s, i);
            cr_assert_arr_eq(a->g[s][i], b->g[s][i], sizeof a->g[s][i], "g at %d, %d", s, i);
            cr_assert_eq(a->place[s][i], (float)s);
            cr_assert_eq(b->place[s][i], (float)s);
        }
}

static const int nothing[B] = {0}, all[B] = {T, T, T, T, T};

Test(api_carry, a_first_call_equals_a_program_that_carries_nothing) {
    static record plain, carried;
    const carry_how hows[] = {IN_STEP, BY_SAMPLE};
    fill();
    fixture f = open_fixture(NOT_CARRIED);
    call(&f, nothing, all, &plain);
    close_fixture(&f);
    for (int i = 0; i < 2; i++) {
        f = open_fixture(hows[i]);
        call(&f, nothing, all, &carried);
        compare(&plain, &carried, all);
        close_fixture(&f);
    }
}

Test(api_carry, a_sequence_cut_anywhere_is_the_whole) {
    static record whole, cut;
    static unsigned char one[4096], two[4096];
    const carry_how hows[] = {IN_STEP, BY_SAMPLE};
    fill();
    for (int k = 0; k < 2; k++) {
        fixture f = open_fixture(hows[k]);
        call(&f, nothing, all, &whole);
        size_t bytes = states(&f, one, sizeof one);
        for (int first = 0; first <= T; first++) {
            for (int second = 0; first + second <= T; second += 2) {
                cr_assert_eq(eddy_run_reset(f.run), EDDY_OK);
                const int cuts[] = {0, first, first + second, T};
                for (int c = 0; c < 3; c++) {
                    int from[B], count[B];
                    for (int b = 0; b < B; b++) {
                        from[b] = cuts[c];
                        count[b] = cuts[c + 1] - cuts[c];
                    }
                    call(&f, from, count, &cut);
                }
                compare(&whole, &cut, all);
                cr_assert_eq(states(&f, two, sizeof two), bytes);
                cr_assert_arr_eq(one, two, bytes, "states after cuts at %d, %d", cuts[1], cuts[2]);
            }
        }
        close_fixture(&f);
    }
}

Test(api_carry, ragged_samples_advance_each_by_their_own_steps) {
    static record whole, cut;
    static unsigned char one[4096], two[4096];
    const int length[B] = {11, 6, 3, 1, 0};
    fill();
    fixture f = open_fixture(RAGGED);
    call(&f, nothing, length, &whole);
    size_t bytes = states(&f, one, sizeof one);
    unsigned state = 1;
    for (int trial = 0; trial < 30; trial++) {
        int from[B] = {0}, left = 1;
        eddy_run_reset(f.run);
        while (left) {
            int count[B];
            left = 0;
            for (int b = 0; b < B; b++) {
                state = state * 1103515245 + 12345;
                count[b] = (int)(state >> 16) % 5;
                if (count[b] > length[b] - from[b])
                    count[b] = length[b] - from[b];
            }
            call(&f, from, count, &cut);
            for (int b = 0; b < B; b++) {
                from[b] += count[b];
                left |= from[b] < length[b];
            }
        }
        compare(&whole, &cut, length);
        cr_assert_eq(states(&f, two, sizeof two), bytes);
        cr_assert_arr_eq(one, two, bytes);
    }
    close_fixture(&f);
}

Test(api_carry, one_sample_starts_anew_and_the_others_go_on) {
    static record whole, cut;
    const int at[B] = {4, 4, 4, 4, 4}, rest[B] = {7, 7, 7, 7, 7};
    const int second[B] = {4, 4, 0, 4, 4};
    fill();
    fixture f = open_fixture(BY_SAMPLE);
    call(&f, nothing, all, &whole);
    eddy_run_reset(f.run);
    call(&f, nothing, at, &cut);
    cr_assert_eq(eddy_run_reset_sample(f.run, 2), EDDY_OK);
    call(&f, second, rest, &cut);
    const int length[B] = {11, 11, 7, 11, 11};
    compare(&whole, &cut, length);
    close_fixture(&f);
}

Test(api_carry, a_stream_goes_on_in_another_run) {
    static record whole, cut;
    static unsigned char bytes[4096];
    const int at[B] = {5, 5, 5, 5, 5}, rest[B] = {6, 6, 6, 6, 6};
    eddy_slot slot;
    fill();
    fixture f = open_fixture(BY_SAMPLE);
    call(&f, nothing, all, &whole);
    eddy_run_reset(f.run);
    call(&f, nothing, at, &cut);
    eddy_run *other;
    cr_assert_eq(eddy_run_new(f.program, f.params, &other), EDDY_OK);
    eddy_run_scalar(other, "seed", 5);
    eddy_run_resize(other, (eddy_extent[]){{"t", 1}, {"b", B}}, 2);
    for (int i = 0; eddy_program_slot(f.program, EDDY_STATE, i, &slot); i++) {
        size_t elements = eddy_run_elements(f.run, slot.name);
        eddy_run_state_read(f.run, slot.name, bytes, elements);
        cr_assert_eq(eddy_run_state_write(other, slot.name, bytes, elements), EDDY_OK, "%s",
                     eddy_run_message(other));
    }
    eddy_run_free(f.run);
    f.run = other;
    call(&f, at, rest, &cut);
    compare(&whole, &cut, all);
    close_fixture(&f);
}

Test(api_carry, states_start_anew_when_the_batch_changes) {
    static record cut, again;
    const int at[B] = {5, 5, 5, 5, 5};
    fill();
    fixture f = open_fixture(IN_STEP);
    call(&f, nothing, at, &cut);
    eddy_run_resize(f.run, (eddy_extent[]){{"b", B + 1}}, 1);
    eddy_run_resize(f.run, (eddy_extent[]){{"b", B}}, 1);
    call(&f, nothing, at, &again);
    compare(&cut, &again, at);
    close_fixture(&f);
}

Test(api_carry, a_long_delay_is_carried) {
    enum { LAG = 130, LONG = 300 };
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_value x = eddy_input(m, "x", EDDY_I32, t, EDDY_SCALAR);
    eddy_output(m, "y", eddy_delay_from(x, t, LAG, eddy_integer(m, -1)));
    eddy_program *p;
    eddy_run *r;
    eddy_params *s = eddy_params_new(NULL, 0);
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    cr_assert_eq(eddy_run_new(p, s, &r), EDDY_OK, "%s", eddy_run_message(r));
    int32_t x_of[LONG], y[LONG];
    for (int i = 0; i < LONG; i++)
        x_of[i] = 7 * i;
    for (int from = 0, count; from < LONG; from += count) {
        count = from < 60 ? 60 : LONG - from < 90 ? LONG - from : 90;
        eddy_run_resize(r, (eddy_extent[]){{"t", count}}, 1);
        eddy_run_input(r, "x", x_of + from, (size_t)count);
        eddy_run_output(r, "y", y + from, (size_t)count);
        cr_assert_eq(eddy_run_call(r), EDDY_OK, "%s", eddy_run_message(r));
    }
    for (int i = 0; i < LONG; i++)
        cr_assert_eq(y[i], i < LAG ? -1 : x_of[i - LAG], "step %d is %d", i, y[i]);
    eddy_run_free(r);
    eddy_params_free(s);
    eddy_program_free(p);
    eddy_model_free(m);
}

Test(api_carry, positions_stop_before_they_overflow) {
    static record one, two;
    int32_t positions[B];
    const int at[B] = {4, 4, 4, 4, 4}, next[B] = {5, 5, 5, 5, 5};
    fill();
    fixture f = open_fixture(BY_SAMPLE);
    call(&f, nothing, at, &one);
    for (int b = 0; b < B; b++)
        positions[b] = (1 << 30) - 2;
    eddy_run_state_write(f.run, "t.position", positions, B);
    call(&f, at, next, &one);
    eddy_run_state_read(f.run, "t.position", positions, B);
    for (int b = 0; b < B; b++)
        cr_assert_eq(positions[b], 1 << 30);
    call(&f, at, next, &two);
    for (int b = 0; b < B; b++)
        cr_assert_eq(two.place[4][b], (float)(1 << 30), "not from the start again");
    close_fixture(&f);
}

/* loss = sum of h over a call; "g" is its gradient by U, which ends where the call begins. */
static eddy_model *truncated(bool carried) {
    eddy_model *m = eddy_model_new(&(eddy_options){.dtype = EDDY_F64});
    eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
    if (carried)
        eddy_carry(m, t, b);
    eddy_value x = eddy_input(m, "x", EDDY_F64, t | b, H);
    eddy_value U = eddy_param(m, "U", eddy_init_orthogonal(1), H, H);
    eddy_value start =
        carried ? eddy_broadcast(eddy_number(m, 0), H) : eddy_input(m, "start", EDDY_F64, b, H);
    eddy_value h0 = eddy_state_from("h", t, start), h = eddy_tanh(eddy_add(eddy_matmul(U, h0), x));
    eddy_next(h0, h);
    eddy_output(m, "end", eddy_last(h, t));
    eddy_output(m, "g", eddy_gradient(eddy_total(eddy_reduce_all(h, EDDY_SUM), t | b), U));
    return m;
}

Test(api_carry, gradients_end_at_the_start_of_a_call) {
    enum { STEPS = 3 };
    double x[2][STEPS][B][H], start[B][H], g[2][H][H];
    eddy_params *s = eddy_params_new(NULL, 2);
    for (int i = 0; i < 2 * STEPS * B * H; i++)
        (&x[0][0][0][0])[i] = cos(i);
    for (int carried = 1; carried >= 0; carried--) {
        eddy_model *m = truncated(carried);
        eddy_program *p;
        eddy_run *r;
        cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
        cr_assert_eq(eddy_run_new(p, s, &r), EDDY_OK, "%s", eddy_run_message(r));
        eddy_run_resize(r, (eddy_extent[]){{"t", STEPS}, {"b", B}}, 2);
        for (int part = carried ? 0 : 1; part < 2; part++) {
            eddy_run_input(r, "x", x[part], STEPS * B * H);
            if (!carried)
                eddy_run_input(r, "start", start, B * H);
            cr_assert_eq(eddy_run_call(r), EDDY_OK, "%s", eddy_run_message(r));
            if (part == 0)
                memcpy(start, eddy_run_read(r, "end"), sizeof start);
        }
        memcpy(g[carried], eddy_run_read(r, "g"), sizeof g[carried]);
        eddy_run_free(r);
        eddy_program_free(p);
        eddy_model_free(m);
    }
    cr_assert_arr_eq(g[0], g[1], sizeof g[0]);
    cr_assert_neq(g[0][0][0], 0);
    eddy_params_free(s);
}

/* Refused before memory for the states is asked for. */
Test(api_carry, a_batch_that_is_too_large_is_refused) {
    fixture f = open_fixture(BY_SAMPLE);
    cr_assert_eq(eddy_run_resize(f.run, (eddy_extent[]){{"t", 1}, {"b", INT64_C(1) << 33}}, 2),
                 EDDY_BAD_SIZE);
    cr_assert_str_eq(eddy_run_message(f.run),
                     "resize: the extent 8589934592 of axis b is not between 0 and 2147483647");
    close_fixture(&f);
}

Test(api_carry, mistakes_are_told) {
    const eddy_site here = {"cell.c", 5};
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t"), b;
    eddy_state(m, "h", t, H);
    (eddy_carry)(m, t, 0, here);
    cr_assert_str_eq(eddy_model_message(m),
                     "cell.c:5: carry: values count the steps of t already; "
                     "carry it right after it is made");
    cr_assert_eq(eddy_model_status(m), EDDY_BAD_ARGUMENT);
    eddy_model_free(m);

    m = eddy_model_new(NULL);
    b = eddy_batch(m, "b");
    t = eddy_time_ragged(m, "t", b, "lengths");
    (eddy_carry)(m, t, 0, here);
    cr_assert_str_eq(eddy_model_message(m),
                     "cell.c:5: carry: the lengths of t vary over {b}, so "
                     "its positions must, not just over {}");
    eddy_model_free(m);

    m = eddy_model_new(NULL);
    b = eddy_batch(m, "b");
    (eddy_carry)(m, b, 0, here);
    cr_assert_str_eq(eddy_model_message(m), "cell.c:5: carry: b is a batch axis; time is carried");
    eddy_model_free(m);

    fixture f = open_fixture(IN_STEP);
    cr_assert_eq(eddy_run_reset_sample(f.run, 0), EDDY_BAD_ARGUMENT);
    cr_assert_str_eq(eddy_run_message(f.run),
                     "reset: all samples share t.position; give eddy_carry the batch axes whose "
                     "samples have positions of their own");
    close_fixture(&f);
    f = open_fixture(BY_SAMPLE);
    eddy_run_resize(f.run, (eddy_extent[]){{"t", 1}, {"b", B}}, 2);
    cr_assert_eq(eddy_run_reset_sample(f.run, B), EDDY_BAD_ARGUMENT);
    cr_assert_str_eq(eddy_run_message(f.run), "reset: there is no sample 5; t.position has 5");
    eddy_run_clear(f.run);
    const int32_t negative[B] = {0, 0, -1, 0, 0};
    cr_assert_eq(eddy_run_state_write(f.run, "t.position", negative, B), EDDY_BAD_ARGUMENT);
    cr_assert_str_eq(eddy_run_message(f.run),
                     "state: \"t.position\" of sample 2 is -1, not 0 to 1073741824");
    eddy_run_clear(f.run);
    eddy_run_state_read(f.run, "k", &(float){0}, 1);
    cr_assert_str_eq(eddy_run_message(f.run),
                     "state: the program has no carried state \"k\"; it has: t.position, "
                     "h.carry, g.carry, x1.carry");
    close_fixture(&f);
}
