/* One program for every number of steps and samples: an LSTM, in training and in use, is compiled
 * once and runs at T = 1, 16, 65,536 and B = 1, 7, 64. A sample alone gives the bits that it gives
 * in a batch, a sequence in pieces those of the whole, training those of use. */
#include <criterion/criterion.h>
#include <elf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/sanitize.h"
#include "frontends/program.h"

enum { D = 1, H = 2, STEPS = 65536, SAMPLES = 64, PIECE = 4096 };

/* x [t][b][D] for the most steps and samples: the same number for a step and sample at any size. */
static float number_at(size_t t, size_t b) {
    return (float)sin(0.37 * (double)t + 1.3 * (double)b * (double)b);
}

static eddy_program *compile_lstm(bool training, bool carries) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
    if (carries)
        eddy_carry(m, t, 0);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, D);
    eddy_value h = eddy_lstm(m, "cell", t, H, x, NULL);
    eddy_output(m, "h", h);
    if (training) {
        eddy_value wrong = eddy_reduce_all(eddy_square(eddy_shift(h, -0.1)), EDDY_SUM);
        eddy_value loss = eddy_mean_over(wrong, t | b);
        eddy_output(m, "norm", eddy_minimise(loss, eddy_adam()));
        eddy_output(m, "loss", loss);
    }
    eddy_program *p;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

static eddy_run *run_of(const eddy_program *p, eddy_params *s) {
    eddy_run *r;
    cr_assert_eq(eddy_run_new(p, s, &r), EDDY_OK, "%s", eddy_run_message(r));
    return r;
}

/* Runs on samples first .. first + samples of the data, from step `from` on. h in the run. */
static const float *call(eddy_run *r, size_t from, size_t steps, size_t first, size_t samples) {
    float *x = malloc(sizeof *x * steps * samples);
    for (size_t t = 0; t < steps; t++)
        for (size_t b = 0; b < samples; b++)
            x[t * samples + b] = number_at(from + t, first + b);
    eddy_run_resize(r, (eddy_extent[]){{"t", (int64_t)steps}, {"b", (int64_t)samples}}, 2);
    eddy_run_input(r, "x", x, steps * samples);
    eddy_run_call(r);
    free(x);
    cr_assert_eq(eddy_run_status(r), EDDY_OK, "%s", eddy_run_message(r));
    return eddy_run_read(r, "h");
}

Test(acceptance_extents, two_compilations_give_the_same_bytes) {
    for (int training = 0; training < 2; training++) {
        eddy_program *one = compile_lstm(training, false), *two = compile_lstm(training, false);
        const emit_object *a = program_object(one->code), *b = program_object(two->code);
        cr_assert_gt(a->count, 0);
        cr_assert_eq(a->count, b->count);
        cr_assert_eq(memcmp(a->bytes, b->bytes, a->count), 0);
        eddy_program_free(one);
        eddy_program_free(two);
    }
}

/* The symbols of an object: what is missing must be one of three, or a kernel that is in the other
 * object file; what is there is named "eddy_". */
static void check_symbols(const unsigned char *bytes, const Elf64_Shdr *table, const char *names) {
    size_t missing = 0, defined = 0;
    for (size_t i = 1; i < table->sh_size / sizeof(Elf64_Sym); i++) {
        Elf64_Sym symbol;
        memcpy(&symbol, bytes + table->sh_offset + i * sizeof symbol, sizeof symbol);
        const char *name = names + symbol.st_name;
        if (ELF64_ST_BIND(symbol.st_info) == STB_LOCAL)
            continue;
        bool needed = symbol.st_shndx == SHN_UNDEF;
        bool allowed = needed ? strcmp(name, "memset") == 0 || strcmp(name, "memcpy") == 0 ||
                                    strcmp(name, "memmove") == 0
                              : strncmp(name, "eddy_", 5) == 0;
        bool other = needed && strncmp(name, "eddy_kernel_", 12) == 0;
        cr_assert(allowed || other, "%s \"%s\"", needed ? "needs" : "defines", name);
        missing += needed && !other;
        defined += !needed;
    }
    cr_assert_leq(missing, 3);
    cr_assert_gt(defined, 0);
}

Test(acceptance_extents, an_object_needs_three_functions_at_most) {
    if (SANITIZE_BUILD != SANITIZE_NONE) {
        cr_log_info("not run here: a sanitizer's checks need functions of their own");
        return;
    }
    eddy_program *p = compile_lstm(true, true);
    const unsigned char *bytes = program_object(p->code)->bytes;
    Elf64_Ehdr head;
    memcpy(&head, bytes, sizeof head);
    cr_assert_eq(memcmp(head.e_ident, ELFMAG, SELFMAG), 0);
    cr_assert_eq(head.e_type, ET_REL);
    int tables = 0;
    for (int i = 0; i < head.e_shnum; i++) {
        Elf64_Shdr section, names;
        const uint64_t both = SHF_WRITE | SHF_EXECINSTR;
        memcpy(&section, bytes + head.e_shoff + i * sizeof section, sizeof section);
        cr_assert_neq(section.sh_flags & both, both);
        if (section.sh_type != SHT_SYMTAB)
            continue;
        memcpy(&names, bytes + head.e_shoff + section.sh_link * sizeof names, sizeof names);
        check_symbols(bytes, &section, (const char *)bytes + names.sh_offset);
        tables++;
    }
    cr_assert_eq(tables, 1);
    eddy_program_free(p);
}

/* The last samples of each batch, alone, against the batch; what the program is, before and after.
 */
static void use(const eddy_program *p, bool training) {
    static const size_t steps[] = {1, 16, STEPS}, samples[] = {1, 7, SAMPLES};
    const emit_object *object = program_object(p->code);
    unsigned char *bytes = malloc(object->count);
    memcpy(bytes, object->bytes, object->count);
    eddy_program *plain = compile_lstm(false, false);
    for (int i = 0; i < 9; i++) {
        size_t t = steps[i % 3], b = samples[i / 3], size = t * b * H;
        eddy_params *s = eddy_params_new(NULL, 1);
        eddy_run *r = run_of(p, s), *alone = run_of(plain, s);
        if (training)
            eddy_run_scalar(r, "learning_rate", 0.01);
        const float *one = call(alone, 0, t, b - 1, 1), *all = call(r, 0, t, 0, b);
        for (size_t k = 0; k < t; k++)
            cr_assert_eq(memcmp(one + k * H, all + (k * b + b - 1) * H, sizeof *one * H), 0,
                         "sample %zu of %zu, step %zu of %zu", b - 1, b, k, t);
        for (size_t k = 0; k < size; k++)
            cr_assert(fabsf(all[k]) < 1);
        if (training) {
            double loss = eddy_run_number(r, "loss"), norm = eddy_run_number(r, "norm");
            cr_assert(isfinite(loss) && norm > 0);
            call(r, 0, t, 0, b);
            cr_assert_lt(eddy_run_number(r, "loss"), loss, "a step of training helps");
        }
        eddy_run_free(r);
        eddy_run_free(alone);
        eddy_params_free(s);
    }
    cr_assert_eq(program_object(p->code), object);
    cr_assert_eq(memcmp(object->bytes, bytes, object->count), 0);
    eddy_program_free(plain);
    free(bytes);
}

Test(acceptance_extents, inference_of_all_sizes) {
    eddy_program *p = compile_lstm(false, false);
    use(p, false);
    eddy_program_free(p);
}

Test(acceptance_extents, training_of_all_sizes) {
    eddy_program *p = compile_lstm(true, false);
    use(p, true);
    eddy_program_free(p);
}

/* Chance belongs to a step and a sample, whatever else is in the batch and however long it is. */
Test(acceptance_extents, a_sample_alone_draws_what_it_drew_in_the_batch) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t"), b = eddy_batch(m, "b");
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, D), before = eddy_state(m, "h", t, H);
    eddy_value h = eddy_tanh(eddy_add(eddy_linear(m, "U", H, before), eddy_linear(m, "W", H, x)));
    h = eddy_dropout(h, 0.3, t | b);
    eddy_next(before, h);
    eddy_output(m, "h", h);
    eddy_program *p;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK, "%s", eddy_model_message(m));
    eddy_params *s = eddy_params_new(NULL, 1);
    eddy_run *one = run_of(p, s), *many = run_of(p, s);
    eddy_run_scalar(one, "seed", 3);
    eddy_run_scalar(many, "seed", 3);
    const float *alone = call(one, 0, 16, 0, 1), *all = call(many, 0, 20, 0, 7);
    int dropped = 0;
    for (int k = 0; k < 16; k++)
        for (int i = 0; i < H; i++) {
            cr_assert_eq(alone[k * H + i], all[k * 7 * H + i], "step %d", k);
            dropped += alone[k * H + i] == 0;
        }
    cr_assert(dropped > 0 && dropped < 16 * H);
    eddy_run_free(one);
    eddy_run_free(many);
    eddy_params_free(s);
    eddy_program_free(p);
    eddy_model_free(m);
}

/* No step or no sample: nothing is lost, nothing is learned. */
Test(acceptance_extents, training_on_nothing) {
    static const size_t none[][2] = {{0, 7}, {16, 0}, {0, 0}};
    float before[H * H], after[H * H];
    eddy_program *p = compile_lstm(true, false);
    eddy_params *s = eddy_params_new(NULL, 1);
    eddy_run *r = run_of(p, s);
    eddy_run_scalar(r, "learning_rate", 0.01);
    cr_assert_eq(eddy_params_read(s, "cell.Ui", before, H * H), EDDY_OK);
    for (int i = 0; i < 3; i++) {
        call(r, 0, none[i][0], 0, none[i][1]);
        cr_assert_eq(eddy_run_elements(r, "h"), 0);
        cr_assert_eq(eddy_run_number(r, "loss"), 0);
        cr_assert_eq(eddy_run_number(r, "norm"), 0);
        cr_assert_eq(eddy_params_read(s, "cell.Ui", after, H * H), EDDY_OK);
        cr_assert_eq(memcmp(before, after, sizeof before), 0);
    }
    eddy_run_free(r);
    eddy_params_free(s);
    eddy_program_free(p);
}

Test(acceptance_extents, a_sequence_in_pieces_is_the_whole) {
    static const size_t samples[] = {1, 7};
    eddy_program *whole = compile_lstm(false, false), *carrying = compile_lstm(false, true);
    for (int i = 0; i < 2; i++) {
        size_t b = samples[i];
        eddy_params *s = eddy_params_new(NULL, 1);
        eddy_run *r = run_of(whole, s), *pieces = run_of(carrying, s);
        const float *all = call(r, 0, STEPS, 0, b);
        size_t from = 0;
        for (size_t n = 1; from < STEPS; from += n) {
            n = from + PIECE > STEPS ? STEPS - from : from == 0 ? 1 : PIECE;
            const float *part = call(pieces, from, n, 0, b);
            cr_assert_eq(memcmp(part, all + from * b * H, sizeof *all * n * b * H), 0,
                         "steps from %zu", from);
        }
        eddy_run_free(r);
        eddy_run_free(pieces);
        eddy_params_free(s);
    }
    eddy_program_free(whole);
    eddy_program_free(carrying);
}
