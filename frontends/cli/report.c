/* `eddy report`: the log of a run as one page that needs nothing else.
 *
 * The page computes nothing: every number on it is one of the log, which a test compares. What it
 * adds is the picture. The one to look at first is the gradient by lag: a cell that learns long
 * dependencies keeps its colour downwards. */
#include "frontends/cli/html.h"

#include <stdio.h>
#include <string.h>

#include "frontends/cli/folder.h"
#include "frontends/cli/log.h"
#include "frontends/cli/picture.h"

/* ---- the page */

static const char report_style[] =
    ":root{color-scheme:light dark;--ground:#fcfcfb;--ink:#1f2328;--soft:#656d76;--line:#e3e5e8;"
    "--first:#2f6fb0;--second:#c8553d;"
    "--q0:#f3f5f7;--q1:#dfe8f0;--q2:#c7d9e8;--q3:#a9c6df;--q4:#85aed3;--q5:#6294c4;--q6:#447ab1;"
    "--q7:#2d6098;--q8:#1b467a;--q9:#0d2d58}"
    "@media(prefers-color-scheme:dark){:root{--ground:#15181c;--ink:#e4e7eb;--soft:#98a1ab;"
    "--line:#2c3239;--first:#6ba6e0;--second:#ec8a72;"
    "--q0:#1d2228;--q1:#22303e;--q2:#284056;--q3:#305370;--q4:#3a688c;--q5:#4a80a9;--q6:#6199c2;"
    "--q7:#82b4d7;--q8:#abcfe8;--q9:#dcecf8}}"
    "body{background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif;margin:0 "
    "auto;padding:24px 20px;max-width:880px}h1{font-size:22px;margin:0 0 4px}h2{font-size:16px;"
    "margin:28px 0 8px}figure{margin:24px 0}figcaption{font-weight:600;margin-bottom:6px}"
    "svg{width:100%;height:auto;display:block}.note,.sub{color:var(--soft);margin:4px 0;"
    "font-size:13.5px}table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "td,th{padding:3px 18px 3px 0;border-bottom:1px solid var(--line);text-align:left;"
    "font-weight:400}th{color:var(--soft)}td.number{text-align:right}"
    ".grid{stroke:var(--line)}.tick{fill:var(--soft);font-size:12px}"
    ".line{fill:none;stroke-width:1.6;stroke-linejoin:round}.line.first,.dot.first{stroke:"
    "var(--first)}.line.second,.dot.second{stroke:var(--second)}.dot{fill:var(--ground);"
    "stroke-width:1.6}.key{display:inline-block;width:14px;height:3px;margin:0 5px 4px 14px}"
    ".key.first{background:var(--first)}.key.second{background:var(--second)}"
    ".q0{fill:var(--q0)}.q1{fill:var(--q1)}.q2{fill:var(--q2)}.q3{fill:var(--q3)}"
    ".q4{fill:var(--q4)}.q5{fill:var(--q5)}.q6{fill:var(--q6)}.q7{fill:var(--q7)}"
    ".q8{fill:var(--q8)}.q9{fill:var(--q9)}";

static void report_fact(text *out, const char *name, const json_t *number, const char *unit) {
    text_add(out, "<tr><th>%s</th><td class=\"number\">", name);
    html_number(out, number, "0");
    text_add(out, "</td><td>%s</td></tr>\n", unit);
}

/* The line with the smallest loss, NULL if there is none. */
static const json_t *report_best(const json_t *events) {
    const json_t *best = NULL;
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i), *loss = json_object_get(event, "loss");
        if (json_is_number(loss) &&
            (!best || json_number_value(loss) < json_number_value(json_object_get(best, "loss"))))
            best = event;
    }
    return best;
}

static void report_head(text *out, const json_t *log, const char *run, const char *field) {
    json_t *starts = html_events(log, "start"), *steps = html_events(log, "step"),
           *tests = html_events(log, "validation"), *ends = html_events(log, "end");
    const json_t *start = json_array_get(starts, 0), *best = report_best(tests);
    const json_t *last = json_array_get(steps, json_array_size(steps) - 1),
                 *end = json_array_get(ends, json_array_size(ends) - 1);
    text_add(out, "<h1>");
    html_words(out, run);
    text_add(out, "</h1>\n<p class=\"sub\">cell ");
    const char *cell = json_string_value(json_object_get(start, "cell"));
    html_words(out, cell ? cell : "unknown");
    text_add(out, ", ");
    html_number(out, json_object_get(last, "step"), "0");
    text_add(out, " of ");
    html_number(out, json_object_get(start, "steps"), "0");
    const char *reason = json_string_value(json_object_get(end, "reason"));
    text_add(out, " steps: %s</p>\n<table>\n", reason ? reason : "running, or killed");
    if (best) {
        text_add(out, "<tr><th>best validation</th><td class=\"number\">");
        html_number(out, json_object_get(best, field), "");
        text_add(out, "</td><td>%s, at step ", strcmp(field, "bits") == 0 ? "bits" : "loss");
        html_number(out, json_object_get(best, "step"), "0");
        text_add(out, "</td></tr>\n");
    }
    report_fact(out, "rows", json_object_get(start, "rows"), "");
    report_fact(out, "held out", json_object_get(start, "held_rows"), "");
    report_fact(out, "rows a step", json_object_get(start, "rows_a_step"), "");
    report_fact(out, "weights", json_object_get(start, "weights"), "");
    report_fact(out, "memory of weights", json_object_get(start, "weight_bytes"), "bytes");
    report_fact(out, "memory of a run", json_object_get(start, "run_bytes"), "bytes");
    report_fact(out, "machine code", json_object_get(start, "object_bytes"), "bytes");
    report_fact(out, "kernels", json_object_get(start, "kernels"), "");
    report_fact(out, "compiled in", json_object_get(start, "compile_milliseconds"), "ms");
    report_fact(out, "threads", json_object_get(start, "threads"), "");
    text_add(out, "</table>\n");
    json_decref(starts);
    json_decref(steps);
    json_decref(tests);
    json_decref(ends);
}

/* Where the time of a step went, from the last measurement. */
static void report_times(text *out, const json_t *log) {
    json_t *events = html_events(log, "times"), *nest;
    const json_t *last = json_array_get(events, json_array_size(events) - 1);
    size_t i;
    text_add(out, "<h2>Time: the loop nests of a step of training</h2>\n");
    if (!last) {
        text_add(out, "<p class=\"note\">They are measured when training ends.</p>\n");
        json_decref(events);
        return;
    }
    text_add(out, "<p class=\"note\">A step took ");
    html_number(out, json_object_get(last, "seconds"), "");
    text_add(out,
             " seconds. The roof is the least time that the operations of a nest take on this "
             "machine, which did ");
    html_number(out, json_object_get(last, "operations_a_second"), "");
    text_add(out,
             " a second, or the bytes that it touches in the cache or memory that holds them; "
             "the share is that time over the one that it took.</p>\n<table class=\"times\">\n"
             "<tr><th>nest</th><th>seconds</th><th>of the step</th><th>of the roof</th>"
             "<th>bound by</th></tr>\n");
    json_array_foreach(json_object_get(last, "nests"), i, nest) {
        const char *name = json_string_value(json_object_get(nest, "name"));
        const char *bound = json_string_value(json_object_get(nest, "bound"));
        text_add(out, "<tr><td>");
        html_words(out, name ? name : "");
        static const char *const fields[] = {"seconds", "share", "roof"};
        for (int k = 0; k < 3; k++) {
            text_add(out, "</td><td class=\"number\">");
            html_number(out, json_object_get(nest, fields[k]), "");
        }
        text_add(out, "</td><td>");
        html_words(out, bound ? bound : "");
        text_add(out, "</td></tr>\n");
    }
    text_add(out, "<tr><td>");
    html_number(out, json_object_get(last, "others"), "0");
    text_add(out, " others</td><td class=\"number\">");
    html_number(out, json_object_get(last, "others_seconds"), "");
    text_add(out, "</td><td class=\"number\">");
    html_number(out, json_object_get(last, "others_share"), "");
    text_add(out, "</td><td></td><td></td></tr>\n</table>\n");
    json_decref(events);
}

/* The picture of the model, as it is in the log. */
static void report_picture(text *out, const json_t *log) {
    json_t *starts = html_events(log, "start");
    picture drawn;
    text_add(out, "<h2>The model</h2>\n");
    if (picture_read(json_object_get(json_array_get(starts, 0), "graph"), out->memory, &drawn)) {
        text_add(out, "<figure>\n");
        picture_svg(&drawn, "The model", out);
        text_add(out,
                 "<p class=\"note\">Values that have a name, the last operation of each, its "
                 "shape and its weights. What goes back in time is red: a state and its "
                 "steps.</p></figure>\n");
    } else {
        text_add(out, "<p class=\"note\">The log has no picture of it.</p>\n");
    }
    json_decref(starts);
}

static void report_memory(text *out, const json_t *log) {
    json_t *starts = html_events(log, "start"), *buffer;
    size_t i;
    text_add(out,
             "<h2>Memory: the largest buffers of a step of training</h2>\n"
             "<p class=\"note\">Buffers that are never needed at the same time share places, "
             "so that their sum is more than the memory.</p>\n<table>\n"
             "<tr><th>buffer</th><th>offset</th><th>bytes</th></tr>\n");
    json_array_foreach(json_object_get(json_array_get(starts, 0), "memory"), i, buffer) {
        text_add(out, "<tr><td>");
        const char *name = json_string_value(json_object_get(buffer, "name"));
        html_words(out, name ? name : "");
        text_add(out, "</td><td class=\"number\">");
        html_number(out, json_object_get(buffer, "offset"), "0");
        text_add(out, "</td><td class=\"number\">");
        html_number(out, json_object_get(buffer, "bytes"), "0");
        text_add(out, "</td></tr>\n");
    }
    text_add(out, "</table>\n");
    json_decref(starts);
}

/* ---- gradients and gates as heat maps */

static const json_t *report_gradient(const json_t *event, int row) {
    return json_array_get(json_object_get(event, "gradient"), (size_t)row);
}

static const char *report_lag(arena *memory, const json_t *event, int row) {
    const json_t *lag = json_array_get(json_object_get(event, "lags"), (size_t)row);
    return arena_print(memory, "%lld", (long long)json_integer_value(lag));
}

static void *report_gate_at(const json_t *event, int row) {
    json_t *gates = json_object_get(event, "saturated");
    void *at = json_object_iter(gates);
    while (row-- > 0 && at)
        at = json_object_iter_next(gates, at);
    return at;
}

static const json_t *report_gate(const json_t *event, int row) {
    void *at = report_gate_at(event, row);
    return at ? json_object_iter_value(at) : NULL;
}

static const char *report_gate_name(arena *memory, const json_t *event, int row) {
    void *at = report_gate_at(event, row);
    (void)memory;
    return at ? json_object_iter_key(at) : "";
}

static void report_maps(text *out, const json_t *log) {
    json_t *events = html_events(log, "insight");
    const json_t *first = json_array_get(events, 0);
    html_heat(out, &(html_map){
                       .title = "How far back the gradient reaches",
                       .rows_title = "steps back",
                       .note = "The norm of the gradient of the last step's loss by all states so "
                               "many steps earlier, over training. A colour that fades within a "
                               "few rows: the gradient vanishes, and nothing older is learned. "
                               "One that grows downwards: it explodes.",
                       .events = events,
                       .rows = (int)json_array_size(json_object_get(first, "lags")),
                       .logarithmic = true,
                       .value = report_gradient,
                       .label = report_lag});
    const html_line reach = {"", "first", events, "reach"};
    size_t i, beyond = 0;
    json_t *event;
    json_array_foreach(events, i, event) beyond += json_is_null(json_object_get(event, "reach"));
    html_chart(out, "Steps back at which a hundredth of the gradient is left", &reach, 1);
    if (beyond)
        text_add(
            out,
            "<p class=\"note\">Not drawn: %zu of %zu times, when more than a hundredth was left "
            "over all the steps of a block. A larger --length shows where it ends.</p>\n",
            beyond, json_array_size(events));
    html_heat(out, &(html_map){
                       .title = "Gates that are saturated",
                       .rows_title = "",
                       .note = "The share of values that a sigmoid has outside (0.05, 0.95), or a "
                               "tanh outside (-0.95, 0.95). What is saturated hardly learns.",
                       .events = events,
                       .rows = (int)json_object_size(json_object_get(first, "saturated")),
                       .value = report_gate,
                       .label = report_gate_name});
    json_decref(events);
}

static void report_page(text *out, const json_t *log, const char *run) {
    json_t *steps = html_events(log, "step"), *tests = html_events(log, "validation");
    bool bits = json_object_get(json_array_get(steps, 0), "bits") != NULL;
    const char *field = bits ? "bits" : "loss";
    text_add(out,
             "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    html_words(out, run);
    text_add(out, "</title>\n<style>%s</style></head>\n<body>\n", report_style);
    report_head(out, log, run, field);
    const html_line losses[] = {{"training", "first", steps, field},
                                {"validation", "second", tests, field}};
    html_chart(out, bits ? "Loss in bits a symbol" : "Loss", losses, 2);
    report_maps(out, log);
    const html_line norms = {"", "first", steps, "norm"}, rates = {"", "first", steps, "rate"},
                    seconds = {"", "first", steps, "seconds"};
    html_chart(out, "Norm of the gradient by all weights", &norms, 1);
    html_chart(out, "Learning rate", &rates, 1);
    html_chart(out, "Seconds of a step", &seconds, 1);
    report_times(out, log);
    report_memory(out, log);
    report_picture(out, log);
    text_add(out, "</body></html>\n");
    json_decref(steps);
    json_decref(tests);
}

int report_run(arena *memory, const options *o) {
    folder home = folder_open(memory, o->operands[0]);
    const char *output = options_text(o, "output");
    if (!output)
        output = cli_path(memory, home.path, "report.html");
    json_t *log = log_read(memory, home.log);
    text page;
    text_init(&page, memory);
    report_page(&page, log, home.path);
    cli_write_file(output, page.at, page.count);
    printf("%s\n", output);
    json_decref(log);
    folder_close(&home);
    return CLI_DONE;
}
