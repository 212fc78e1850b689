/* Objects: what a C program that has nothing else gets from them is what a run of the same model
 * gives, to the last bit.
 *
 * Each scene is a model, compiled twice: at once, and to an object that a caller of
 * tests/aot/callers is linked with by the host's compiler. The caller writes the bytes of its
 * results. Whether the objects keep their contract (symbols, sections, what they import) is asked
 * of nm and size. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/eddy.h"
#include "frontends/program.h"
#include "tests/aot/callers/numbers.h"
#include "tests/support/outside.h"

static const char *compiler = "cc";

static void good(eddy_status found, const char *message) {
    if (found != EDDY_OK)
        outside_fail("%s: %s", eddy_status_name(found), message);
}

/* ---- scenes */

typedef struct scene {
    const char *prefix;
    eddy_model *(*build)(void);
    int steps, samples;  /* samples 0: there is no axis b */
    int rounds;          /* of training; 0: a state is carried, and steps give the same */
    const char *no_step; /* what the header says of it */
} scene;

static eddy_model *build_gru(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, 3);
    eddy_output(m, "h", eddy_gru(m, "cell", t, 16, x, NULL));
    return m;
}

static eddy_model *build_lstm(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t, 3);
    eddy_output(m, "h", eddy_lstm(m, "cell", t, 16, x, NULL));
    return m;
}

static eddy_model *build_ragged(void) {
    enum { H = 6 };
    eddy_model *m = eddy_model_new(&(eddy_options){.dtype = EDDY_F64});
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "lengths");
    eddy_carry(m, t, b);
    eddy_value x = eddy_input(m, "x-1", EDDY_F64, t | b, H);
    eddy_value turn = eddy_cast(eddy_input(m, "int", EDDY_I32, 0, EDDY_SCALAR), EDDY_F64);
    eddy_value first = eddy_param(m, "1st", eddy_init_normal(0, 1), H);
    eddy_value h0 = eddy_state(m, "float", t, H);
    eddy_value g0 = eddy_state_over("g", t, 3, b, eddy_scale(first, 0.1));
    eddy_value U = eddy_param(m, "a.b", eddy_init_orthogonal(1), H, H);
    eddy_value V = eddy_param(m, "a-b", eddy_init_orthogonal(1), H, H);
    eddy_value from_h = eddy_matmul(U, h0), from_g = eddy_matmul(V, g0);
    eddy_value place = eddy_cast(eddy_index(m, t), EDDY_F64);
    eddy_value h = eddy_tanh(eddy_sum(from_h, from_g, x, eddy_scale(place, 0.05)));
    eddy_next(h0, h);
    eddy_next(g0, eddy_tanh(eddy_add(h, eddy_div(g0, turn))));
    eddy_output(m, "h", h);
    return m;
}

static eddy_model *build_training(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, 3);
    eddy_value y = eddy_input(m, "y", EDDY_F32, t | b, 1);
    eddy_value h = eddy_lstm(m, "cell", t, 16, eddy_dropout(x, 0.25, t | b), NULL);
    eddy_value wrong = eddy_mean_squared_error(eddy_dense(m, "out", 1, h), y);
    eddy_value loss = eddy_mean_over(wrong, t | b);
    eddy_optimiser how = eddy_adam();
    how.clip_norm = 1;
    eddy_output(m, "loss", loss);
    eddy_output(m, "norm", eddy_minimise(loss, how));
    return m;
}

static const scene scenes[] = {
    {"gru", build_gru, 9, 5, 0, NULL},
    {"lstm", build_lstm, 9, 0, 0, NULL},
    {"ragged", build_ragged, 7, 3, 0, NULL},
    {"training", build_training, 8, 4, 12, "some of it runs backwards along t"},
};

/* ---- the same model, run at once */

static const float learning_rate = 0.01F;

/* Fills every input with the numbers that callers use. */
static void set_inputs(eddy_run *r, const eddy_program *p, void **kept) {
    static const int32_t lengths[] = {7, 4, 0};
    eddy_slot slot;
    for (int i = 0; eddy_program_slot(p, EDDY_INPUT, i, &slot); i++) {
        size_t count = eddy_run_elements(r, slot.name);
        if (strcmp(slot.name, "lengths") == 0) {
            eddy_run_input(r, slot.name, lengths, count);
            continue;
        }
        if (slot.axis_count == 0) {
            eddy_run_scalar(r, slot.name,
                            strcmp(slot.name, "learning_rate") == 0 ? (double)learning_rate : 3);
            continue;
        }
        double *wide = kept[i] = malloc(count * sizeof *wide);
        float *narrow = (float *)kept[i];
        uint32_t first = strcmp(slot.name, "y") == 0 ? 1000 : 0;
        for (size_t k = 0; k < count; k++)
            if (slot.dtype == EDDY_F64)
                wide[k] = (double)number(first + (uint32_t)k);
            else
                narrow[k] = number(first + (uint32_t)k);
        eddy_run_input(r, slot.name, kept[i], count);
    }
}

static size_t size_of(eddy_dtype type) {
    return type == EDDY_F64 ? 8 : type == EDDY_BOOL ? 1 : 4;
}

static void add_outputs(outside_bytes *to, eddy_run *r, const eddy_program *p) {
    eddy_slot slot;
    for (int i = 0; eddy_program_slot(p, EDDY_OUTPUT, i, &slot); i++)
        outside_add(to, eddy_run_read(r, slot.name),
                    eddy_run_elements(r, slot.name) * size_of(slot.dtype));
}

static void add_state(outside_bytes *to, eddy_run *r, const eddy_program *p) {
    static char memory[4096];
    eddy_slot slot;
    for (int i = 0; eddy_program_slot(p, EDDY_STATE, i, &slot); i++) {
        size_t count = eddy_run_elements(r, slot.name);
        if (count * size_of(slot.dtype) > sizeof memory)
            outside_fail("a large state");
        eddy_run_state_read(r, slot.name, memory, count);
        outside_add(to, memory, count * size_of(slot.dtype));
    }
}

static eddy_run *open_run(const eddy_program *p, eddy_params *params) {
    eddy_run *r;
    eddy_status found = eddy_run_new(p, params, &r);
    good(found, eddy_run_message(r));
    return r;
}

/* What a caller must print. */
static outside_bytes expected_of(const scene *s, const eddy_program *p, eddy_params *params) {
    outside_bytes out = {NULL, 0};
    void *kept[8] = {NULL};
    eddy_run *r = open_run(p, params);
    const eddy_extent extents[] = {{"t", s->steps}, {"b", s->samples}};
    good(eddy_run_resize(r, extents, s->samples ? 2 : 1), eddy_run_message(r));
    set_inputs(r, p, kept);
    for (int round = 0; round < s->rounds; round++) {
        eddy_run_scalar(r, "seed", round);
        good(eddy_run_call(r), eddy_run_message(r));
        add_outputs(&out, r, p);
    }
    eddy_tensor tensor;
    for (int i = 0; s->rounds > 0 && eddy_params_at(params, i, &tensor); i++)
        outside_add(&out, tensor.data, tensor.elements * size_of(tensor.dtype));
    if (s->rounds == 0) {
        good(eddy_run_call(r), eddy_run_message(r));
        for (int twice = 0; twice < 2; twice++) { /* the sequence, and step by step */
            add_outputs(&out, r, p);
            add_state(&out, r, p);
        }
    }
    eddy_run_free(r);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        free(kept[i]);
    return out;
}

/* ---- the contract of an object */

/* The instructions of the kernels in these files, a line for each kernel, by name; without the
 * padding between them, which depends on their order. */
static outside_bytes listed(const char *names, const char *prefix) {
    return outside_printed(
        "cd %s && objdump -d --no-addresses --no-show-raw-insn %s | "
        "sed -e 's/%s_/model_/g' -e '/nop\\|data16\\|xchg *%%ax,%%ax/d' | "
        "awk '/^</ {printf \"\\n%%s\", $0} /^[ \\t]/ {printf \";%%s\", $0}' | "
        "grep '^<model_kernel' | sort",
        outside_folder, names, prefix);
}

/* The kernels of a run and of an object are the same instructions. */
static void check_kernels(const char *prefix, const eddy_program *p) {
    if (SANITIZE_BUILD != SANITIZE_NONE) /* those of runs have a sanitizer's checks in them */
        return;
    char object_name[256];
    const emit_object *made = program_object(p->code);
    size_t first = made->second > 0 ? made->second : made->count;
    outside_write("run.o", made->bytes, first);
    if (made->second > 0)
        outside_write("run_second.o", (const char *)made->bytes + first, made->count - first);
    snprintf(object_name, sizeof object_name, "%s.o", prefix);
    outside_bytes run = listed(made->second > 0 ? "run.o run_second.o" : "run.o", "eddy");
    outside_bytes object = listed(object_name, prefix);
    if (run.count < 1000 || run.count != object.count || memcmp(run.at, object.at, run.count) != 0)
        outside_fail("%s: the kernels of the object are not those of a run", prefix);
    free(run.at);
    free(object.at);
}

static void check_header(const scene *s) {
    char name[64];
    snprintf(name, sizeof name, "%s.h", s->prefix);
    outside_bytes header = outside_read(name);
    const char *absent = strstr(header.at, "There is no ");
    if (s->no_step ? !absent || !strstr(absent, s->no_step) : absent != NULL)
        outside_fail("%s.h says of the step: %s", s->prefix, absent ? absent : "nothing");
    free(header.at);
}

/* ---- callers */

static const char *const strict = "-O1 -Wall -Wextra -pedantic -Werror";

/* Builds callers/NAME.c with an object and what else is asked for. */
static void build_caller(const char *how, const char *name, const char *objects, const char *as) {
    outside_bytes out = outside_printed(
        "%s %s -I %s -I %s/tests/aot/callers -o %s/%s %s/tests/aot/callers/%s.c "
        "-x none %s 2>&1",
        how, strict, outside_folder, EDDY_SOURCE_DIR, outside_folder, as, EDDY_SOURCE_DIR, name,
        objects);
    free(out.at);
}

/* Every byte that an object reads was written, and lies in memory that it was given. Valgrind knows
 * no AVX-512. */
static void watch(const char *as) {
    static bool told;
    if (system("command -v valgrind >/dev/null") == 0) {
        outside_bytes out =
            outside_printed("valgrind -q --error-exitcode=1 %s/%s", outside_folder, as);
        free(out.at);
    } else if (!told) {
        printf("under valgrind: not run here, there is none\n");
        told = true;
    }
}

static void compare(const scene *s, const char *as, const outside_bytes *expected) {
    outside_bytes found = outside_printed("%s/%s", outside_folder, as);
    if (found.count != expected->count)
        outside_fail("%s: %zu bytes and not %zu", as, found.count, expected->count);
    for (size_t i = 0; i < found.count; i++)
        if (found.at[i] != expected->at[i])
            outside_fail("%s: byte %zu of %zu differs from a run of %s", as, i, found.count,
                         s->prefix);
    free(found.at);
}

static const char *object_of(const char *prefix) {
    static char path[2][256];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s.o", outside_folder, prefix);
    return path[turn];
}

static void write_object(const scene *s, const char *cpu, eddy_params *params) {
    char stem[256];
    snprintf(stem, sizeof stem, "%s/%s", outside_folder, s->prefix);
    eddy_model *m = s->build();
    const eddy_object_options how = {.cpu = cpu, .params = params};
    good(eddy_compile_to_object(m, s->prefix, stem, &how), eddy_model_message(m));
    eddy_model_free(m);
}

static void check_scene(const scene *s) {
    char as[64];
    eddy_program *p;
    eddy_params *params = eddy_params_new(NULL, 7), *other = eddy_params_new(NULL, 7);
    eddy_model *m = s->build();
    good(eddy_compile(m, &p), eddy_model_message(m));
    eddy_model_free(m);
    eddy_run_free(open_run(p, params)); /* the params are complete now */
    outside_bytes expected = expected_of(s, p, other);
    /* This machine's stays for what follows. */
    static const char *const cpus[] = {"avx2", "multi", "native"};
    for (size_t i = 0; i < sizeof cpus / sizeof *cpus; i++) {
        write_object(s, cpus[i], params);
        outside_check_object(s->prefix);
        check_header(s);
        snprintf(as, sizeof as, "%s-%s", s->prefix, cpus[i]);
        build_caller(compiler, s->prefix, object_of(s->prefix), as);
        compare(s, as, &expected);
        if (i == 0)
            watch(as);
    }
    check_kernels(s->prefix, p);
    printf("%s: %zu bytes of results are the same\n", s->prefix, expected.count);
    if (s->samples == 0) {
        build_caller("g++ -std=c++17 -x c++", s->prefix, object_of(s->prefix), "cxx");
        compare(s, "cxx", &expected);
    }
    free(expected.at);
    eddy_params_free(other);
    eddy_params_free(params);
    eddy_program_free(p);
}

/* The weights that a scene is compiled with. */
static eddy_params *params_of(const scene *s) {
    eddy_params *params = eddy_params_new(NULL, 7);
    eddy_program *p;
    eddy_model *m = s->build();
    good(eddy_compile(m, &p), eddy_model_message(m));
    eddy_run_free(open_run(p, params));
    eddy_program_free(p);
    eddy_model_free(m);
    return params;
}

/* Compiling again gives the same bytes: nothing of this process is in them. */
static void check_same_bytes(const scene *s) {
    outside_bytes before = outside_printed("cat %s/%s.o %s/%s.h", outside_folder, s->prefix,
                                           outside_folder, s->prefix);
    eddy_params *params = params_of(s);
    write_object(s, "native", params);
    outside_bytes after = outside_printed("cat %s/%s.o %s/%s.h", outside_folder, s->prefix,
                                          outside_folder, s->prefix);
    if (before.count != after.count || memcmp(before.at, after.at, after.count) != 0)
        outside_fail("%s: two compilations give two objects", s->prefix);
    free(before.at);
    free(after.at);
    eddy_params_free(params);
}

/* The LSTM once more, its weights in a file; the object of before has them too. */
static void check_apart(const scene *s) {
    char stem[256], objects[600], how[128];
    eddy_params *params = params_of(s);
    eddy_model *m = s->build();
    snprintf(stem, sizeof stem, "%s/apart", outside_folder);
    const eddy_object_options apart = {.params = params, .apart = true};
    good(eddy_compile_to_object(m, "apart", stem, &apart), eddy_model_message(m));
    eddy_model_free(m);
    eddy_params_free(params);
    outside_check_object("apart");
    snprintf(objects, sizeof objects, "%s %s", object_of("apart"), object_of(s->prefix));
    snprintf(how, sizeof how, "%s -g -fsanitize=address,undefined -fno-sanitize-recover", compiler);
    build_caller(how, "apart", objects, "reader");
    outside_bytes out =
        outside_printed("%s/reader %s/apart.weights 2>&1", outside_folder, outside_folder);
    free(out.at);
    out = outside_printed("nm %s/apart.o | grep -c ' apart_weights$' || true", outside_folder);
    if (out.at[0] != '0')
        outside_fail("the weights are in the object, too");
    free(out.at);
}

/* Threads of the caller's, in both of the usual ways. */
static void check_teams(void) {
    static const char *const ways[] = {"-fopenmp", "-pthread",
                                       "-pthread -g -fsanitize=address,undefined"};
    char objects[900], how[128];
    snprintf(objects, sizeof objects, "%s/gru.o %s/lstm.o %s/training.o", outside_folder,
             outside_folder, outside_folder);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        snprintf(how, sizeof how, "%s %s", compiler, ways[i]);
        build_caller(how, "team", objects, "team");
        outside_bytes out = outside_printed("OMP_DYNAMIC=false %s/team", outside_folder);
        printf("%s", out.at);
        free(out.at);
    }
}

static void check_mistakes_and_company(void) {
    char objects[600];
    outside_bytes out;
    snprintf(objects, sizeof objects, "%s %s", object_of("lstm"), object_of("gru"));
    build_caller(compiler, "both", objects, "both");
    out = outside_printed("%s/both", outside_folder);
    free(out.at);
    snprintf(objects, sizeof objects, "%s", object_of("ragged"));
    build_caller(compiler, "mistakes", objects, "mistakes");
    out = outside_printed("%s/mistakes", outside_folder);
    free(out.at);
    char how[128];
    snprintf(how, sizeof how, "%s -g -fsanitize=address,undefined -fno-sanitize-recover", compiler);
    static const char *const callers[] = {"gru", "lstm", "ragged", "training", "mistakes"};
    for (size_t i = 0; i < sizeof callers / sizeof *callers; i++) {
        build_caller(how, callers[i], object_of(i < 4 ? callers[i] : "ragged"), "sanitized");
        out = outside_printed("%s/sanitized", outside_folder);
        free(out.at);
    }
}

int main(int count, char **words) {
    if (count > 1)
        compiler = words[1];
    outside_begin("objects");
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
        check_scene(&scenes[i]);
    check_same_bytes(&scenes[0]);
    check_apart(&scenes[1]);
    check_teams();
    check_mistakes_and_company();
    outside_end();
    return 0;
}
