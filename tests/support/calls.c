/* The program is written from the manifests alone. It writes the bytes of results one cell after
 * the other; all extents but that of time are the same. */
#include "tests/support/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/aot/callers/numbers.h"
#include "tests/support/pupils.h"
#include "tests/support/schema.h"

enum { STEPS = 6, WAYS = CALLS_WAYS };
enum { OTHER = 3 /* what any other axis has */, AXES = 8 };

const char calls_stack[] =
    "#ifdef WATCHED\nstatic void paint(void) {\n}\n"
    "static long long used(void) {\n    return 0;\n}\n#else\nenum { ROOM = 1 << 14 };\n"
    "static __attribute__((noinline)) void paint(void) {\n"
    "    volatile char room[ROOM];\n    for (int i = 0; i < ROOM; i++)\n"
    "        room[i] = 90;\n    __asm__ volatile(\"\" : : \"m\"(room));\n}\n"
    "static __attribute__((noinline)) long long used(void) {\n"
    "    volatile char room[ROOM];\n    int i = 0;\n"
    "    __asm__ volatile(\"\" : \"=m\"(room)); /* what was there before */\n"
    "    while (i < ROOM && room[i] == 90)\n        i++;\n    return ROOM - i;\n}\n#endif\n";

static void good(eddy_status found, const char *message) {
    if (found != EDDY_OK)
        outside_fail("%s: %s", eddy_status_name(found), message);
}

/* ---- what a run gives */

static void expect_members(const json_t *group, eddy_run *r, bool state, outside_bytes *out) {
    static char memory[1 << 16];
    size_t i;
    json_t *member;
    json_array_foreach(json_object_get(group, "members"), i, member) {
        const char *name = json_string_value(json_object_get(member, "name"));
        size_t count = eddy_run_elements(r, name);
        if (count * 4 > sizeof memory)
            outside_fail("%s is large", name);
        if (state)
            eddy_run_state_read(r, name, memory, count);
        outside_add(out, state ? memory : eddy_run_read(r, name), count * 4);
    }
}

static void expect(const json_t *manifest, const eddy_program *p, eddy_params *params,
                   outside_bytes *out) {
    static float numbers[1 << 14];
    eddy_run *r;
    eddy_slot slot;
    eddy_status found = eddy_run_new(p, params, &r);
    good(found, eddy_run_message(r));
    eddy_extent extents[AXES];
    const json_t *axes = json_object_get(manifest, "extents");
    for (size_t i = 0; i < json_array_size(axes) && i < AXES; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(axes, i), "name"));
        extents[i] = (eddy_extent){name, strcmp(name, "t") == 0 ? STEPS : OTHER};
    }
    good(eddy_run_resize(r, extents, (int)json_array_size(axes)), eddy_run_message(r));
    for (uint32_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        numbers[i] = number(i);
    for (int i = 0; eddy_program_slot(p, EDDY_INPUT, i, &slot); i++) {
        size_t count = eddy_run_elements(r, slot.name);
        if (slot.dtype != EDDY_F32 || count > sizeof numbers / sizeof *numbers)
            outside_fail("%s is an input of another kind", slot.name);
        good(eddy_run_input(r, slot.name, numbers, count), eddy_run_message(r));
    }
    good(eddy_run_call(r), eddy_run_message(r));
    for (int way = 0; way < WAYS; way++) {
        expect_members(json_object_get(manifest, "outputs"), r, false, out);
        expect_members(json_object_get(manifest, "state"), r, true, out);
    }
    eddy_run_free(r);
}

/* ---- the program */

static bool is_time(const json_t *dimension) {
    return json_is_string(dimension) && strcmp(json_string_value(dimension), "t") == 0;
}

/* Elements of a member at one step. */
static long long step_elements(const json_t *member) {
    long long count = 1;
    const json_t *shape = json_object_get(member, "shape");
    for (size_t i = 0; i < json_array_size(shape); i++) {
        const json_t *dimension = json_array_get(shape, i);
        if (!is_time(dimension))
            count *= json_is_string(dimension) ? OTHER : json_integer_value(dimension);
    }
    return count;
}

/* The arguments of a call that are extents, `time` in the place of that of time; NULL: it has none.
 */
static const char *extents_of(const json_t *manifest, const char *time, arena *memory) {
    text out;
    text_init(&out, memory);
    const json_t *axes = json_object_get(manifest, "extents");
    for (size_t i = 0; i < json_array_size(axes); i++) {
        bool is = is_time(json_object_get(json_array_get(axes, i), "identifier"));
        if (!is || time)
            text_add(&out, "%s%s", out.count ? ", " : "",
                     is ? time : arena_print(memory, "%d", OTHER));
    }
    return out.at;
}

static bool has(const json_t *manifest, const char *group) {
    return json_array_size(json_object_get(json_object_get(manifest, group), "members")) > 0;
}

/* Lets the members of a struct point to step t of arrays that begin with these words. */
static void add_pointers(const json_t *manifest, const char *group, const char *array, text *out) {
    size_t i;
    json_t *member;
    json_array_foreach(json_object_get(json_object_get(manifest, group), "members"), i, member) {
        const char *name = json_string_value(json_object_get(member, "identifier"));
        const json_t *shape = json_object_get(member, "shape");
        if (!json_is_true(json_object_get(member, "pointer")))
            outside_fail("%s does not vary over time", name);
        text_add(out, "            %s.%s = %s + %s * %lld;\n", group, name,
                 strcmp(group, "inputs") == 0 ? array : arena_print(out->memory, "%s%zu", array, i),
                 is_time(json_array_get(shape, 0)) ? "t" : "0", step_elements(member));
    }
}

static const char *c_type(const json_t *member) {
    const char *type = json_string_value(json_object_get(member, "dtype"));
    return strcmp(type, "f32") == 0 ? "float" : "int32_t";
}

static void add_cell(const json_t *manifest, text *out) {
    arena *memory = out->memory;
    const char *p = json_string_value(json_object_get(manifest, "prefix"));
    const json_t *outputs = json_object_get(json_object_get(manifest, "outputs"), "members");
    const json_t *state = json_object_get(json_object_get(manifest, "state"), "members");
    const char *step = extents_of(manifest, NULL, memory);
    const char *cut = extents_of(manifest, "cuts[way][k]", memory);
    const bool prepares = !json_is_null(json_object_get(manifest, "prepared"));
    const char *weights =
        has(manifest, "parameters") ? arena_print(memory, "&%s_weights, ", p) : "";
    const char *rest = arena_print(memory, "%s&outputs, &state, arena, bytes",
                                   has(manifest, "inputs") ? "&inputs, " : "");
    size_t i;
    json_t *member;
    text_add(out, "#include \"%s.h\"\nstatic void run_%s(void) {\n", p, p);
    for (i = 0; i < json_array_size(outputs); i++)
        text_add(out, "    static %s out%zu[STEPS * %lld];\n", c_type(json_array_get(outputs, i)),
                 i, step_elements(json_array_get(outputs, i)));
    if (prepares)
        text_add(out, "    static _Alignas(64) char kept[%lld];\n    need(%s_prepare(%skept));\n",
                 json_integer_value(json_object_get(manifest, "prepared")), p, weights);
    text_add(out,
             "    %s_inputs inputs;\n    %s_outputs outputs;\n    %s_state state;\n"
             "    size_t bytes = %s_arena_bytes(%s);\n    void *arena = arena_of(bytes);\n"
             "    for (int way = 0; way < WAYS; way++) {\n        need(%s_reset(&state));\n"
             "        for (int t = 0, k = 0; t < STEPS; t += cuts[way][k++]) {\n",
             p, p, p, p, extents_of(manifest, "STEPS", memory), p);
    add_pointers(manifest, "inputs", "numbers", out);
    add_pointers(manifest, "outputs", "out", out);
    text_add(out,
             "            paint();\n            if (way == WAYS - 1)\n"
             "                need(%s_step%s(%s%s%s%s%s));\n",
             p, prepares ? "_prepared" : "", step, *step ? ", " : "", weights,
             prepares ? "kept, " : "", rest);
    text_add(out,
             "            else if (way == WAYS - 2)\n                need(%s_step(%s%s%s%s));\n"
             "            else if (way == 1)\n                need(%s_sequence%s(%s, %s%s%s));\n"
             "            else\n                need(%s_sequence(%s, %s%s));\n"
             "            need(used() <= %lld + %d ? NULL : \"%s takes more of the stack\");\n"
             "        }\n",
             p, step, *step ? ", " : "", weights, rest, p, prepares ? "_prepared" : "", cut,
             weights, prepares ? "kept, " : "", rest, p, cut, weights, rest,
             json_integer_value(json_object_get(manifest, "stack")), CALLS_FRAME, p);
    for (i = 0; i < json_array_size(outputs); i++)
        text_add(out, "        tell(out%zu, sizeof out%zu);\n", i, i);
    json_array_foreach(state, i, member) {
        const char *name = json_string_value(json_object_get(member, "identifier"));
        text_add(out, "        tell(&state.%s, sizeof state.%s);\n", name, name);
    }
    text_add(out, "    }\n    free(arena);\n}\n");
}

/* ---- a cell */

void calls_begin(calls *c, arena *memory) {
    *c = (calls){.count = 0};
    text_init(&c->program, memory);
    text_init(&c->list, memory);
    text_add(&c->program,
             "#include \"numbers.h\"\nenum { STEPS = %d, WAYS = %d };\n"
             "static float numbers[1 << 14];\n"
             "static const int cuts[WAYS][STEPS] = {{STEPS}, {2, 3, 1}, {1, 1, 1, 1, 1, 1}, "
             "{1, 1, 1, 1, 1, 1}};\n%s",
             STEPS, WAYS, calls_stack);
}

void calls_add(calls *c, const eddy_cells *cells, int cell, const char *target, const char *cpu) {
    eddy_cell_about about;
    eddy_program *p;
    eddy_run *r;
    json_error_t problem;
    char name[128], stem[256];
    eddy_cells_at(cells, cell, &about);
    eddy_params *params = eddy_params_new(NULL, 7);
    eddy_model *m = pupils_cell(&(pupil){.cells = cells, .cell = cell}, PUPILS_DEPLOY);
    good(eddy_compile(m, &p), eddy_model_message(m));
    eddy_status found = eddy_run_new(p, params, &r);
    good(found, eddy_run_message(r));
    eddy_run_free(r);
    snprintf(stem, sizeof stem, "%s/%s", outside_folder, about.name);
    const eddy_object_options how = {.params = params, .target = target, .cpu = cpu};
    good(eddy_compile_to_object(m, about.name, stem, &how), eddy_model_message(m));
    eddy_model_free(m);
    snprintf(name, sizeof name, "%s.json", about.name);
    outside_bytes words = outside_read(name);
    json_t *manifest = json_loads(words.at, JSON_REJECT_DUPLICATES, &problem);
    if (!manifest || !json_is_null(json_object_get(manifest, "no_step")))
        outside_fail("%s: %s", about.name,
                     manifest ? json_string_value(json_object_get(manifest, "no_step"))
                              : problem.text);
    if (c->count == CALLS_MOST)
        outside_fail("there are more than %d cells", CALLS_MOST);
    add_cell(manifest, &c->program);
    expect(manifest, p, params, &c->expected);
    text_add(&c->list, "    run_%s();\n", about.name);
    c->end[c->count++] = c->expected.count;
    json_decref(manifest);
    free(words.at);
    eddy_params_free(params);
    eddy_program_free(p);
}

void calls_write(calls *c, const char *name) {
    text_add(&c->program,
             "int main(void) {\n    for (uint32_t i = 0; i < 1 << 14; i++)\n"
             "        numbers[i] = number(i);\n%s    return 0;\n}\n",
             c->list.at);
    outside_write(name, c->program.at, c->program.count);
}

void calls_end(calls *c) {
    free(c->expected.at);
    c->expected = (outside_bytes){NULL, 0};
}
