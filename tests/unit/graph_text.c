/* The language of printed graphs: round trips, messages with line and column, and hostile texts. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/program.h"

Test(graph_text, the_sample_comes_back_the_same) {
    program p, again;
    program_init(&p);
    program_sample(&p);
    cr_assert_eq(p.problem.code, STATUS_OK, "%s", p.problem.message);
    const char *source = program_text(&p);
    cr_assert(program_parse(&again, source, strlen(source)), "%s", again.problem.message);
    cr_assert_str_eq(program_text(&again), source);
    cr_assert(verify_graph(&again.g), "%s", again.problem.message);
    cr_assert_eq(again.g.nodes.count, p.g.nodes.count);
    for (size_t i = 0; i < p.g.nodes.count; i++) {
        const op_node *x = p.g.nodes.at[i], *y = again.g.nodes.at[i];
        cr_assert(x->op == y->op && x->dtype == y->dtype && x->domain == y->domain);
        cr_assert_eq(x->attributes.over, y->attributes.over);
        cr_assert_eq(x->attributes.stream, y->attributes.stream);
        cr_assert_eq(x->attributes.dtype, y->attributes.dtype);
        cr_assert_eq(x->attributes.domain, y->attributes.domain);
        cr_assert(op_shape_equal(&x->attributes.shape, &y->attributes.shape));
        cr_assert_eq(x->attributes.bytes, y->attributes.bytes);
        if (x->attributes.bytes)
            cr_assert_eq(
                memcmp(x->attributes.data, y->attributes.data, (size_t)x->attributes.bytes), 0);
    }
    cr_assert_eq(again.g.streams, p.g.streams);
    cr_assert_eq(again.g.axes[PROGRAM_T].lengths, again.g.nodes.at[0]);
    cr_assert_str_eq(again.g.nodes.at[5]->where.file, "text");
    program_close(&again);
    program_close(&p);
}

/* Parses a text and expects that it prints as `expected`. */
static void same(const char *source, const char *expected) {
    program p;
    cr_assert(program_parse(&p, source, strlen(source)), "%s", p.problem.message);
    cr_assert_str_eq(program_text(&p), expected);
    program_close(&p);
}

Test(graph_text, the_example_of_the_manual) {
    static char manual[20000];
    FILE *file = fopen(EDDY_SOURCE_DIR "/docs/graph.md", "rb");
    cr_assert_not_null(file);
    manual[fread(manual, 1, sizeof manual - 1, file)] = 0;
    fclose(file);
    char *first = strstr(manual, "eddy graph 1\n"), *end = strstr(first, "```");
    *end = 0;
    same(first, first);
    program p;
    cr_assert(program_parse(&p, first, strlen(first)));
    cr_assert(verify_graph(&p.g), "%s", p.problem.message);
    program_close(&p);
}

Test(graph_text, every_kind_of_constant) {
    const char *source =
        "eddy graph 1\n"
        "%0 = constant (1.5, -0.0, inf, -inf, nan, 1e-45) : f32 {} [6]\n"
        "%1 = constant (0.1, 5e-324, 1.7976931348623157e+308) : f64 {} [3]\n"
        "%2 = constant (-2147483648, 2147483647) : i32 {} [1, 2]\n"
        "%3 = constant (true, false) : bool {} [2]\n"
        "%4 = constant 7 : i32 {} [100]\n";
    program p, again;
    cr_assert(program_parse(&p, source, strlen(source)), "%s", p.problem.message);
    const char *printed = program_text(&p);
    cr_assert(program_parse(&again, printed, strlen(printed)), "%s", again.problem.message);
    cr_assert_str_eq(program_text(&again), printed);
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(memcmp(p.g.nodes.at[i]->attributes.data, again.g.nodes.at[i]->attributes.data,
                            (size_t)p.g.nodes.at[i]->attributes.bytes),
                     0);
    program_close(&again);
    program_close(&p);
}

Test(graph_text, nothing_is_folded_shared_or_masked) {
    const char *source =
        "eddy graph 1\naxis t\naxis b batch\n"
        "%0 = input \"n\" : i32 {b} []\n"
        "lengths t %0\n"
        "%1 = input \"x\" : f32 {t,b} []\n"
        "%2 = constant 1.0 : f32 {} []\n"
        "%3 = mul %1, %2 : f32 {t,b} []\n"
        "%4 = mul %1, %2 : f32 {t,b} []\n"
        "%5 = total %4 kind=sum over={t,b} outermost=t reverse : f32 {} []\n"
        "output \"y\" %5\n";
    same(source, source);
}

Test(graph_text, open_states_and_forward_references) {
    const char *source =
        "eddy graph 1\naxis t\n"
        "%0 = constant 0.0 : f32 {} []\n"
        "%1 = delay ?, %0 axis=t distance=1 : f32 {t} []\n"
        "%2 = delay %3, %0 axis=t distance=-1 : f32 {t} []\n"
        "%3 = tanh %2 : f32 {t} []\n"
        "%4 = delay %4, %0 axis=t distance=2 : f32 {t} []\n";
    same(source, source);
}

Test(graph_text, free_layout_and_numbers) {
    same(
        "eddy graph 1 # the header\r\n\r\n  axis  t  extent = 3 batch\n\n# nothing\n"
        "%900 = step axis = t : i32 { t } [ ] # counts\n"
        "\t%7=neg%900:i32{t}[]\"minus\"\noutput \"y\"%7",
        "eddy graph 1\naxis t batch extent=3\n%0 = step axis=t : i32 {t} []\n"
        "%1 = neg %0 : i32 {t} []  \"minus\"\noutput \"y\" %1\n");
    same("eddy graph 1", "eddy graph 1\n");
}

/* Parses after the header and expects this message. */
static void refused(const char *rest, const char *message) {
    char source[1000];
    program p;
    snprintf(source, sizeof source, "eddy graph 1\naxis t\n%s", rest);
    cr_assert_not(program_parse(&p, source, strlen(source)), "%s", rest);
    cr_assert_str_eq(p.problem.message, message);
    cr_assert_str_eq(p.problem.where.file, "text");
    program_close(&p);
}

Test(graph_text, messages) {
    refused("%0 = stap axis=t : i32 {t} []", "text:3:6: there is no op named 'stap'");
    refused("%0 = step axis=q : i32 {t} []", "text:3:16: there is no axis named q");
    refused("%0 = step axis=t i32 {t} []", "text:3:18: step has no attribute 'i32'");
    refused("%0 = step axis=t",
            "text:3:17: expected an attribute, or ':' and the type, found the end of the text");
    refused("%0 = step axis=t : i16 {t} []",
            "text:3:20: expected f32, f64, i32 or bool, found 'i16'");
    refused("%0 = step axis=t : f32 {t} []",
            "text:3:6: this step is i32 {t} [], but the text says f32 {t} []");
    refused("%0 = step axis=t : i32 {t} [] 5",
            "text:3:31: expected a name in quotes, or the end of the line, found '5'");
    refused("%0 = step axis=t axis=t : i32 {t} []",
            "text:3:18: the attribute axis stands here twice");
    refused("%0 = step axis=t : i32 {t,t} []", "text:3:27: the axis t stands here twice");
    refused("%0 = neg %1 : f32 {} []",
            "text:3:11: %1 is not defined above; "
            "only the next value of a state may stand further down");
    refused("%0 = step axis=t : i32 {t} []\n%0 = step axis=t : i32 {t} []",
            "text:4:2: %0 is defined in line 3 already");
    refused("%0 = neg : f32 {} []", "text:3:6: neg: takes 1 argument, not 0");
    refused("%0 = constant 0.0 : f32 {} []\n%1 = delay %9, %0 axis=t distance=1 : f32 {t} []",
            "text:4:13: %9 is not defined anywhere");
    refused(
        "%0 = constant 0.0 : f32 {} []\n%1 = delay %2, %0 axis=t distance=1 : f32 {t} []\n"
        "%2 = constant 1 : i32 {} []",
        "text:4:13: bind: the state %1 (made at text:4) is f32 {t} [], "
        "but its next value %2 is i32 {} []; they need one "
        "dtype and shape");
    refused("%0 = neg ? : f32 {} []", "text:3:10: expected '%', found '?'");
    refused("%0 = constant 1.5 : i32 {} []",
            "text:3:15: number 0 of the constant, 1.5, does not fit i32");
    refused("%0 = constant 1e39 : f32 {} []",
            "text:3:15: number 0 of the constant, 9.9999999999999994e+38, does not fit f32");
    refused("%0 = constant (1, 2) : f32 {} [3]",
            "text:3:15: a constant of this shape has 1 number or 3, not 2");
    refused("%0 = input \"x : f32 {} []",
            "text:3:26: expected the string to end with '\"', found the end of the text");
    refused("%0 = input \"\\q\" : f32 {} []",
            "text:3:14: expected one of \\\" \\\\ \\x01 to \\xff, found 'q'");
    refused("%0 = input \"x\" : f32 {} [99999999999999999999]",
            "text:3:26: expected a dimension, found '99999999999999999999'");
    refused("%0 = input \"x\" : f32 {} [1,1,1,1,1,1,1,1,1]",
            "text:3:42: a shape has at most 8 dimensions");
    refused("%0 = input \"x\" : f32 {} []\n%1 = param \"x\" : f32 {} []",
            "text:4:6: param: the name \"x\" belongs to the input made at text:3; "
            "give each input and param a name of its own");
    refused("axis t", "text:3:1: axis: there is an axis named \"t\" already");
    refused("axes u",
            "text:3:1: expected axis, lengths, output, update, remember or a value (%1 = ...), "
            "found 'axes'");
    refused("remember gates", "text:3:1: expected all, states or blocks, found 'gates'");
    refused("\x01",
            "text:3:1: expected axis, lengths, output, update, remember or a value (%1 = ...), "
            "found a byte 0x01");
    program p;
    cr_assert_not(program_parse(&p, "eddy graph 2", 12));
    cr_assert_str_eq(p.problem.message,
                     "text:1:1: expected the first line to be 'eddy graph 1', found 'eddy'");
    program_close(&p);
}

/* Parses exactly these bytes (no zero behind them). A graph that comes out must survive what a user
 * does next. */
static bool survives(const char *bytes, size_t length) {
    char *exact = malloc(length ? length : 1);
    program p, again, copy;
    memcpy(exact, bytes, length);
    bool good = program_parse(&p, exact, length);
    cr_assert_eq(good, p.problem.code == STATUS_OK);
    if (!good)
        cr_assert_eq(strncmp(p.problem.message, "text:", 5), 0, "%s", p.problem.message);
    if (good) {
        const char *printed = program_text(&p);
        cr_assert(program_parse(&again, printed, strlen(printed)), "%s", again.problem.message);
        cr_assert_str_eq(program_text(&again), printed);
        program_init(&copy);
        rewrite_graph(&p.g, &copy.g, NULL, NULL);
        text picture;
        text_init(&picture, &p.memory);
        dot_graph(&p.g, &picture);
        bool legal = verify_graph(&p.g);
        cr_assert_eq(legal, p.problem.code == STATUS_OK);
        program_close(&copy);
        program_close(&again);
    }
    program_close(&p);
    free(exact);
    return good;
}

Test(graph_text, every_truncation_is_an_error_or_a_graph) {
    program p;
    program_init(&p);
    program_sample(&p);
    const char *source = program_text(&p);
    size_t length = strlen(source), good = 0;
    for (size_t i = 0; i <= length; i++)
        good += survives(source, i);
    cr_assert(good > 50 && good < length, "whole lines make graphs, others do not: %zu", good);
    program_close(&p);
}

Test(graph_text, changed_bytes_are_an_error_or_a_graph) {
    static const char bytes[] = {0,   '\n', ' ', '"', '%', '9', '-',       '{',
                                 '}', '[',  ',', '=', ':', 't', (char)0xff};
    program p;
    program_init(&p);
    program_sample(&p);
    size_t length = strlen(program_text(&p)), good = 0;
    char *source = malloc(length);
    memcpy(source, program_text(&p), length);
    for (size_t i = 0; i < length; i++) {
        char before = source[i];
        source[i] = bytes[i * 7 % sizeof bytes];
        good += survives(source, length);
        source[i] = (char)(before ^ (1 << i % 8));
        good += survives(source, length);
        source[i] = before;
    }
    cr_assert(good > 0 && good < 2 * length);
    free(source);
    program_close(&p);
}

Test(graph_text, picture) {
    program p;
    program_init(&p);
    op_node *h = program_sample(&p);
    text out;
    text_init(&out, &p.memory);
    dot_graph(&p.g, &out);
    cr_assert_eq(strncmp(out.at, "digraph eddy {", 14), 0);
    cr_assert_not_null(strstr(out.at, "U \\\"quoted\\\" \\n%3 param"), "names are escaped");
    cr_assert_not_null(strstr(out.at, "subgraph cluster_0 {\n  label=\"t\";"),
                       "the loop is a frame");
    cr_assert_not_null(strstr(
        out.at, arena_print(&p.memory, "v%u -> v%u [dir=back, style=dashed, constraint=false]",
                            h->id, h->arguments[0]->id)));
    cr_assert_not_null(strstr(out.at, "label=\"update\""));
    program_close(&p);
    static const char open[] =
        "eddy graph 1\naxis t\n%0 = constant 0.0 : f32 {} []\n"
        "%1 = delay ?, %0 axis=t distance=1 : f32 {t} []\noutput \"y\" %1\n";
    cr_assert(program_parse(&p, open, strlen(open)));
    text_init(&out, &p.memory);
    dot_graph(&p.g, &out);
    cr_assert_null(strstr(out.at, "cluster"));
    cr_assert_not_null(strstr(out.at, "%1 delay t -1"));
    cr_assert_eq(p.problem.code, STATUS_OK, "a picture makes no mistakes");
    program_close(&p);
}
