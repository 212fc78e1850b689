/* Objects from the maker's side: what is refused, why there is no step, what the header says, and
 * that files are whole whatever fails. What callers get from objects is asked in tests/aot. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontends/eddy.h"
#include "frontends/eddy_nn.h"
#include "jit/emit.h"
#include "tests/support/fault.h"

enum { H = 4 };

static char folder[64], stem[128];

static void open_folder(void) {
    strcpy(folder, "/tmp/api_object_XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(stem, sizeof stem, "%s/made", folder);
}

static int entries(bool remove_them) {
    DIR *stream = opendir(folder);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(stream));) {
        if (entry->d_name[0] == '.' && strlen(entry->d_name) < 3)
            continue;
        count++;
        char whole[400];
        snprintf(whole, sizeof whole, "%s/%s", folder, entry->d_name);
        if (remove_them)
            unlink(whole);
    }
    closedir(stream);
    return count;
}

static void close_folder(void) {
    entries(true);
    rmdir(folder);
}

TestSuite(api_object, .init = open_folder, .fini = close_folder);

/* The content of <stem><suffix>, "" when it is not there; until the next call. */
static const char *content(const char *suffix) {
    static char bytes[1 << 16];
    char path[200];
    snprintf(path, sizeof path, "%s%s", stem, suffix);
    FILE *file = fopen(path, "rb");
    size_t count = file ? fread(bytes, 1, sizeof bytes - 1, file) : 0;
    bytes[count] = 0;
    if (file)
        fclose(file);
    return bytes;
}

/* ---- mistakes */

static eddy_model *small(const eddy_options *options) {
    eddy_model *m = eddy_model_new(options);
    eddy_axes t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t, 2);
    eddy_value h0 = eddy_state(m, "h", t, H);
    eddy_value from_x = eddy_linear(m, "W", H, x);
    eddy_value h = eddy_tanh(eddy_add(from_x, eddy_linear(m, "U", H, h0)));
    eddy_next(h0, h);
    eddy_output(m, "h", h);
    return m;
}

static void refused(eddy_model *m, const char *prefix, const char *to,
                    const eddy_object_options *how, eddy_status expected, const char *words) {
    cr_assert_eq(eddy_compile_to_object(m, prefix, to, how), expected, "%s", eddy_model_message(m));
    cr_assert_str_eq(eddy_model_message(m), words);
    cr_assert_eq(entries(false), 0);
    eddy_model_free(m);
}

Test(api_object, bad_arguments) {
    static const char *const prefixes[] = {"", "1x", "a b", "a-b", "_x", "h\xc3\xbc"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        char words[200];
        snprintf(words, sizeof words,
                 "object: the prefix \"%s\" is no C identifier: a letter, then letters, digits and "
                 "'_', at most 200",
                 prefixes[i]);
        refused(small(NULL), prefixes[i], stem, NULL, EDDY_BAD_ARGUMENT, words);
    }
    refused(small(NULL), "gru_train", stem, NULL, EDDY_BAD_ARGUMENT,
            "object: the prefix \"gru_train\" ends in _train, as names of the object \"gru\" would "
            "go on; take another one");
    refused(small(NULL), "x", NULL, NULL, EDDY_BAD_ARGUMENT,
            "object: no path for the files is given");
    refused(small(NULL), "x", stem, &(eddy_object_options){.cpu = "vax"}, EDDY_BAD_ARGUMENT,
            "object: there is no cpu \"vax\"; there are x86-64-v2 (sse4), x86-64-v3 (avx2), "
            "x86-64-v4 (avx512), multi and native, and the one cpu of every other target");
    refused(small(NULL), "x", stem, &(eddy_object_options){.target = "vax"}, EDDY_BAD_ARGUMENT,
            "object: there is no target \"vax\"; there are x86-64, aarch64, armv7, riscv64, "
            "cortex-m4f and wasm32");
    refused(small(NULL), "x", stem, &(eddy_object_options){.target = "armv7", .cpu = "avx2"},
            EDDY_BAD_ARGUMENT,
            "object: the cpu avx2 is one of x86-64, and the target is armv7; leave out one of the "
            "two");
    refused(small(NULL), "x", stem, &(eddy_object_options){.target = "wasm32", .flush = true},
            EDDY_UNSUPPORTED,
            "object: wasm32 has no setting by which denormals are zeros; leave out flush");
    refused(small(NULL), "x", "/tmp/", NULL, EDDY_BAD_ARGUMENT,
            "object: no path for the files is given");
    refused(small(NULL), "x", stem, &(eddy_object_options){.apart = true}, EDDY_BAD_ARGUMENT,
            "object: there are no weights that could stand apart");
    refused(eddy_model_new(NULL), "x", stem, NULL, EDDY_BAD_ARGUMENT,
            "object: the model has no output and no update");
    cr_assert_eq(eddy_compile_to_object(NULL, "x", stem, NULL), EDDY_OUT_OF_MEMORY);
    char long_prefix[300];
    memset(long_prefix, 'a', sizeof long_prefix - 1);
    long_prefix[sizeof long_prefix - 1] = 0;
    eddy_model *m = small(NULL);
    cr_assert_eq(eddy_compile_to_object(m, long_prefix, stem, NULL), EDDY_BAD_ARGUMENT);
    eddy_model_free(m);
}

/* Whatever follows a prefix, no other object has that name. */
Test(api_object, prefixes_are_of_one_object_each) {
    static const char *const others[] = {"gru_gradient", "gru_step", "gru_sequence",
                                         "a_train_step"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        eddy_model *m = small(NULL);
        cr_assert_eq(eddy_compile_to_object(m, others[i], stem, NULL), EDDY_BAD_ARGUMENT);
        eddy_model_free(m);
    }
    static const char *const good[] = {"train", "step", "gru_training", "gru_steps"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        eddy_model *m = small(NULL);
        cr_assert_eq(eddy_compile_to_object(m, good[i], stem, NULL), EDDY_OK, "%s",
                     eddy_model_message(m));
        eddy_model_free(m);
    }
    entries(true);
}

Test(api_object, a_mistake_in_the_model_is_told) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t");
    const eddy_site here = {"cell.c", 5};
    eddy_value h0 = (eddy_state)(m, "h", t, EDDY_DIMENSIONS(H), here);
    eddy_output(m, "h", h0);
    cr_assert_eq(eddy_compile_to_object(m, "x", stem, NULL), EDDY_ILLEGAL_PROGRAM);
    cr_assert(strstr(eddy_model_message(m), "cell.c:5: "), "%s", eddy_model_message(m));
    cr_assert_eq(entries(false), 0);
    eddy_model_free(m);
}

Test(api_object, weights_must_be_there_and_fit) {
    eddy_params *s = eddy_params_new(NULL, 1);
    refused(small(NULL), "x", stem, &(eddy_object_options){.params = s}, EDDY_MISSING,
            "object: the parameter W, f32 [4, 2], is not in the params; make a run with them, or "
            "load a file that has it");
    eddy_model *m = eddy_model_new(NULL);
    eddy_output(m, "W", eddy_param(m, "W", eddy_init_zeros(), 3));
    eddy_program *p;
    eddy_run *r;
    cr_assert_eq(eddy_compile(m, &p), EDDY_OK);
    cr_assert_eq(eddy_run_new(p, s, &r), EDDY_OK);
    eddy_run_free(r);
    eddy_program_free(p);
    eddy_model_free(m);
    refused(small(NULL), "x", stem, &(eddy_object_options){.params = s}, EDDY_SHAPE_MISMATCH,
            "object: the parameter W is f32 [4, 2] in the program, but f32 [3] in the params");
    eddy_params_free(s);
}

/* ---- training */

/* The same cell of `size` units with a loss, which `how` is to learn by: 0 nothing, 1
 * eddy_minimise, 2 an update of its own. */
static eddy_model *lesson(int size, int how) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t, 2);
    eddy_value h0 = eddy_state(m, "h", t, size);
    eddy_value from_x = eddy_linear(m, "W", size, x);
    eddy_value h = eddy_tanh(eddy_add(from_x, eddy_linear(m, "U", size, h0)));
    eddy_next(h0, h);
    eddy_value loss = eddy_mean_over(eddy_reduce_all(eddy_square(h), EDDY_SUM), t);
    eddy_output(m, "loss", loss);
    eddy_value first = eddy_trainable(m, 0);
    if (how == 1)
        eddy_output(m, "norm", eddy_minimise(loss, eddy_sgd()));
    if (how == 2)
        eddy_update(first, eddy_sub(first, eddy_gradient(loss, first)));
    return m;
}

static void refused_lesson(eddy_model *training, eddy_status expected, const char *words) {
    const eddy_object_options how = {.training = training};
    refused(small(NULL), "x", stem, &how, expected, words);
    eddy_model_free(training);
}

Test(api_object, what_trains_must_learn_the_same_parameters) {
    refused_lesson(lesson(H, 0), EDDY_BAD_ARGUMENT,
                   "object: the model for training updates no parameter; eddy_minimise does");
    refused_lesson(lesson(H + 1, 1), EDDY_SHAPE_MISMATCH,
                   "object: the parameter W is f32 [4, 2] in the model, but f32 [5, 2] in that for "
                   "training");
    eddy_model *m = small(NULL);
    refused(m, "x", stem, &(eddy_object_options){.training = m}, EDDY_BAD_ARGUMENT,
            "object: the model for training must be another one than the model");
    eddy_model *broken = lesson(H, 1);
    (eddy_input)(broken, "x", EDDY_F32, 0, EDDY_DIMENSIONS(2), (eddy_site){"cell.c", 7});
    m = small(NULL);
    cr_assert_neq(eddy_compile_to_object(m, "x", stem, &(eddy_object_options){.training = broken}),
                  EDDY_OK);
    cr_assert(strstr(eddy_model_message(m), "object: the model for training: cell.c:7: "), "%s",
              eddy_model_message(m));
    cr_assert_eq(entries(false), 0);
    eddy_model_free(m);
    eddy_model_free(broken);
}

/* Which functions there are, and why there is no gradient. */
Test(api_object, training_is_in_the_header) {
    for (int how = 1; how <= 2; how++) {
        eddy_model *m = small(NULL), *training = lesson(H, how);
        const eddy_object_options with = {.training = training};
        cr_assert_eq(eddy_compile_to_object(m, "made", stem, &with), EDDY_OK, "%s",
                     eddy_model_message(m));
        const char *header = content(".h");
        cr_assert(strstr(header, "\nconst char *made_train_step(int64_t t, made_parameters *par"));
        cr_assert(strstr(header, "made_state *state"));
        cr_assert_null(strstr(header, "made_train_state"), "the state is not the model's");
        cr_assert_eq(strstr(header, "made_optimiser *optimiser") != NULL, how == 1);
        cr_assert_eq(strstr(header, "\nconst char *made_gradient(int64_t t, const made_") != NULL,
                     how == 1);
        cr_assert_eq(strstr(header,
                            "\n/* There is no made_gradient: the model for training has no "
                            "eddy_minimise. */\n") != NULL,
                     how == 2);
        eddy_model_free(m);
        eddy_model_free(training);
    }
}

/* ---- files */

Test(api_object, a_path_that_cannot_be_written_is_named) {
    refused(small(NULL), "x", "/tmp/api_object_nowhere/x", NULL, EDDY_IO,
            "cannot open the folder of /tmp/api_object_nowhere/x.o: No such file or directory");
}

static eddy_status write_with(fault_files *disk) {
    const files *f = &disk->table;
    const eddy_files table = {f->open_read, f->open_new,    f->read,  f->write,
                              f->size,      f->sync,        f->close, f->rename,
                              f->remove,    f->sync_folder, f->user};
    const eddy_options options = {.files = &table};
    eddy_model *m = small(&options);
    eddy_status found = eddy_compile_to_object(m, "made", stem, NULL);
    eddy_model_free(m);
    cr_assert_eq(disk->open_files, 0);
    return found;
}

/* Whatever call fails, each file is whole, old or new, and there is no fourth one. */
Test(api_object, every_file_call_may_fail) {
    static const char old[] = "old";
    fault_files disk;
    fault_files_init(&disk, FAULT_NEVER, FAULT_ANY_CALL, 0, EIO);
    cr_assert_eq(write_with(&disk), EDDY_OK);
    size_t calls = 0;
    for (int i = 0; i < FAULT_ANY_CALL; i++)
        calls += disk.calls[i];
    cr_assert_gt(calls, 8);
    char *header = strdup(content(".h"));
    entries(true);
    for (size_t n = 1; n <= calls; n++) {
        static const char *const suffixes[] = {".o", ".h", ".json"};
        for (int i = 0; i < 3; i++) {
            char path[200];
            snprintf(path, sizeof path, "%s%s", stem, suffixes[i]);
            FILE *file = fopen(path, "wb");
            cr_assert(file && fwrite(old, 1, sizeof old - 1, file) == sizeof old - 1);
            fclose(file);
        }
        fault_files_init(&disk, FAULT_ONCE, FAULT_ANY_CALL, n, ENOSPC);
        cr_assert_eq(write_with(&disk), EDDY_IO, "call %zu", n);
        cr_assert_eq(disk.failures, 1);
        cr_assert_eq(entries(false), 3, "call %zu leaves a fourth file", n);
        bool is_old = strcmp(content(".h"), old) == 0;
        cr_assert(is_old || strcmp(content(".h"), header) == 0, "call %zu tears the header", n);
        bool object_is_old = strcmp(content(".o"), old) == 0;
        cr_assert(object_is_old || memcmp(content(".o"), "\177ELF", 4) == 0);
        bool manifest_is_old = strcmp(content(".json"), old) == 0;
        cr_assert((object_is_old == is_old && is_old == manifest_is_old) ||
                      disk.calls[FAULT_RENAME] >= 2,
                  "call %zu: one file is new though no second rename was tried", n);
    }
    free(header);
}

static void fail_every_request(eddy_model *training) {
    const eddy_object_options how = {.training = training};
    fault_allocator memory;
    eddy_status found = EDDY_OUT_OF_MEMORY;
    for (size_t n = 1; found != EDDY_OK; n++) {
        cr_assert_lt(n, 1000);
        fault_allocator_init(&memory, FAULT_ONCE, n);
        eddy_allocator table = {memory.table.allocate, memory.table.release, memory.table.user};
        const eddy_options options = {.allocator = &table};
        eddy_model *m = small(&options);
        found = eddy_compile_to_object(m, "made", stem, &how);
        cr_assert(found == EDDY_OUT_OF_MEMORY || (found == EDDY_OK && memory.failures == 0),
                  "request %zu: %s", n, eddy_model_message(m));
        eddy_model_free(m);
        cr_assert_eq(memory.live_blocks, 0, "request %zu leaves memory", n);
        cr_assert_eq(memory.mismatches, 0);
        cr_assert_eq(entries(false), found == EDDY_OK ? 3 : 0);
    }
    entries(true);
}

Test(api_object, every_request_for_memory_may_fail) {
    eddy_model *training = lesson(H, 1);
    fail_every_request(NULL);
    fail_every_request(training);
    eddy_model_free(training);
}

/* ---- steps */

typedef enum step_how {
    FORWARD,
    STACKED,
    LAST,
    DEPTH,
    NOT_CARRIED,
    TWO_CARRIED,
    FIXED,
    BACKWARD,
    AHEAD,
    TRAINED,
    NORMALISED,
    FLIPPED,
    ATTENDED,
    SLOPE_OF_DELAY
} step_how;

static eddy_model *stepped(step_how how) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes d = how == DEPTH ? eddy_axis_fixed(m, "d", 3) : 0;
    eddy_axes s = how == TWO_CARRIED ? eddy_time(m, "s") : 0;
    eddy_axes t = how == FIXED ? eddy_axis_fixed(m, "t", 5) : eddy_time(m, "t");
    if (how != NOT_CARRIED)
        eddy_carry(m, t, 0);
    if (how == TWO_CARRIED)
        eddy_carry(m, s, 0);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t, H);
    if (how == AHEAD)
        x = eddy_name(eddy_delay(x, t, -1), "tomorrow");
    if (how == FLIPPED)
        x = eddy_at(x, t, eddy_sub(eddy_end(m, t), eddy_shift(eddy_step(m, t), 1)));
    if (how == NORMALISED)
        x = eddy_batch_norm(m, "norm", x, t, true);
    if (how == ATTENDED)
        x = eddy_mul(x, eddy_reshape(eddy_reduce(eddy_stack(x, t), 0, EDDY_SUM), H));
    if (how == DEPTH) {
        eddy_value before = eddy_state_over("deep", d, 1, t, x);
        eddy_value deep = eddy_tanh(eddy_linear(m, "D", H, before));
        eddy_next(before, deep);
        x = eddy_last(deep, d);
    }
    eddy_cell_options backwards = {.distance = -1};
    eddy_value h = eddy_elman(m, "cell", t, H, x, how == BACKWARD ? &backwards : NULL);
    if (how == STACKED)
        h = eddy_gru(m, "second", t, H, h, NULL);
    if (how == LAST)
        h = eddy_dense(m, "y", 2, eddy_last(h, t));
    if (how == SLOPE_OF_DELAY) /* the adjoint of a look ahead looks back, at nothing that is kept */
        h = eddy_gradient(eddy_total(eddy_reduce_all(eddy_delay(x, t, -1), EDDY_SUM), t), x);
    if (how == TRAINED)
        eddy_minimise(eddy_total(eddy_reduce_all(eddy_square(h), EDDY_SUM), t), eddy_sgd());
    eddy_output(m, "h", h);
    return m;
}

Test(api_object, a_step_is_there_or_the_header_says_why_not) {
    static const struct {
        step_how how;
        const char *words; /* NULL: there is a step */
    } rows[] = {
        {FORWARD, NULL},
        {STACKED, NULL},
        {LAST, NULL},
        {DEPTH, NULL},
        {NOT_CARRIED,
         "no time axis is carried; eddy_carry, right after the axis, makes states go on"},
        {TWO_CARRIED, "more than one axis is carried"},
        {FIXED, "the axis that is carried has a fixed extent"},
        {BACKWARD, "some of it runs backwards along t"},
        {AHEAD, "tomorrow looks ahead along t"},
        {TRAINED, "some of it runs backwards along t"},
        {NORMALISED, "some of it needs all of t before it can begin"},
        {FLIPPED, "needs all of t at once"},
        {ATTENDED, "needs all of t at once"},
        {SLOPE_OF_DELAY, "looks back at is not kept by the state"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        eddy_model *m = stepped(rows[i].how);
        cr_assert_eq(eddy_compile_to_object(m, "made", stem, NULL), EDDY_OK, "%zu: %s", i,
                     eddy_model_message(m));
        eddy_model_free(m);
        const char *header = content(".h"), *absent = strstr(header, "There is no made_step: ");
        cr_assert_eq(strstr(header, " *made_step(") != NULL, rows[i].words == NULL, "%zu: %s", i,
                     header);
        cr_assert_eq(absent != NULL, rows[i].words != NULL);
        cr_assert(!absent || strstr(absent, rows[i].words), "%zu: %s", i, absent ? absent : "");
    }
}

/* ---- other machines (tests/aot/targets.c runs such objects, where there is what it takes) */

/* Steps of training, so that there is little that a program can have and this has not. */
static eddy_model *trained(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_cell_options plain = {0};
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, 70);
    eddy_value h = eddy_lstm(m, "cell", t, 66, x, &plain);
    eddy_value loss = eddy_mean_over(eddy_reduce_all(eddy_square(h), EDDY_SUM), t | b);
    eddy_output(m, "norm", eddy_minimise(loss, eddy_adam()));
    return m;
}

static const struct {
    const char *target, *cpu;
    unsigned char start[5]; /* of a file: ELF of 32 or 64 bits, or WebAssembly */
    int machine;            /* of an ELF header */
    size_t pointer;
} targets[] = {
    {"x86-64", "x86-64-v3", "\177ELF\2", 62, 8},   {"aarch64", "neon", "\177ELF\2", 183, 8},
    {"armv7", "vfpv4", "\177ELF\1", 40, 4},        {"riscv64", "rv64gc", "\177ELF\2", 243, 8},
    {"cortex-m4f", "fpv4-sp", "\177ELF\1", 40, 4}, {"wasm32", "simd128", "\0asm\1", 0, 4}};
enum { TARGETS = sizeof targets / sizeof *targets };

/* That nothing is called by an object is checked whenever one is made. */
Test(api_object, every_target) {
    for (size_t i = 0; i < TARGETS; i++) {
        char line[100];
        eddy_model *m = trained();
        cr_assert_eq(eddy_compile_to_object(m, "far", stem,
                                            &(eddy_object_options){.target = targets[i].target}),
                     EDDY_OK, "%s", eddy_model_message(m));
        eddy_model_free(m);
        enum { MACHINE = 18 };
        const unsigned char *object = (const unsigned char *)content(".o");
        cr_assert_arr_eq(object, targets[i].start, sizeof targets[i].start);
        cr_assert(!targets[i].machine ||
                  object[MACHINE] + 256 * object[MACHINE + 1] == targets[i].machine);
        snprintf(line, sizeof line, "\n#define FAR_CPU \"%s\"\n", targets[i].cpu);
        cr_assert(strstr(content(".h"), line), "%s", content(".h"));
        snprintf(line, sizeof line, "sizeof(far_inputs) == %zu ?", 2 * targets[i].pointer);
        cr_assert(strstr(content(".h"), line), "%s", content(".h"));
        m = trained();
        cr_assert_eq(
            eddy_compile_to_object(m, "far", stem, &(eddy_object_options){.cpu = targets[i].cpu}),
            EDDY_OK, "%s", eddy_model_message(m));
        eddy_model_free(m);
        snprintf(line, sizeof line, " \"target\": \"%s\",\n", targets[i].target);
        cr_assert(strstr(content(".json"), line), "%s", content(".json"));
    }
}

/* *line: of the first value that is f64. */
static eddy_model *doubled(bool inside, int *line) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t");
    *line = __LINE__ + 1 + inside;
    eddy_value x = eddy_input(m, "x", inside ? EDDY_F32 : EDDY_F64, t, 2);
    eddy_value y = eddy_exp(eddy_cast(x, EDDY_F64));
    eddy_output(m, "y", inside ? eddy_cast(y, EDDY_F32) : y);
    return m;
}

Test(api_object, f64_where_there_is_none) {
    for (int inside = 0; inside < 2; inside++) {
        for (size_t i = 0; i < TARGETS; i++) {
            const bool none = strcmp(targets[i].target, "cortex-m4f") == 0;
            int line;
            eddy_model *m = doubled(inside, &line);
            eddy_status found = eddy_compile_to_object(
                m, "far", stem, &(eddy_object_options){.target = targets[i].target});
            cr_assert_eq(found, none ? EDDY_UNSUPPORTED : EDDY_OK, "%s", eddy_model_message(m));
            char want[200];
            snprintf(want, sizeof want,
                     "%s:%d: object: cortex-m4f has no instructions for f64, and %s is f64; cast "
                     "it, or what it is made of, to f32, or take another target",
                     __FILE__, line, inside ? "cast" : "x");
            cr_assert(!none || strcmp(eddy_model_message(m), want) == 0, "%s",
                      eddy_model_message(m));
            eddy_model_free(m);
        }
        entries(true);
    }
}

/* An object goes to other machines than the one that makes it. */
Test(api_object, the_processor_is_this_one_only_when_asked_for) {
    static const char *const names[] = {NULL,     "x86-64-v3", "avx2",      "x86-64-v4",
                                        "avx512", "native",    "x86-64-v2", "multi"};
    const char *native = machine_level(machine_host());
    const char *levels[] = {"x86-64-v3", "x86-64-v3", "x86-64-v3", "x86-64-v4",
                            "x86-64-v4", native,      "x86-64-v2", "x86-64-v2"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char line[64];
        eddy_model *m = small(NULL);
        cr_assert_eq(
            eddy_compile_to_object(m, "made", stem, &(eddy_object_options){.cpu = names[i]}),
            EDDY_OK, "%s", eddy_model_message(m));
        eddy_model_free(m);
        snprintf(line, sizeof line, "\n#define MADE_CPU \"%s\"\n", levels[i]);
        cr_assert(strstr(content(".h"), line), "%s", content(".h"));
    }
    entries(true);
    setenv("EDDY_CPU", "vax", 1);
    refused(small(NULL), "x", stem, &(eddy_object_options){.cpu = "native"}, EDDY_UNSUPPORTED,
            "object: the cpu is to be this machine's, but it has no AVX2 with FMA, or not what "
            "EDDY_CPU names; name a cpu");
}

/* ---- the header */

Test(api_object, the_header_is_as_it_was) {
    static const char golden[] = EDDY_SOURCE_DIR "/tests/golden/object_header.txt";
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "double");
    eddy_axes nowhere = eddy_axis_fixed(m, "nowhere", 0);
    eddy_carry(m, t, b);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, 3);
    eddy_value gain = eddy_input(m, "float", EDDY_F32, 0, EDDY_SCALAR);
    eddy_value none = eddy_input(m, "none", EDDY_I32, nowhere, 2);
    eddy_value h = eddy_elman(m, "cell", t, H, x, NULL);
    eddy_value flag = eddy_lt(h, eddy_number(m, 0));
    eddy_output(m, "h", eddy_mul(h, gain));
    eddy_output(m, "size", eddy_total(eddy_reduce_all(eddy_square(h), EDDY_SUM), t | b));
    eddy_output(m, "none", none);
    eddy_output(m, "below */", flag);
    cr_assert_eq(eddy_compile_to_object(m, "made", stem, &(eddy_object_options){.cpu = "avx2"}),
                 EDDY_OK, "%s", eddy_model_message(m));
    eddy_model_free(m);
    const char *update = getenv("EDDY_UPDATE"), *found = content(".h");
    if (update && update[0] == '1') {
        FILE *file = fopen(golden, "wb");
        cr_assert(file && fwrite(found, 1, strlen(found), file) == strlen(found));
        fclose(file);
    }
    char have[1 << 13] = "";
    FILE *file = fopen(golden, "rb");
    cr_assert_not_null(file, "%s is missing", golden);
    have[fread(have, 1, sizeof have - 1, file)] = 0;
    fclose(file);
    cr_assert_str_eq(found, have, "the header differs from %s (EDDY_UPDATE=1 renews it)", golden);
}
