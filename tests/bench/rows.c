/* ./run bench: how fast compiled programs are, beside what the machine can do at that moment.
 *
 * usage: bench_rows [--quick] [--rows PREFIX] [--json FILE]
 *
 * Nothing is asserted: times belong to a machine and an hour. A row that cannot be compiled or run
 * is an error, and the exit code says so. */
#include <errno.h>
#include <jansson.h>
#include <llvm-c/Core.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit/emit.h"
#include "tests/support/bench_measure.h"

enum { LINE = 256, ROWS = 64 };

typedef struct options {
    bool quick;
    const char *rows, *json;
} options;

static bool parse(int count, char **arguments, options *out) {
    *out = (options){.rows = ""};
    for (int i = 1; i < count; i++) {
        const char *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (strcmp(arguments[i], "--quick") == 0)
            out->quick = true;
        else if (strcmp(arguments[i], "--rows") == 0 && value)
            out->rows = arguments[++i];
        else if (strcmp(arguments[i], "--json") == 0 && value)
            out->json = arguments[++i];
        else
            return false;
    }
    return true;
}

/* ---- the machine */

/* The first line of a file that starts with `key`, from its value on; "unknown" if there is none.
 */
static void read_line(const char *path, const char *key, char *out) {
    FILE *file = fopen(path, "r");
    char line[LINE];
    snprintf(out, LINE, "unknown");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0) {
            const char *value = line + strlen(key) + strspn(line + strlen(key), "\t :");
            snprintf(out, LINE, "%.*s", (int)strcspn(value, "\n"), value);
            break;
        }
    if (file)
        fclose(file);
}

static void read_cache(int index, const char *what, char *out) {
    char path[LINE];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, what);
    read_line(path, "", out);
}

/* "L1d 48K, L2 1024K, L3 32768K": the data caches that the first core sees. */
static void read_caches(char *out) {
    size_t used = 0;
    snprintf(out, LINE, "caches unknown");
    for (int i = 0; i < 8; i++) {
        char level[LINE], type[LINE], size[LINE];
        read_cache(i, "level", level);
        read_cache(i, "type", type);
        read_cache(i, "size", size);
        if (strcmp(type, "Data") == 0 || strcmp(type, "Unified") == 0)
            used += (size_t)snprintf(out + used, LINE - used, "%sL%.4s%s %.16s", used ? ", " : "",
                                     level, *type == 'D' ? "d" : "", size);
    }
}

static json_t *describe_machine(void) {
    char cpu[LINE], caches[LINE], llvm[LINE];
    unsigned major, minor, patch;
    read_line("/proc/cpuinfo", "model name", cpu);
    read_caches(caches);
    LLVMGetVersion(&major, &minor, &patch);
    snprintf(llvm, sizeof llvm, "%u.%u.%u", major, minor, patch);
    const machine *host = machine_host();
    rate now = rate_measure();
    double start = bench_start_ms();
    const char *row = host ? host->name : "none";

    printf("CPU      %s; %s\n", cpu, caches);
    printf("code     machine row %s; LLVM %s, its start takes %.0f ms\n", row, llvm, start);
    printf(
        "FMA      f32, %s, registers alone: %.0f GFLOP/s on one thread, %.2f times that on two\n",
        rate_vectors(), now.one, now.two / now.one);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:f}", "cpu", cpu, "caches", caches,
                     "row", row, "llvm", llvm, "rate_vectors", rate_vectors(), "llvm_start_ms",
                     start, "rate_one", now.one, "rate_two", now.two);
}

static void explain(void) {
    printf(
        "\n"
        "ms: a call on one thread, on the wall, median; core ms: the same in time on a core,\n"
        "which GFLOP/s and shares are of, so that waiting for a core does not count. GFLOP/s:\n"
        "of products with matrices alone. share: of the FMA rate (x1) on one thread around the\n"
        "row. roof: the least time by that rate and by reading the recurrent matrices once a\n"
        "step, over ours. x2/x1: FMA on two threads on the wall by one on a core; rounds under\n"
        "1.9 are repeated, and marked ~ if that did not help. two: a call on two threads, on\n"
        "the wall; t1/t2: core ms over that; of it: as a share of x2/x1. auto: threads that\n"
        "the library takes by itself.\n"
#if !defined(__OPTIMIZE__) || defined(__SANITIZE_ADDRESS__)
        "THIS BUILD IS NOT OPTIMISED, or is instrumented: its FMA rate means nothing.\n"
#endif
        "\n");
}

/* ---- the tables */

static void print_speed(const bench_result *r) {
    printf("%-19s %4lld %9.2f %9.2f %8.1f %5.1f%% %5.1f%% %6.1f  %4.2f%s %5d", r->row->name,
           (long long)r->steps, r->ms, r->core_ms, r->speed, 100 * r->share, 100 * r->roof_share,
           r->machine.one, r->machine.two / r->machine.one, r->disturbed ? "~" : " ", r->calls);
    printf(" %9.2f %5.2f %3.0f%% %4d\n", r->two_ms, r->two_gain, 100 * r->two_share, r->chosen);
    fflush(stdout);
}

static void print_program(const bench_result *r) {
    printf("%-19s %5d %7d %8.1f %8.1f %8.1f %8.1f %9.1f %8.2f %6.1f %6.1f\n", r->row->name,
           r->nests, r->kernels, r->first_ms, r->second_ms, r->second_core_ms, r->second_llvm_ms,
           (double)r->object_bytes / 1024, (double)r->arena_bytes / (1 << 20), r->arena_floats,
           r->arena_growth);
}

static json_t *result_json(const bench_result *r) {
    json_t *row = json_object();
    json_object_set_new(row, "name", json_string(r->row->name));
    json_object_set_new(row, "B", json_integer(r->row->samples));
    json_object_set_new(row, "H", json_integer(r->row->units));
    json_object_set_new(row, "T", json_integer(r->steps));
    json_object_set_new(row, "nests", json_integer(r->nests));
    json_object_set_new(row, "kernels", json_integer(r->kernels));
    json_object_set_new(row, "rounds", json_integer(r->rounds));
    json_object_set_new(row, "calls", json_integer(r->calls));
    json_object_set_new(row, "disturbed", json_boolean(r->disturbed));
    const struct {
        const char *name;
        double value;
    } numbers[] = {
        {"ms", r->ms},
        {"least_ms", r->least_ms},
        {"core_ms", r->core_ms},
        {"gflops", r->speed},
        {"share", r->share},
        {"roof_share", r->roof_share},
        {"rate_one", r->machine.one},
        {"rate_two", r->machine.two},
        {"two_threads_ms", r->two_ms},
        {"two_threads_gain", r->two_gain},
        {"two_threads_share", r->two_share},
        {"threads_chosen", r->chosen},
        {"read_gbytes", r->read_speed},
        {"flops", bench_row_flops(r->row, r->steps)},
        {"compile_first_ms", r->first_ms},
        {"compile_second_ms", r->second_ms},
        {"compile_second_core_ms", r->second_core_ms},
        {"compile_second_llvm_ms", r->second_llvm_ms},
        {"object_bytes", (double)r->object_bytes},
        {"arena_bytes", (double)r->arena_bytes},
        {"arena_floats_per_tbh", r->arena_floats},
        {"arena_growth_per_tbh", r->arena_growth},
        {"input_bytes", (double)r->input_bytes},
        {"output_bytes", (double)r->output_bytes},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_object_set_new(row, numbers[i].name, json_real(numbers[i].value));
    return row;
}

int main(int count, char **arguments) {
    options chosen;
    if (!parse(count, arguments, &chosen)) {
        fprintf(stderr, "usage: bench_rows [--quick] [--rows PREFIX] [--json FILE]\n");
        return EXIT_FAILURE;
    }
    const bench_plan plan =
        chosen.quick ? (bench_plan){true, 9, 0.1, 2} : (bench_plan){false, 15, 1, 4};
    static bench_result results[ROWS];
    int measured = 0, failed = 0;
    json_t *report = describe_machine(), *rows = json_array();
    explain();
    printf("%-19s %4s %9s %9s %8s %6s %6s %6s  %5s %5s %9s %5s %4s %4s\n", "B x H", "T", "ms",
           "core ms", "GFLOP/s", "share", "roof", "x1", "x2/x1", "calls", "two", "t1/t2", "of it",
           "auto");
    for (int i = 0; i < bench_row_count && measured < ROWS; i++) {
        const bench_row *row = &bench_rows[i];
        char message[512];
        if (strncmp(row->name, chosen.rows, strlen(chosen.rows)) != 0)
            continue;
        if (bench_measure(row, &plan, &results[measured], message)) {
            print_speed(&results[measured]);
            json_array_append_new(rows, result_json(&results[measured++]));
        } else {
            printf("%-19s failed: %s\n", row->name, message);
            failed++;
        }
    }
    printf("\n%-19s %5s %7s %8s %8s %8s %8s %9s %8s %6s %6s\n", "B x H", "nests", "kernels",
           "first ms", "then ms", "core ms", "LLVM ms", "object KB", "arena MB", "floats",
           "growth");
    for (int i = 0; i < measured; i++)
        print_program(&results[i]);
    printf(
        "\nnests: loop nests; kernels: functions, which equal nests share. first, then: wall\n"
        "time of the first and second compilation of the model in this process; core (of both\n"
        "threads), LLVM (on the wall): of the second. arena: what a run holds beyond inputs,\n"
        "outputs and parameters; floats: of it per T * B * H; growth: the same of what further\n"
        "steps add.\n");
    json_object_set_new(report, "rows", rows);
    if (chosen.json && json_dump_file(report, chosen.json, JSON_INDENT(1)) != 0) {
        fprintf(stderr, "%s: %s\n", chosen.json, strerror(errno));
        failed++;
    }
    json_decref(report);
    if (measured + failed == 0)
        fprintf(stderr, "no row's name begins with %s\n", chosen.rows);
    return measured > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
