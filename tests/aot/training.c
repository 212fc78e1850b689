/* Objects that train: a hundred steps of training, on new numbers each, with chunks of changing
 * lengths through which the state is carried, give the bits of the compiled program: losses,
 * parameters, what the optimiser keeps, the state; and so does the gradient alone.
 *
 * The models are those of support/pupils.c; the caller of each is written here, from its manifest
 * alone. Objects for several processors do the same, as this one and as one of an older kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sanitize.h"
#include "core/text.h"
#include "frontends/eddy.h"
#include "tests/aot/callers/numbers.h"
#include "tests/support/calls.h"
#include "tests/support/outside.h"
#include "tests/support/pupils.h"
#include "tests/support/schema.h"

enum { ROUNDS = 100, PERIOD = 10 /* of gradients */, OTHER = 3, MOST = 1 << 16 };

static const char *compiler = "cc";

static void good(eddy_status found, const char *message) {
    if (found != EDDY_OK)
        outside_fail("%s: %s", eddy_status_name(found), message);
}

/* Steps of the chunk of a round: 3, 4, 5, 3 ... */
static int steps_of(int round) {
    return 3 + round % 3;
}

/* ---- what a run gives */

static size_t size_of(eddy_dtype type) {
    return type == EDDY_F64 ? 8 : type == EDDY_BOOL ? 1 : 4;
}

/* Number i of an input in a round; callers have the same function. */
static double value(int round, int name, size_t i) {
    return (double)number(1000U * (uint32_t)round + 100000U * ((uint32_t)name % 8) + (uint32_t)i);
}

static int32_t integer(const eddy_slot *slot, int round, size_t i) {
    if (slot->axis_count == 0)
        return round;
    if (strcmp(slot->name, "lengths") == 0)
        return (int32_t)(((size_t)round + i) % 4);
    return value(round, slot->name[0], i) > 0;
}

/* A number of an input: x, or n if it takes integers. */
static void put(const eddy_slot *slot, void *to, size_t i, double x, int32_t n) {
    if (slot->dtype == EDDY_I32)
        ((int32_t *)to)[i] = n;
    else if (slot->dtype == EDDY_F64)
        ((double *)to)[i] = x;
    else
        ((float *)to)[i] = (float)x;
}

static void fill(const eddy_slot *slot, void *to, size_t count, int round) {
    for (size_t i = 0; i < count; i++) {
        double x = slot->axis_count > 0 ? value(round, slot->name[0], i) : (double)0.01F;
        put(slot, to, i, x, integer(slot, round, i));
    }
}

static const json_t *members_of(const json_t *of, const char *group) {
    return json_object_get(json_object_get(of, group), "members");
}

static const char *word_of(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

/* Extents of axes other than t. */
static void resize(eddy_run *r, const json_t *training, int steps, int others) {
    eddy_extent extents[8];
    const json_t *axes = json_object_get(training, "extents");
    size_t count = json_array_size(axes);
    for (size_t i = 0; i < count && i < 8; i++) {
        const char *name = word_of(json_array_get(axes, i), "name");
        extents[i] = (eddy_extent){name, strcmp(name, "t") == 0 ? steps : others};
    }
    good(eddy_run_resize(r, extents, (int)count), eddy_run_message(r));
}

static void call(eddy_run *r, const eddy_program *p, const pupil *s, int round) {
    static double memory[8][MOST / 8];
    eddy_slot slot;
    for (int i = 0; eddy_program_slot(p, EDDY_INPUT, i, &slot); i++) {
        size_t count = eddy_run_elements(r, slot.name);
        if (i >= 8 || count * 8 > sizeof memory[i])
            outside_fail("%s has many inputs", s->prefix);
        fill(&slot, memory[i], count, round);
        good(eddy_run_input(r, slot.name, memory[i], count), eddy_run_message(r));
    }
    good(eddy_run_call(r), eddy_run_message(r));
}

static void add_output(eddy_run *r, const char *name, size_t element, outside_bytes *out) {
    const void *at = eddy_run_read(r, name);
    good(eddy_run_status(r), eddy_run_message(r));
    outside_add(out, at, eddy_run_elements(r, name) * element);
}

/* The state of a run: into another one, and out; NULL: not there. */
static void copy_state(const json_t *training, eddy_run *from, eddy_run *to, outside_bytes *out) {
    static char memory[MOST];
    size_t i;
    json_t *member;
    json_array_foreach(members_of(training, "state"), i, member) {
        const char *name = word_of(member, "name");
        size_t count = eddy_run_elements(from, name);
        size_t element = strcmp(word_of(member, "dtype"), "f64") == 0 ? 8 : 4;
        good(eddy_run_state_read(from, name, memory, count), eddy_run_message(from));
        if (to)
            good(eddy_run_state_write(to, name, memory, count), eddy_run_message(to));
        if (out)
            outside_add(out, memory, count * element);
    }
}

static void add_gradients(const json_t *manifest, eddy_run *r, outside_bytes *out) {
    const json_t *learned = json_object_get(json_object_get(manifest, "training"), "gradients");
    char name[256];
    size_t i, k;
    json_t *one, *member;
    json_array_foreach(learned, i, one)
        json_array_foreach(members_of(manifest, "parameters"), k, member) {
        if (strcmp(word_of(member, "identifier"), json_string_value(one)) != 0)
            continue;
        snprintf(name, sizeof name, "by %s", word_of(member, "name"));
        add_output(r, name, strcmp(word_of(member, "dtype"), "f64") == 0 ? 8 : 4, out);
    }
}

/* The members of a struct, as a set of parameters has them. */
static void add_members(const json_t *members, eddy_params *params, outside_bytes *out) {
    static char memory[MOST];
    size_t i;
    json_t *member;
    json_array_foreach(members, i, member) {
        size_t bytes = (size_t)json_integer_value(json_object_get(member, "bytes"));
        size_t element = strcmp(word_of(member, "dtype"), "f64") == 0 ? 8 : 4;
        good(eddy_params_read(params, word_of(member, "name"), memory, bytes / element),
             eddy_params_message(params));
        outside_add(out, memory, bytes);
    }
}

static eddy_program *compile(const pupil *s, pupils_part part) {
    eddy_program *p;
    eddy_model *m = s->build(s, part);
    good(eddy_compile(m, &p), eddy_model_message(m));
    eddy_model_free(m);
    return p;
}

static eddy_run *open_run(const eddy_program *p, eddy_params *params) {
    eddy_run *r;
    eddy_status found = eddy_run_new(p, params, &r);
    good(found, eddy_run_message(r));
    return r;
}

static void expect(const pupil *s, const json_t *manifest, eddy_params *params,
                   outside_bytes *out) {
    eddy_program *learn = compile(s, PUPILS_LEARN),
                 *differentiate = compile(s, PUPILS_DIFFERENTIATE);
    eddy_run *step = open_run(learn, params), *gradient = open_run(differentiate, params);
    const json_t *training = json_object_get(manifest, "training");
    eddy_slot slot;
    for (int round = 0; round < ROUNDS; round++) {
        resize(step, training, steps_of(round), OTHER);
        if (round % PERIOD == 0) {
            resize(gradient, training, steps_of(round), OTHER);
            copy_state(training, step, gradient, NULL);
            call(gradient, differentiate, s, round);
            add_gradients(manifest, gradient, out);
            copy_state(training, gradient, NULL, out);
        }
        call(step, learn, s, round);
        for (int i = 0; eddy_program_slot(learn, EDDY_OUTPUT, i, &slot); i++)
            add_output(step, slot.name, size_of(slot.dtype), out);
    }
    copy_state(training, step, NULL, out);
    add_members(members_of(manifest, "parameters"), params, out);
    add_members(members_of(training, "optimiser"), params, out);
    eddy_run_free(step);
    eddy_run_free(gradient);
    eddy_program_free(learn);
    eddy_program_free(differentiate);
}

/* ---- the caller */

static const char *c_type(const json_t *member) {
    const char *type = word_of(member, "dtype");
    return strcmp(type, "f64") == 0 ? "double" : strcmp(type, "f32") == 0 ? "float" : "int32_t";
}

static bool is_pointer(const json_t *member) {
    return json_is_true(json_object_get(member, "pointer"));
}

/* Elements of a member in a round, in C. */
static const char *elements_of(const json_t *member, arena *memory) {
    text out;
    size_t i;
    json_t *dimension;
    text_init(&out, memory);
    text_add(&out, "1");
    json_array_foreach(json_object_get(member, "shape"), i, dimension) {
        if (json_is_string(dimension))
            text_add(&out, " * %s", json_string_value(dimension));
        else
            text_add(&out, " * %lld", (long long)json_integer_value(dimension));
    }
    return out.at;
}

static void add_input(const json_t *member, text *out) {
    const char *name = word_of(member, "identifier"), *type = c_type(member);
    const bool number_is = strcmp(type, "int32_t") != 0;
    if (!is_pointer(member)) {
        text_add(out, "        inputs.%s = %s;\n", name, number_is ? "0.01F" : "round");
        return;
    }
    text_add(out,
             "        static %s in_%s[%d];\n        inputs.%s = in_%s;\n"
             "        for (int i = 0; i < %s; i++)\n            in_%s[i] = ",
             type, name, MOST / 8, name, name, elements_of(member, out->memory), name);
    if (strcmp(name, "lengths") == 0)
        text_add(out, "(round + i) %% 4;\n");
    else if (number_is)
        text_add(out, "(%s)value(round, '%c', i);\n", type, name[0]);
    else
        text_add(out, "value(round, '%c', i) > 0;\n", name[0]);
}

static void tell_members(const char *group, const json_t *members, text *out) {
    size_t i;
    json_t *member;
    json_array_foreach(members, i, member) {
        const char *name = word_of(member, "identifier");
        if (is_pointer(member))
            text_add(out, "        tell(%s.%s, sizeof *%s.%s * (size_t)(%s));\n", group, name,
                     group, name, elements_of(member, out->memory));
        else
            text_add(out, "        tell(&%s.%s, sizeof %s.%s);\n", group, name, group, name);
    }
}

typedef struct caller {
    const char *prefix;
    const json_t *manifest, *training;
    bool keeps, places;
    const char *own;     /* "train_" where the state is training's own */
    const char *extents; /* of a call */
    text *out;
} caller;

static const char *arguments_of(const caller *c, bool gradient) {
    return arena_print(c->out->memory, "%s, &parameters, %s&inputs, &outputs, %s%sarena, bytes",
                       c->extents, c->keeps && !gradient ? "&optimiser, " : "",
                       gradient ? "&gradients, " : "",
                       json_array_size(members_of(c->training, "state")) > 0 ? "&state, " : "");
}

/* The gradient, after which the state goes back. */
static void call_gradient(const caller *c) {
    text *out = c->out;
    size_t i;
    json_t *name;
    text_add(out, "        if (round %% %d == 0) {\n        %s_%sstate kept = state;\n%s", PERIOD,
             c->prefix, c->own, c->places ? "        memcpy(saved, room, sizeof room);\n" : "");
    text_add(out, "        need(%s_gradient(%s));\n", c->prefix, arguments_of(c, true));
    json_array_foreach(json_object_get(c->training, "gradients"), i, name) {
        const char *member = json_string_value(name);
        text_add(out, "        tell(&gradients.%s, sizeof gradients.%s);\n", member, member);
    }
    tell_members("state", members_of(c->training, "state"), out);
    text_add(out, "        state = kept;\n%s        }\n",
             c->places ? "        memcpy(room, saved, sizeof room);\n" : "");
}

static void declare(const caller *c) {
    const char *p = c->prefix;
    text_add(c->out,
             "#include \"%s.h\"\n#include <string.h>\n#include \"numbers.h\"\n%s"
             "static double value(int round, int name, int i) {\n"
             "    return number(1000u * (uint32_t)round + 100000u * ((uint32_t)name %% 8) + "
             "(uint32_t)i);\n}\n"
             "static %s_parameters parameters, gradients;\nstatic %s_train_inputs inputs;\n"
             "static %s_train_outputs outputs;\nstatic %s_%sstate state;\n",
             p, calls_stack, p, p, p, p, c->own);
    if (c->keeps)
        text_add(c->out, "static %s_optimiser optimiser;\n", p);
    if (c->places)
        text_add(c->out, "static _Alignas(64) char room[%d], saved[%d];\n", MOST, MOST);
}

static void write_caller(const pupil *s, const json_t *manifest, arena *memory) {
    text words, extents;
    text_init(&words, memory);
    caller c = {.prefix = s->prefix, .manifest = manifest, .out = &words};
    c.training = json_object_get(manifest, "training");
    c.keeps = json_array_size(members_of(c.training, "optimiser")) > 0;
    c.own = json_is_true(json_object_get(c.training, "own_state")) ? "train_" : "";
    size_t i;
    json_t *member;
    json_array_foreach(members_of(c.training, "state"), i, member) c.places |= is_pointer(member);
    text_init(&extents, memory);
    json_array_foreach(json_object_get(c.training, "extents"), i, member)
        text_add(&extents, "%s%s", i ? ", " : "", word_of(member, "identifier"));
    c.extents = extents.at;
    declare(&c);
    const char *over = c.places ? "b, " : "", *p = s->prefix;
    text_add(&words,
             "int main(void) {\n    enum { b = %d, s = %d };\n    parameters = %s_weights;\n",
             OTHER, OTHER, p);
    if (c.places)
        text_add(&words,
                 "    need(%s_%sstate_bytes(b) <= sizeof room ? NULL : \"room\");\n"
                 "    need(%s_%sstate_place(b, &state, room));\n",
                 p, c.own, p, c.own);
    text_add(
        &words,
        "    need(%s_%sreset(%s&state));\n"
        "    for (int round = 0; round < %d; round++) {\n        int t = 3 + round %% 3;\n"
        "        size_t bytes = %s_train_arena_bytes(%s), more = %s_gradient_arena_bytes(%s);\n"
        "        bytes = more > bytes ? more : bytes;\n"
        "        void *arena = arena_of(bytes);\n",
        p, c.own, over, ROUNDS, p, c.extents, p, c.extents);
    json_array_foreach(members_of(c.training, "inputs"), i, member) add_input(member, &words);
    call_gradient(&c);
    text_add(&words,
             "        paint();\n        need(%s_train_step(%s));\n"
             "        need(used() <= %lld + %d ? NULL : \"more of the stack\");\n",
             p, arguments_of(&c, false), json_integer_value(json_object_get(manifest, "stack")),
             CALLS_FRAME);
    tell_members("outputs", members_of(c.training, "outputs"), &words);
    text_add(&words, "        free(arena);\n    }\n    {\n");
    tell_members("state", members_of(c.training, "state"), &words);
    tell_members("parameters", members_of(manifest, "parameters"), &words);
    tell_members("optimiser", members_of(c.training, "optimiser"), &words);
    text_add(&words, "    }\n    return 0;\n}\n");
    outside_write("caller.c", words.at, words.count);
}

/* ---- a pupil */

static void build(const pupil *s, const char *how) {
    outside_bytes built = outside_printed(
        "cd %s && %s -std=c11 -Wall -Wextra -Werror %s -I %s/tests/aot/callers caller.c %s.o "
        "-Wl,-z,now -o caller 2>&1",
        outside_folder, compiler, how, EDDY_SOURCE_DIR, s->prefix);
    free(built.at);
}

/* emulator: of the processor that the caller runs on; "": this one. */
static void compare(const pupil *s, const char *emulator, const outside_bytes *expected) {
    outside_bytes found = outside_printed("%s %s/caller", emulator, outside_folder);
    if (found.count != expected->count)
        outside_fail("%s: %zu bytes, and not %zu", s->prefix, found.count, expected->count);
    for (size_t i = 0; i < found.count; i++)
        if (found.at[i] != expected->at[i])
            outside_fail("%s: byte %zu of %zu is not that of a run", s->prefix, i, found.count);
    free(found.at);
}

/* The code for a processor without AVX-512. */
static void compare_without(const pupil *s, const outside_bytes *expected) {
    if (system("command -v qemu-x86_64 >/dev/null") == 0)
        compare(s, "qemu-x86_64 -cpu Haswell,-pcid,-x2apic,-tsc-deadline,-hle,-invpcid,-rtm",
                expected);
    else
        printf("%s as Haswell: not run here, as there is no qemu-x86_64\n", s->prefix);
}

/* What the program in the header has: three rounds of the same, of which it prints scalars. */
static const char *expect_example(const pupil *s, const json_t *training, int others,
                                  arena *memory) {
    static double inputs[8][MOST / 8];
    text out;
    eddy_slot slot;
    eddy_params *params = eddy_params_new(NULL, 7);
    eddy_program *p = compile(s, PUPILS_LEARN);
    eddy_run *r = open_run(p, params);
    text_init(&out, memory);
    resize(r, training, 4, others);
    for (int i = 0; eddy_program_slot(p, EDDY_INPUT, i, &slot); i++) {
        size_t count = eddy_run_elements(r, slot.name);
        bool rate = strcmp(slot.name, "learning_rate") == 0;
        for (size_t k = 0; k < count; k++)
            put(&slot, inputs[i], k, rate ? 0.015625 : (double)((1 + k) % 5) / 4,
                (int32_t)((1 + k) % 2));
        good(eddy_run_input(r, slot.name, inputs[i], count), eddy_run_message(r));
    }
    for (int round = 0; round < 3; round++) {
        good(eddy_run_call(r), eddy_run_message(r));
        for (int i = 0; eddy_program_slot(p, EDDY_OUTPUT, i, &slot); i++)
            text_add(&out, slot.dtype == EDDY_F64 ? "%s %.17g\n" : "%s %.9g\n", slot.name,
                     eddy_run_number(r, slot.name));
    }
    eddy_run_free(r);
    eddy_program_free(p);
    eddy_params_free(params);
    return out.at;
}

static void check_example(const pupil *s, const json_t *training, arena *memory) {
    const char *expected = expect_example(s, training, s->cells ? 4 : 2, memory);
    outside_bytes said = outside_printed(
        "cd %s && sed -n '/^\\/\\* To train/,/^ \\*\\// { s/^ \\*     //p; s/^ \\*$//p }' %s.h "
        ">example.c && %s -std=c11 -Wall -Wextra -Werror example.c %s.o -o example 2>&1 && "
        "./example",
        outside_folder, s->prefix, compiler, s->prefix);
    if (strcmp(said.at, expected) != 0)
        outside_fail("%s: the example prints\n%s, and a run gives\n%s", s->prefix, said.at,
                     expected);
    free(said.at);
}

static void write_object(const pupil *s, eddy_params *params) {
    char stem[256];
    eddy_model *m = s->build(s, PUPILS_DEPLOY), *training = s->build(s, PUPILS_LEARN);
    snprintf(stem, sizeof stem, "%s/%s", outside_folder, s->prefix);
    const eddy_object_options how = {.cpu = s->cpu, .params = params, .training = training};
    good(eddy_compile_to_object(m, s->prefix, stem, &how), eddy_model_message(m));
    eddy_model_free(m);
    eddy_model_free(training);
}

static size_t check(const pupil *s, bool watched, arena *memory) {
    json_error_t problem;
    char name[128];
    outside_bytes expected = {NULL, 0};
    eddy_params *params = eddy_params_new(NULL, 7);
    eddy_program *p = compile(s, PUPILS_LEARN);
    eddy_run_free(open_run(p, params)); /* the params are complete now */
    eddy_program_free(p);
    write_object(s, params);
    outside_check_object(s->prefix);
    snprintf(name, sizeof name, "%s.json", s->prefix);
    outside_bytes words = outside_read(name);
    json_t *manifest = json_loads(words.at, JSON_REJECT_DUPLICATES, &problem);
    if (!manifest ||
        !json_is_array(json_object_get(json_object_get(manifest, "training"), "gradients")))
        outside_fail("%s: no manifest of training", s->prefix);
    expect(s, manifest, params, &expected);
    write_caller(s, manifest, memory);
    build(s, "-O1");
    compare(s, "", &expected);
    if (s->cpu && SANITIZE_BUILD == SANITIZE_NONE)
        compare_without(s, &expected);
    if (watched) {
        build(s, "-DWATCHED -g -fsanitize=address,undefined -fno-sanitize-recover");
        compare(s, "", &expected);
    }
    check_example(s, json_object_get(manifest, "training"), memory);
    size_t count = expected.count;
    json_decref(manifest);
    free(words.at);
    free(expected.at);
    eddy_params_free(params);
    return count;
}

static bool has_parameters(const eddy_cells *cells, int cell) {
    eddy_cell_part part;
    for (int i = 0; eddy_cells_part(cells, cell, i, &part); i++)
        if (part.role == EDDY_CELL_PARAM)
            return true;
    return false;
}

/* Cells of the library that have something to learn. */
static void check_cells(int every, arena *memory) {
    eddy_cells *cells;
    eddy_cell_about about;
    int models = 0;
    size_t bytes = 0;
    if (eddy_cells_library(NULL, &cells) != EDDY_OK)
        outside_fail("%s", eddy_cells_report(cells));
    for (int i = 0; eddy_cells_at(cells, i, &about); i += every) {
        if (!has_parameters(cells, i))
            continue;
        models++;
        const char *cpu = models % 4 == 0 ? "multi" : NULL;
        const pupil s = {about.name, pupils_cell, cells, i, cpu};
        bytes += check(&s, false, memory);
    }
    printf("%d cells train: %zu bytes are those of runs\n", models, bytes);
    eddy_cells_free(cells);
}

static void check_all(arena *memory) {
    static const pupil own[] = {{.prefix = "drops", .build = pupils_drops},
                                {.prefix = "apart", .build = pupils_apart},
                                {.prefix = "any", .build = pupils_drops, .cpu = "multi"},
                                {.prefix = "each", .build = pupils_apart, .cpu = "multi"}};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        printf("%s: %zu bytes are those of runs\n", own[i].prefix, check(&own[i], true, memory));
    check_cells(SANITIZE_BUILD == SANITIZE_NONE ? 4 : 12, memory);
}

int main(int count, char **words) {
    if (count > 1)
        compiler = words[1];
    return outside_main("training", check_all);
}
