/* What headers and manifests say of objects is true.
 *
 * Of each model: its manifest is what docs/object.schema.json says a manifest is; offsets, sizes
 * and checksums in it are those that a compiler and the object have; and the program at the end of
 * the header, taken as it stands and built as C and as C++, prints what a run of the model gives,
 * all digits of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "core/text.h"
#include "frontends/eddy.h"
#include "tests/support/outside.h"
#include "tests/support/schema.h"

static const char *compiler = "cc";

static void good(eddy_status found, const char *message) {
    if (found != EDDY_OK)
        outside_fail("%s: %s", eddy_status_name(found), message);
}

/* ---- models */

static eddy_model *build_stream(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_time(m, "t");
    eddy_carry(m, t, 0);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t, 3);
    eddy_value gain = eddy_input(m, "gain", EDDY_F32, 0, EDDY_SCALAR);
    eddy_value tilt = eddy_input(m, "tilt", EDDY_F32, 0, 2, 5);
    eddy_value key = eddy_input(m, "key", EDDY_I32, t, EDDY_SCALAR);
    eddy_value h = eddy_gru(m, "cell", t, 5, x, NULL);
    eddy_value y = eddy_mul(eddy_matmul(tilt, h), gain);
    eddy_output(m, "y", y);
    eddy_output(m, "sum", eddy_total(eddy_reduce_all(y, EDDY_SUM), t));
    eddy_output(m, "odd", eddy_lt(eddy_integer(m, 0), key));
    return m;
}

static eddy_model *build_batch(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_carry(m, t, b);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, 3);
    eddy_output(m, "h", eddy_lstm(m, "cell", t, 6, x, NULL));
    return m;
}

/* Names that are none in C or JSON, lengths, f64, and no step. */
static eddy_model *build_strange(void) {
    eddy_model *m = eddy_model_new(&(eddy_options){.dtype = EDDY_F64});
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "lengths \xff\"\\");
    eddy_axes nowhere = eddy_axis_fixed(m, "nowhere", 0);
    eddy_value x = eddy_input(m, "new", EDDY_F64, t | b, 4);
    eddy_value none = eddy_input(m, "none", EDDY_I32, nowhere, 2);
    eddy_value h = eddy_elman(m, "caf\xc3\xa9", t, 4, x, NULL);
    eddy_output(m, "h\n", h);
    eddy_output(m, "end", eddy_last(h, t));
    eddy_output(m, "none", none);
    return m;
}

/* Parameters that calls write to. */
static eddy_model *build_learning(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, 3);
    eddy_value y = eddy_input(m, "y", EDDY_F32, t | b, 1);
    eddy_value said = eddy_dense(m, "out", 1, eddy_gru(m, "cell", t, 4, x, NULL));
    eddy_value loss = eddy_mean_over(eddy_mean_squared_error(said, y), t | b);
    eddy_output(m, "loss", loss);
    eddy_output(m, "norm", eddy_minimise(loss, eddy_adam()));
    return m;
}

/* The streams of build_batch, that learn. */
static eddy_model *build_lesson(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_carry(m, t, b);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, 3);
    eddy_value y = eddy_input(m, "y", EDDY_F32, t | b, 6);
    eddy_value h = eddy_lstm(m, "cell", t, 6, eddy_dropout(x, 0.5, t | b), NULL);
    eddy_value loss = eddy_mean_over(eddy_mean_squared_error(h, y), t | b);
    eddy_output(m, "loss", loss);
    eddy_minimise(loss, eddy_adam());
    return m;
}

/* Streams that learn in a batch, and keep more then. */
static eddy_model *build_course(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "many"), t = eddy_time(m, "t");
    eddy_carry(m, t, b);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, 3);
    eddy_value h = eddy_gru(m, "cell", t, 5, x, NULL);
    eddy_value loss = eddy_mean_over(eddy_reduce_all(eddy_square(h), EDDY_SUM), t | b);
    eddy_output(m, "loss", loss);
    eddy_minimise(loss, eddy_sgd());
    return m;
}

/* Nothing is left open. */
static eddy_model *build_whole(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes t = eddy_axis_fixed(m, "t", 7);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t, 3);
    eddy_output(m, "h", eddy_elman(m, "cell", t, 4, x, NULL));
    return m;
}

typedef struct model {
    const char *prefix, *macro;
    eddy_model *(*build)(void);
    bool weights; /* are in the object */
    bool steps;   /* the example goes step by step */
    eddy_model *(*training)(void);
} model;

static const model models[] = {{"stream", "STREAM", build_stream, true, true, NULL},
                               {"bare", "BARE", build_stream, false, true, NULL},
                               {"batch", "BATCH", build_batch, true, false, NULL},
                               {"strange", "STRANGE", build_strange, true, false, NULL},
                               {"learning", "LEARNING", build_learning, true, false, NULL},
                               {"Whole", "WHOLE", build_whole, true, false, NULL},
                               {"lesson", "LESSON", build_batch, true, false, build_lesson},
                               {"course", "COURSE", build_stream, true, true, build_course}};

/* ---- the manifest */

static const char *text_of(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static json_int_t number_of(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static json_t *read_json(const char *from, const char *name) {
    json_error_t problem;
    json_t *found = json_loads(from, JSON_REJECT_DUPLICATES, &problem);
    if (!found)
        outside_fail("%s:%d: %s", name, problem.line, problem.text);
    return found;
}

static json_t *schema(void) {
    outside_bytes from = outside_printed("cat %s/docs/object.schema.json", EDDY_SOURCE_DIR);
    json_t *found = read_json(from.at, "docs/object.schema.json");
    free(from.at);
    return found;
}

/* A manifest that is wrong in some way must be refused, or the schema says nothing. */
static void check_schema(const char *from) {
    json_t *rules = schema(), *good_one = read_json(from, "a manifest");
    const char *key, *found = schema_fault(rules, good_one);
    json_t *value;
    if (found)
        outside_fail("a manifest is not what its schema says: %s\n%s", found, from);
    json_object_foreach(good_one, key, value) {
        json_t *other = json_deep_copy(good_one);
        json_object_set_new(other, key, json_real(0.5));
        if (!schema_fault(rules, other))
            outside_fail("the schema allows any %s", key);
        json_object_del(other, key);
        if (!schema_fault(rules, other))
            outside_fail("the schema does not ask for %s", key);
        json_decref(other);
    }
    json_t *member =
        json_array_get(json_object_get(json_object_get(good_one, "inputs"), "members"), 0);
    json_object_set_new(member, "colour", json_null());
    if (!schema_fault(rules, good_one))
        outside_fail("the schema allows members to have a colour");
    json_decref(good_one);
    json_decref(rules);
}

static void check_checksum(const json_t *manifest, const char *key, const char *file) {
    char sum[32];
    outside_bytes bytes = outside_read(file);
    const char *said =
        json_string_value(json_object_get(json_object_get(manifest, "checksums"), key));
    snprintf(sum, sizeof sum, "%016llx", (unsigned long long)hash_bytes(bytes.at, bytes.count));
    if (strcmp(sum, said) != 0)
        outside_fail("%s: the manifest says %s, and it is %s", file, said, sum);
    free(bytes.at);
}

/* The members of a struct, as the compiler places them. */
static void add_struct(const char *prefix, const char *name, const json_t *group, text *out) {
    if (number_of(group, "bytes") == 0)
        return;
    json_t *member;
    size_t i;
    text_add(out, "SAME(sizeof(%s_%s), %lld);\n", prefix, name,
             (long long)number_of(group, "bytes"));
    json_array_foreach(json_object_get(group, "members"), i, member) {
        const char *own = text_of(member, "identifier");
        text_add(out, "SAME(offsetof(%s_%s, %s), %lld);\n", prefix, name, own,
                 (long long)number_of(member, "offset"));
        text_add(out, "SAME(sizeof((%s_%s *)0)->%s, %lld);\n", prefix, name, own,
                 (long long)number_of(member, "bytes"));
    }
}

/* A program that does not build, or fails, where the manifest is wrong. */
static void check_layout(const model *of, const json_t *manifest, arena *memory) {
    static const char *const groups[] = {"parameters", "inputs", "outputs", "state"};
    const char *p = of->prefix;
    const json_t *sums = json_object_get(manifest, "checksums");
    text out;
    text_init(&out, memory);
    text_add(&out,
             "#include \"%s.h\"\n#include <stdio.h>\n#include <string.h>\n"
             "#define SAME(x, y) _Static_assert((x) == (y), #x)\n",
             p);
    for (size_t k = 0; k < sizeof groups / sizeof *groups; k++) {
        add_struct(p, groups[k], json_object_get(manifest, groups[k]), &out);
    }
    const json_t *training = json_object_get(manifest, "training");
    if (json_is_null(training) != (of->training == NULL))
        outside_fail("%s: the manifest says of training what is not", p);
    if (of->training) {
        bool own = json_is_true(json_object_get(training, "own_state"));
        add_struct(p, "optimiser", json_object_get(training, "optimiser"), &out);
        add_struct(p, "train_inputs", json_object_get(training, "inputs"), &out);
        add_struct(p, "train_outputs", json_object_get(training, "outputs"), &out);
        add_struct(p, own ? "train_state" : "state", json_object_get(training, "state"), &out);
    }
    text_add(&out,
             "int main(void) {\n    printf(\"%%016llx\\n\", (unsigned long long)%s_info.weights);\n"
             "    return %s_info.interface != UINT64_C(0x%s) ||\n"
             "           %s_info.interface != %s_INTERFACE ||\n"
             "           strcmp(%s_info.producer, \"%s\") != 0 ||\n"
             "           strcmp(%s_info.cpu, \"%s\") != 0;\n}\n",
             p, p, text_of(sums, "interface"), p, of->macro, p, text_of(manifest, "producer"), p,
             text_of(manifest, "cpu"));
    outside_write("layout.c", out.at, out.count);
    outside_bytes said = outside_printed(
        "cd %s && %s -std=c11 -Wall -Wextra -Werror layout.c %s.o -o layout 2>&1 "
        "&& ./layout",
        outside_folder, compiler, p);
    if (strncmp(said.at, text_of(sums, "weights"), 16) != 0 ||
        (strncmp(said.at, "0000000000000000", 16) != 0) != of->weights)
        outside_fail("%s: the weights' checksum is %s", p, said.at);
    free(said.at);
}

/* Functions of the manifest are those of the object, and the other way round. */
static void check_functions(const model *of, const json_t *manifest) {
    outside_bytes found = outside_printed(
        "nm -g --defined-only -f posix %s/%s.o | grep ' T ' | "
        "cut -d ' ' -f 1",
        outside_folder, of->prefix);
    const json_t *list = json_object_get(manifest, "functions");
    size_t count = 0;
    for (char *name = strtok(found.at, "\n"); name; name = strtok(NULL, "\n"), count++) {
        bool known = false;
        for (size_t i = 0; i < json_array_size(list); i++)
            known |= strcmp(json_string_value(json_array_get(list, i)), name) == 0;
        if (!known)
            outside_fail("%s is not in its manifest", name);
    }
    if (count != json_array_size(list))
        outside_fail("%s.o has %zu functions, and its manifest %zu", of->prefix, count,
                     json_array_size(list));
    free(found.at);
}

/* ---- the example */

enum { STEPS = 4, SAMPLES = 2 };

/* The program at the end of a header. */
static void extract(const char *prefix) {
    outside_bytes made = outside_printed(
        "cd %s && sed -n '/^\\/\\* For example/,$ "
        "{ s/^ \\*     //p; s/^ \\*$//p }' %s.h >example.c",
        outside_folder, prefix);
    free(made.at);
}

/* What goes in, as the example has it. */
static void *input_of(const eddy_slot *slot, size_t count, int step) {
    void *out = malloc(count * 8 + 1);
    bool stepped = false;
    for (int i = 0; i < slot->axis_count; i++)
        stepped |= strcmp(slot->axes[i], "t") == 0;
    for (size_t i = 0; i < count; i++) {
        size_t k = i + 1 + (stepped ? (size_t)step : 0);
        if (slot->dtype == EDDY_F32)
            ((float *)out)[i] = (float)(k % 5) / 4;
        else if (slot->dtype == EDDY_F64)
            ((double *)out)[i] = (double)(k % 5) / 4;
        else
            ((int32_t *)out)[i] = (int32_t)(k % 2);
    }
    return out;
}

static void call(eddy_run *r, const eddy_program *p, int step) {
    void *inputs[8] = {NULL};
    eddy_slot slot;
    for (int i = 0; eddy_program_slot(p, EDDY_INPUT, i, &slot); i++) {
        size_t count = eddy_run_elements(r, slot.name);
        inputs[i] = input_of(&slot, count, step);
        good(eddy_run_input(r, slot.name, inputs[i], count), eddy_run_message(r));
    }
    good(eddy_run_call(r), eddy_run_message(r));
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        free(inputs[i]);
}

/* The last element of each output, under the name that it has in C. */
static void print_outputs(eddy_run *r, const json_t *manifest, text *out) {
    const json_t *members = json_object_get(json_object_get(manifest, "outputs"), "members");
    size_t i;
    json_t *member;
    json_array_foreach(members, i, member) {
        const char *name = text_of(member, "name"), *type = text_of(member, "dtype");
        size_t last = eddy_run_elements(r, name) - 1;
        const void *at = eddy_run_read(r, name);
        good(eddy_run_status(r), eddy_run_message(r));
        text_add(out, "%s ", text_of(member, "identifier"));
        if (strcmp(type, "f32") == 0)
            text_add(out, "%.9g\n", (double)((const float *)at)[last]);
        else if (strcmp(type, "f64") == 0)
            text_add(out, "%.17g\n", ((const double *)at)[last]);
        else
            text_add(out, "%d\n", ((const uint8_t *)at)[last]);
    }
}

static void expected_of(const model *of, const eddy_program *p, eddy_params *params,
                        const json_t *manifest, text *out) {
    eddy_run *r;
    const json_t *axes = json_object_get(manifest, "extents");
    eddy_status found = eddy_run_new(p, params, &r);
    good(found, eddy_run_message(r));
    eddy_extent extents[4];
    for (size_t i = 0; i < json_array_size(axes); i++) {
        const char *name = text_of(json_array_get(axes, i), "name");
        int64_t extent = of->steps ? 1 : strcmp(name, "b") == 0 ? SAMPLES : STEPS;
        extents[i] = (eddy_extent){name, extent};
    }
    good(eddy_run_resize(r, extents, (int)json_array_size(axes)), eddy_run_message(r));
    for (int step = 0; step < (of->steps ? STEPS : 1); step++) {
        call(r, p, step);
        print_outputs(r, manifest, out);
    }
    eddy_run_free(r);
}

static void check_example(const model *of, const text *expected) {
    static const char *const languages[] = {"-std=c11 -pedantic", "-std=c++17 -x c++"};
    extract(of->prefix);
    for (size_t i = 0; i < 2; i++) {
        outside_bytes said = outside_printed(
            "cd %s && %s -Wall -Wextra -Werror %s example.c -x none %s.o -o example 2>&1 && "
            "./example",
            outside_folder, i ? "g++" : compiler, languages[i], of->prefix);
        if (said.count < 4 || strcmp(said.at, expected->at) != 0)
            outside_fail("%s: the example prints\n%s, and a run gives\n%s", of->prefix, said.at,
                         expected->at);
        free(said.at);
    }
}

/* ---- a model */

/* Zeros, which is what a caller without weights begins with. */
static void clear(eddy_params *params) {
    static const double zeros[4096];
    eddy_tensor tensor;
    for (int i = 0; eddy_params_at(params, i, &tensor); i++)
        good(eddy_params_write(params, tensor.name, zeros, tensor.elements),
             eddy_params_message(params));
}

static void write_object(const model *of, eddy_params *params) {
    char stem[128];
    eddy_model *m = of->build(), *training = of->training ? of->training() : NULL;
    snprintf(stem, sizeof stem, "%s/%s", outside_folder, of->prefix);
    const eddy_object_options how = {.params = of->weights ? params : NULL, .training = training};
    good(eddy_compile_to_object(m, of->prefix, stem, &how), eddy_model_message(m));
    eddy_model_free(m);
    eddy_model_free(training);
}

static void check(const model *of, arena *memory) {
    eddy_program *p;
    eddy_run *r;
    eddy_params *params = eddy_params_new(NULL, 7);
    eddy_model *m = of->build();
    char file[3][64];
    static const char *const endings[] = {"o", "h", "json"};
    good(eddy_compile(m, &p), eddy_model_message(m));
    eddy_model_free(m);
    eddy_status found = eddy_run_new(p, params, &r); /* the params are complete then */
    good(found, eddy_run_message(r));
    eddy_run_free(r);
    if (!of->weights)
        clear(params);
    write_object(of, params);
    outside_check_object(of->prefix);
    for (int i = 0; i < 3; i++)
        snprintf(file[i], sizeof file[i], "%s.%s", of->prefix, endings[i]);
    outside_bytes words = outside_read(file[2]);
    json_t *manifest = read_json(words.at, file[2]);
    check_schema(words.at);
    check_checksum(manifest, "object", file[0]);
    check_checksum(manifest, "header", file[1]);
    check_layout(of, manifest, memory);
    check_functions(of, manifest);
    text expected;
    text_init(&expected, memory);
    expected_of(of, p, params, manifest, &expected);
    check_example(of, &expected);
    printf("%s: the header and the manifest are right\n%s", of->prefix, expected.at);
    json_decref(manifest);
    free(words.at);
    eddy_params_free(params);
    eddy_program_free(p);
}

static void check_all(arena *memory) {
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        check(&models[i], memory);
}

int main(int count, char **words) {
    if (count > 1)
        compiler = words[1];
    return outside_main("headers", check_all);
}
