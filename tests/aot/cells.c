/* Every case of tests/ref/cases - cells of papers, and the corners of time - as an object: its
 * results, the gradients among them, are those of the compiled program, bit for bit.
 *
 * The caller of each object is written here too, from the graph alone: it knows the rule that says
 * what is held by value and what by pointer, and so checks the header in passing. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jit/aot.h"
#include "tests/support/case.h"

static char folder[] = "/tmp/eddy-cells-XXXXXX";
static const char *compiler = "cc";

static void stop(const char *name, const char *why) {
    fprintf(stderr, "cells: %s: %s (%s)\n", name, why, folder);
    exit(1);
}

static const char *path_of(const char *file) {
    static char path[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, file);
    return path[turn];
}

static void write_file(const char *file, const void *bytes, size_t count) {
    FILE *to = fopen(path_of(file), "wb");
    if (!to || fwrite(bytes, 1, count, to) != count || fclose(to) != 0)
        stop(file, "cannot be written");
}

/* Its bytes, and a 0 behind them. */
static char *read_file(const char *file, size_t *count) {
    FILE *from = fopen(path_of(file), "rb");
    if (!from || fseek(from, 0, SEEK_END) != 0)
        stop(file, "cannot be read");
    *count = (size_t)ftell(from);
    char *bytes = calloc(*count + 1, 1);
    rewind(from);
    if (!bytes || fread(bytes, 1, *count, from) != *count)
        stop(file, "cannot be read");
    fclose(from);
    return bytes;
}

/* ---- the caller */

static bool is_pointer(const graph *g, const op_node *n) {
    for (int a = 0; a < g->axis_count; a++)
        if ((n->domain >> a & 1) && g->axes[a].extent < 0)
            return true;
    for (int i = 0; i < n->shape.rank; i++)
        if (n->shape.dimension[i] < 0 && g->axes[-1 - n->shape.dimension[i]].extent < 0)
            return true;
    return false;
}

static const char *identifier(arena *memory, const char *name) {
    char *made = arena_copy_text(memory, name);
    for (char *c = made; *c; c++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", *c))
            *c = '_';
    return made;
}

static bool has(const char *header, const char *what) {
    return strstr(header, what) != NULL;
}

/* Does a struct have a member of this name? A leaf that no result needs is none. */
static bool is_member(const char *header, const char *name) {
    char words[3][300];
    snprintf(words[0], sizeof words[0], " %s;", name);
    snprintf(words[1], sizeof words[1], " %s[", name);
    snprintf(words[2], sizeof words[2], "*%s;", name);
    return has(header, words[0]) || has(header, words[1]) || has(header, words[2]);
}

static size_t bytes_of(const trial *t, const op_node *n) {
    return trial_elements(t, n) * dtype_size((dtype)n->dtype);
}

static const char *const c_types[] = {"float", "double", "int32_t", "uint8_t"};

/* Sets the members from data[], whose bytes go to `data`. */
static void give_leaves(trial *t, const char *header, text *caller, text *data) {
    for (size_t i = 0; i < t->leaves.count; i++) {
        const trial_leaf *leaf = &t->leaves.at[i];
        const op_node *n = leaf->node;
        const char *name = identifier(&t->memory, n->attributes.text);
        const char *group = n->op == OP_PARAM ? "parameters" : "inputs";
        if (!is_member(header, name))
            continue;
        while (data->count % 64 != 0)
            text_add_bytes(data, "", 1);
        if (is_pointer(&t->g, n))
            text_add(caller, "    %s.%s = (const %s *)(data + %zu);\n", group, name,
                     c_types[n->dtype], data->count);
        else
            text_add(caller, "    memcpy(&%s.%s, data + %zu, sizeof %s.%s);\n", group, name,
                     data->count, group, name);
        text_add_bytes(
            data, trial_encode(&t->memory, (dtype)n->dtype, leaf->values, trial_elements(t, n)),
            bytes_of(t, n));
    }
}

static void write_caller(trial *t, const char *header) {
    text caller, data, results, extents;
    text *const all[] = {&caller, &data, &results, &extents};
    for (int i = 0; i < 4; i++)
        text_init(all[i], &t->memory);
    give_leaves(t, header, &caller, &data);
    for (size_t i = 0; i < t->g.outputs.count; i++) {
        const op_node *n = t->g.outputs.at[i].node;
        const char *name = identifier(&t->memory, t->g.outputs.at[i].name);
        if (is_pointer(&t->g, n))
            text_add(&caller, "    outputs.%s = malloc(%zu);\n", name, bytes_of(t, n) + 1);
        text_add(&results, "    fwrite(%soutputs.%s, 1, %zu, stdout);\n",
                 is_pointer(&t->g, n) ? "" : "&", name, bytes_of(t, n));
    }
    int order[LIMIT_AXES];
    int count = graph_axis_order(&t->g, (uint32_t)((UINT64_C(1) << t->g.axis_count) - 1), order);
    for (int i = 0; i < count; i++)
        if (t->g.axes[order[i]].extent < 0)
            text_add(&extents, "%s%lld", extents.count ? ", " : "",
                     (long long)t->extents[order[i]]);
    bool parameters = has(header, "} cell_parameters;"), inputs = has(header, "} cell_inputs;");
    const char *numbers = extents.count ? extents.at : "";
    text out;
    text_init(&out, &t->memory);
    text_add(&out,
             "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include \"cell.h\"\n"
             "static _Alignas(64) char data[%zu];\n%s%sstatic cell_outputs outputs;\n"
             "int main(void) {\n    if (fread(data, 1, %zu, stdin) != %zu)\n        return 2;\n%s"
             "    size_t bytes = cell_arena_bytes(%s);\n"
             "    void *arena = aligned_alloc(64, (bytes + 63) / 64 * 64);\n",
             data.count + 1, parameters ? "static cell_parameters parameters;\n" : "",
             inputs ? "static cell_inputs inputs;\n" : "", data.count, data.count,
             caller.count ? caller.at : "", numbers);
    text_add(&out,
             "    const char *wrong = cell_sequence(%s%s%s%s&outputs, arena, bytes);\n"
             "    if (wrong)\n        return fputs(wrong, stderr), 1;\n%s    return 0;\n}\n",
             numbers, *numbers ? ", " : "", parameters ? "&parameters, " : "",
             inputs ? "&inputs, " : "", results.at);
    write_file("caller.c", out.at, out.count);
    write_file("data", data.count ? data.at : "", data.count);
}

/* ---- a case */

static bool is_state(void *user, const char *param) {
    (void)user, (void)param;
    return false;
}

static void compile(trial *t, const char *name) {
    error problem = {.code = STATUS_OK};
    const aot_request request = {
        .prefix = "cell", .file = "cell", .producer = "a test", .is_state = is_state};
    aot_files made;
    if (!aot_compile(&t->g, &request, allocator_default(), &made, &problem))
        stop(name, problem.message);
    write_file("cell.o", made.object.bytes, made.object.count);
    write_file("cell.h", made.header, made.header_bytes);
    aot_files_free(&made);
}

static void call(const char *name) {
    char command[1024];
    snprintf(command, sizeof command,
             "cd %s && %s -std=c11 -Wall -Wextra -pedantic -Werror caller.c cell.o -o caller && "
             "./caller <data >results",
             folder, compiler);
    if (system(command) != 0)
        stop(name, "the caller failed");
}

/* Are these the same bits, or both NaN? */
static bool same(double x, double y) {
    return memcmp(&x, &y, sizeof x) == 0 || (x != x && y != y);
}

static size_t check(const char *name, case_extents extents, dtype real) {
    test_case c;
    trial *t = &c.t;
    size_t count, used = 0, compared = 0;
    if (!case_open(&c, name, extents, real))
        stop(name, t->message);
    size_t results = t->g.outputs.count;
    op_node **nodes = arena_array(&t->memory, op_node *, results);
    for (size_t i = 0; i < results; i++)
        nodes[i] = t->g.outputs.at[i].node;
    double **expected = trial_room(t, nodes, results);
    if (!trial_compiled(t, expected))
        stop(name, t->message);
    compile(t, name);
    char *header = read_file("cell.h", &count);
    write_caller(t, header);
    call(name);
    char *found = read_file("results", &count);
    for (size_t i = 0; i < results; i++) {
        size_t elements = trial_elements(t, nodes[i]), bytes = bytes_of(t, nodes[i]);
        if (used + bytes > count)
            stop(name, "the caller has too few results");
        void *own = arena_take(&t->memory, bytes);
        memcpy(own, found + used, bytes);
        for (size_t k = 0; k < elements; k++)
            if (!same(expected[i][k], trial_decode((dtype)nodes[i]->dtype, own, k)))
                stop(name, "the object's results are not the program's");
        used += bytes;
        compared += elements;
    }
    if (used != count)
        stop(name, "the caller has too many results");
    free(header);
    free(found);
    case_close(&c);
    return compared;
}

static int is_case(const struct dirent *entry) {
    return strstr(entry->d_name, ".json") && strcmp(entry->d_name, "illegal.json") != 0;
}

int main(int count, char **words) {
    struct dirent **cases;
    char command[256];
    if (count > 1)
        compiler = words[1];
    if (!mkdtemp(folder))
        stop(folder, "cannot be made");
    int found = scandir(EDDY_SOURCE_DIR "/tests/ref/cases", &cases, is_case, alphasort);
    if (found < 40)
        stop("tests/ref/cases", "has few cases");
    size_t compared = 0;
    for (int i = 0; i < found; i++) {
        *strstr(cases[i]->d_name, ".json") = 0;
        bool odd = i % 2;
        compared +=
            check(cases[i]->d_name, odd ? CASE_RUN_TIME : CASE_FIXED, odd ? DTYPE_F32 : DTYPE_F64);
        free(cases[i]);
    }
    free(cases);
    printf("cells: %zu results of %d objects are those of programs\n", compared, found);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) != 0;
}
