/* Cells read back: as text that reads as the same cell, and as TeX. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/eddy.h"
#include "frontends/lang/readback.h"

static jmp_buf escape;

static eddy_cells *read_text(const char *from) {
    eddy_cells *c = NULL;
    eddy_cells_read(NULL, "cells", from, strlen(from), &c);
    cr_assert_str_eq(eddy_cells_report(c), "", "%s\n%s", eddy_cells_report(c), from);
    return c;
}

/* What a cell means: its graph, every dimension with a size of its own. */
static char *graph_of(const eddy_cells *cells, int number) {
    eddy_cell_about about;
    eddy_cell_part part;
    eddy_argument list[40] = {{0}};
    int count = 0;
    double size = 4;
    cr_assert(eddy_cells_at(cells, number, &about));
    list[count++] = (eddy_argument){"train", NULL, 1};
    for (int i = 0; eddy_cells_part(cells, number, i, &part); i++)
        if (part.role == EDDY_CELL_DIMENSION) {
            list[count++] = (eddy_argument){part.name, NULL, size};
            size += 4;
        }
    eddy_model *m = eddy_model_new(NULL);
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    (eddy_use_alone)(m, cells, about.name, t, b, list, (eddy_site){__FILE__, 1});
    cr_assert_eq(eddy_model_status(m), EDDY_OK, "%s: %s", about.name, eddy_model_message(m));
    char *out = strdup(eddy_model_text(m));
    eddy_model_free(m);
    return out;
}

static void check_cell(const eddy_cells *cells, int number, arena *memory) {
    text once, again, tex;
    text_init(&once, memory);
    text_init(&again, memory);
    text_init(&tex, memory);
    const syntax_cell *cell = language_cell(cells, number);
    readback_plain(cell, &once);
    eddy_cells *copy = read_text(once.at);
    char *expected = graph_of(cells, number), *found = graph_of(copy, 0);
    cr_expect_str_eq(found, expected, "%s: another graph:\n%s", cell->name, once.at);
    readback_plain(language_cell(copy, 0), &again);
    cr_expect_str_eq(again.at, once.at);
    readback_tex(cell, &tex);
    int open = 0;
    for (const char *c = tex.at; *c; c++) {
        open += (*c == '{') - (*c == '}');
        cr_assert_geq(open, 0, "%s: braces:\n%s", cell->name, tex.at);
    }
    cr_expect_eq(open, 0, "%s: braces:\n%s", cell->name, tex.at);
    free(expected);
    free(found);
    eddy_cells_free(copy);
}

Test(readback, every_cell_of_the_library_means_the_same) {
    eddy_cells *library;
    eddy_cell_about about;
    arena memory;
    arena_init(&memory, allocator_default(), &escape);
    cr_assert_eq(setjmp(escape), 0);
    cr_assert_eq(eddy_cells_library(NULL, &library), EDDY_OK);
    int count = 0;
    for (; eddy_cells_at(library, count, &about); count++)
        check_cell(library, count, &memory);
    cr_expect_geq(count, 66);
    eddy_cells_free(library);
    arena_free(&memory);
}

/* Every form of the grammar, and brackets that are needed. */
static const char forms[] =
    "cell forms(x[D], m[M] over s, z[N] : complex, k : int, dt = 0.5, p[D] = 3, Q : size) -> h {\n"
    "    param W{i, f}[D, D] = uniform(-1, 1e-3), b{i, f}[D]\n"
    "    fixed e[D] = 2\n"
    "    state h[D] = e, g[D]\n"
    "    i, f = sigmoid(W@x + b)\n"
    "    a = x - (h - (g - p))\n"
    "    c = -(a*x) + (-a)*x + (-a)^2 + 2^(-1) + (a + x)*(a - x)\n"
    "    d = (x/a)/(a/x)*(Wi@(Wf@x)) + (Wi*Wf)@x + Wi^T@x\n"
    "    w = where(not (dt > 1 and dt < 2 or dt == 3), x mod 2, -x)\n"
    "    r = concat(x[0:2], x[2:], [1, dt])[0:D]\n"
    "    n = sum(m, s)[0] + re(z*z)[0] + real(k)\n"
    "    for l in 1..3, u = a, v = x {\n"
    "        param V[D, D]\n"
    "        u' = tanh(V@u) + v\n"
    "        v' = u'*2\n"
    "    }\n"
    "    (q, unused) = lstm(x, H = D, h = x)\n"
    "    y = lstm(x, H = D, h := u)\n"
    "    g' = a + c + d + w + r + n + y + q + unused\n"
    "    h' = i*h[t-3] + f*x[t-1 else p] + v\n"
    "}\n";

Test(readback, forms_of_the_grammar) {
    arena memory;
    arena_init(&memory, allocator_default(), &escape);
    cr_assert_eq(setjmp(escape), 0);
    eddy_cells *cells = read_text(forms);
    check_cell(cells, 0, &memory);
    eddy_cells_free(cells);
    arena_free(&memory);
}

/* reads(text, as): what is read back of the last cell. */
static void reads(const char *from, const char *plain, const char *tex) {
    arena memory;
    text found;
    arena_init(&memory, allocator_default(), &escape);
    cr_assert_eq(setjmp(escape), 0);
    eddy_cells *cells = read_text(from);
    text_init(&found, &memory);
    readback_plain(language_cell(cells, 0), &found);
    cr_expect_str_eq(found.at, plain);
    text_init(&found, &memory);
    readback_tex(language_cell(cells, 0), &found);
    cr_expect_str_eq(found.at, tex);
    eddy_cells_free(cells);
    arena_free(&memory);
}

Test(readback, gates_have_lines_and_weights_of_their_own) {
    reads(
        "cell mgu(x[D]) -> h {\n"
        "  state h[H]\n"
        "  param W{f, n}[H, D], U{f, n}[H, H] = orthogonal, b0, b1 [H] = 1e-3\n"
        "  f = (sigmoid(((W@x)) + U@h + b0))\n"
        "  n = tanh(W@x + U@(f*h) + b1*2)\n"
        "  h' = (1 - f)*h + (f*n)\n"
        "}\n",
        "cell mgu(x[D]) -> h {\n"
        "    state h[H]\n"
        "    param W{f, n}[H, D], U{f, n}[H, H] = orthogonal, b0, b1[H] = 1e-3\n"
        "    f = sigmoid(Wf@x + Uf@h + b0)\n"
        "    n = tanh(Wn@x + Un@(f*h) + b1*2)\n"
        "    h' = (1 - f)*h + f*n\n"
        "}\n",
        "\\begin{aligned}\n"
        "f_{t} &= \\sigma\\left(W_{f}\\, x_{t} + U_{f}\\, h_{t-1} + b_{0}\\right) \\\\\n"
        "n_{t} &= \\tanh\\left(W_{n}\\, x_{t} + U_{n}\\, \\left(f_{t} \\odot h_{t-1}\\right) + "
        "b_{1} \\cdot 2\\right) \\\\\n"
        "h_{t} &= \\left(1 - f_{t}\\right) \\odot h_{t-1} + f_{t} \\odot n_{t}\n"
        "\\end{aligned}\n");
}

Test(readback, times_loops_and_fractions) {
    reads(
        "cell deep(x[D], dt = 0.1) -> h {\n"
        "    state h[D] = 1e-3\n"
        "    param alpha, w[D]\n"
        "    scale = exp(-alpha)/2\n"
        "    for l in 1..4, s = h {\n"
        "        s' = s + dt*tanh(w*s + x[t-2])\n"
        "    }\n"
        "    h' = where(t mod 2 == 0, scale*s, abs(s)^2)\n"
        "}\n",
        "cell deep(x[D], dt = 0.1) -> h {\n"
        "    state h[D] = 1e-3\n"
        "    param alpha, w[D]\n"
        "    scale = exp(-alpha)/2\n"
        "    for l in 1..4, s = h {\n"
        "        s' = s + dt*tanh(w*s + x[t - 2])\n"
        "    }\n"
        "    h' = where(t mod 2 == 0, scale*s, abs(s)^2)\n"
        "}\n",
        "\\begin{aligned}\n"
        "h_{0} &= 10^{-3} \\\\\n"
        "\\mathrm{scale} &= \\frac{\\exp\\left(-\\alpha\\right)}{2} \\\\\n"
        "&\\text{for } l = 1, \\ldots, 4, \\ s_{t}^{(0)} = h_{t-1}: \\\\\n"
        "s_{t}^{(l)} &= s_{t}^{(l-1)} + \\mathrm{dt}\\, \\tanh\\left(w \\odot "
        "s_{t}^{(l-1)} + x_{t-2}\\right) \\\\\n"
        "h_{t} &= \\begin{cases}\\mathrm{scale} \\odot s_{t}^{(4)} & t \\bmod 2 = 0 \\\\ "
        "\\left|s_{t}^{(4)}\\right|^{2} & \\text{otherwise}\\end{cases}\n"
        "\\end{aligned}\n");
}
