/* The switches of docs/passes.md as a user meets them: a program is compiled and run in a process
 * of its own with variables set, and what it writes to stderr is read. Without a switch the library
 * prints nothing, whatever happens. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frontends/eddy.h"
#include "jit/program.h"

/* What the other process did. */
typedef struct outcome {
    char said[1 << 20];
    char message[LIMIT_MESSAGE]; /* of the model */
    int status;                  /* of eddy_compile */
    float sum;
} outcome;

typedef struct switches {
    const char *name, *value;
} switches;

static eddy_model *build(void) {
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time_ragged(m, "t", b, "lengths");
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, 2);
    eddy_value h = eddy_gru(m, "cell", t, 3, x, NULL);
    eddy_output(m, "h", h);
    eddy_output(m, "sum", eddy_total(eddy_reduce_all(h, EDDY_SUM), t | b));
    return m;
}

static float run(const eddy_program *p) {
    static const float x[5 * 2 * 2] = {1, -2, 3};
    eddy_params *s = eddy_params_new(NULL, 1);
    eddy_run *r;
    eddy_run_new(p, s, &r);
    eddy_run_resize(r, (eddy_extent[]){{"t", 5}, {"b", 2}}, 2);
    eddy_run_input(r, "x", x, 20);
    eddy_run_input(r, "lengths", (const int32_t[]){5, 3}, 2);
    eddy_run_call(r);
    float sum = (float)eddy_run_number(r, "sum");
    eddy_run_free(r);
    eddy_params_free(s);
    return sum;
}

/* The child: everything but `said` goes through a second pipe. */
static void child(int out, int words) {
    static outcome o;
    eddy_program *p;
    dup2(words, STDERR_FILENO);
    dup2(words, STDOUT_FILENO);
    eddy_model *m = build();
    o.status = eddy_compile(m, &p);
    snprintf(o.message, sizeof o.message, "%s", eddy_model_message(m));
    if (p)
        o.sum = run(p);
    else
        eddy_add(eddy_tanh(NULL), NULL); /* mistakes upon mistakes: silent */
    eddy_program_free(p);
    eddy_model_free(m);
    fflush(NULL);
    bool whole = write(out, o.message, sizeof o.message) == sizeof o.message &&
                 write(out, &o.status, sizeof o.status) == sizeof o.status &&
                 write(out, &o.sum, sizeof o.sum) == sizeof o.sum;
    _exit(whole ? 0 : 1);
}

static const outcome *with(const switches *set, int count) {
    static outcome o;
    int out[2], words[2], status_of;
    memset(&o, 0, sizeof o);
    cr_assert(pipe(out) == 0 && pipe(words) == 0);
    fflush(NULL);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        for (int i = 0; i < count; i++)
            setenv(set[i].name, set[i].value, 1);
        child(out[1], words[1]);
    }
    close(out[1]);
    close(words[1]);
    size_t used = 0;
    for (ssize_t got = 1; got > 0; used += got > 0 ? (size_t)got : 0)
        got = read(words[0], o.said + used, sizeof o.said - 1 - used);
    cr_assert_lt(used, sizeof o.said - 1);
    bool whole = read(out[0], o.message, sizeof o.message) == sizeof o.message &&
                 read(out[0], &o.status, sizeof o.status) == sizeof o.status &&
                 read(out[0], &o.sum, sizeof o.sum) == sizeof o.sum;
    close(out[0]);
    close(words[0]);
    cr_assert_eq(waitpid(pid, &status_of, 0), pid);
    cr_assert(whole && WIFEXITED(status_of) && WEXITSTATUS(status_of) == 0);
    return &o;
}

static float plain_sum(void) {
    const outcome *o = with(NULL, 0);
    cr_assert_eq(o->status, EDDY_OK, "%s", o->message);
    cr_assert_str_eq(o->said, "", "a library does not print");
    return o->sum;
}

static bool has_row(const outcome *o, const pipeline_pass *row) {
    char head[128];
    snprintf(head, sizeof head, "== %c %s: %s\n", row->letter, row->name, row->about);
    return strstr(o->said, head) != NULL;
}

Test(acceptance_switches, dump_prints_the_rows_of_its_letters) {
    float sum = plain_sum();
    for (int i = 0; i < pipeline_pass_count; i++) {
        char letter[2] = {pipeline_passes[i].letter, 0};
        const outcome *o = with(&(switches){"EDDY_DUMP", letter}, 1);
        cr_assert_eq(o->sum, sum);
        for (int k = 0; k < pipeline_pass_count; k++)
            cr_assert_eq(has_row(o, &pipeline_passes[k]), k == i, "%s", o->said);
    }
    const outcome *all = with(&(switches){"EDDY_DUMP", "all"}, 1);
    for (int k = 0; k < pipeline_pass_count; k++)
        cr_assert(has_row(all, &pipeline_passes[k]), "%s", all->said);
    cr_assert(strstr(all->said, "nest contract_cell_"), "nests have the user's names");
}

/* A picture of what each rewrite made; where none can be written, the compilation says why. */
Test(acceptance_switches, dot_draws_the_graph_behind_every_rewrite) {
    char folder[] = "/tmp/eddy_dot_XXXXXX", path[256], head[8] = "";
    cr_assert(mkdtemp(folder));
    const outcome *o = with(&(switches){"EDDY_DOT", folder}, 1);
    cr_assert_eq(o->status, EDDY_OK, "%s", o->message);
    for (int i = 0; i < pipeline_pass_count; i++) {
        const pipeline_pass *row = &pipeline_passes[i];
        snprintf(path, sizeof path, "%s/%c-%s.dot", folder, row->letter, row->name);
        FILE *file = fopen(path, "r");
        cr_assert_eq(file != NULL, row->run != NULL, "%s", path);
        if (!file)
            continue;
        cr_expect(fgets(head, sizeof head, file) && strcmp(head, "digraph") == 0, "%s", path);
        fclose(file);
        remove(path);
    }
    rmdir(folder);
    o = with(&(switches){"EDDY_DOT", folder}, 1);
    cr_expect_neq(o->status, EDDY_OK);
    cr_expect(strstr(o->message, folder), "%s", o->message);
}

/* What is dumped after a pass is a program: it can be read and printed again. */
Test(acceptance_switches, a_dumped_graph_can_be_read_back) {
    const outcome *o = with(&(switches){"EDDY_DUMP", "m"}, 1);
    const char *from = strchr(o->said, '\n');
    cr_assert(from);
    jmp_buf escape;
    arena memory;
    error problem = {.code = STATUS_OK};
    graph g;
    cr_assert(setjmp(escape) == 0);
    arena_init(&memory, allocator_default(), &escape);
    graph_init(&g, &memory, &problem);
    cr_assert(parse_graph(&g, from + 1, strlen(from + 1), "dump"), "%s", problem.message);
    text again;
    text_init(&again, &memory);
    print_graph(&g, &again);
    cr_assert_str_eq(again.at, from + 1);
    arena_free(&memory);
}

Test(acceptance_switches, stop_ends_compilation_with_a_message) {
    for (int i = 0; i < pipeline_pass_count; i++) {
        char letter[2] = {pipeline_passes[i].letter, 0}, words[256];
        const outcome *o = with(&(switches){"EDDY_STOP", letter}, 1);
        snprintf(words, sizeof words, "compilation stopped after the pass %s, as EDDY_STOP=%s asks",
                 pipeline_passes[i].name, letter);
        cr_assert_eq(o->status, EDDY_UNSUPPORTED);
        cr_assert_str_eq(o->message, words);
        cr_assert_str_eq(o->said, "", "the message is the model's");
    }
}

Test(acceptance_switches, check_is_silent_about_passes_that_are_right) {
    float sum = plain_sum();
    for (int level = 1; level <= 2; level++) {
        const char *value = level == 1 ? "1" : "2";
        const outcome *o = with(&(switches){"EDDY_CHECK", value}, 1);
        cr_assert_eq(o->status, EDDY_OK, "%s", o->message);
        cr_assert_str_eq(o->said, "");
        cr_assert_eq(o->sum, sum);
    }
}

Test(acceptance_switches, time_tells_of_every_pass_that_works) {
    const outcome *o = with(&(switches){"EDDY_TIME", "1"}, 1);
    static const char *const rows[] = {"clean", "mask", "order", "lower", "emit"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert(strstr(o->said, rows[i]), "%s: %s", rows[i], o->said);
    cr_assert(strstr(o->said, " ms\n"), "%s", o->said);
}

Test(acceptance_switches, guards_and_debug_information_change_no_result) {
    float sum = plain_sum();
    const outcome *o = with((const switches[]){{"EDDY_GUARD", "1"}, {"EDDY_DEBUG", "1"}}, 2);
    cr_assert_eq(o->status, EDDY_OK, "%s", o->message);
    cr_assert_str_eq(o->said, "");
    cr_assert_eq(o->sum, sum);
}
