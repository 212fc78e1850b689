/* What the reader of a wrong cell is told, word for word, and what docs/language.md promises.
 *
 * language_mistakes.txt holds texts and reports, one after the other: a line "==== what is wrong",
 * a text, a line "----", its report. EDDY_UPDATE=1 writes the reports anew. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/eddy.h"

static const char *const golden = EDDY_SOURCE_DIR "/tests/golden/language_mistakes.txt";
static const char *const page = EDDY_SOURCE_DIR "/docs/language.md";

static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s is missing", path);
    fseek(file, 0, SEEK_END);
    long bytes = ftell(file);
    rewind(file);
    char *out = calloc((size_t)bytes + 1, 1);
    cr_assert_eq(fread(out, 1, (size_t)bytes, file), (size_t)bytes);
    fclose(file);
    return out;
}

static eddy_cells *read_cells(const char *name, const char *text, size_t bytes) {
    eddy_cells *cells = NULL;
    eddy_status code = eddy_cells_read(NULL, name, text, bytes, &cells);
    cr_assert(cells);
    cr_assert_eq(code == EDDY_OK, eddy_cells_report(cells)[0] == 0);
    return cells;
}

Test(language_mistakes, word_for_word) {
    char *all = read_file(golden), *at = all;
    const char *update = getenv("EDDY_UPDATE");
    bool write = update && update[0] == '1';
    FILE *out = write ? fopen(golden, "wb") : NULL;
    int cases = 0;
    while (strncmp(at, "==== ", 5) == 0) {
        char *text = strchr(at, '\n') + 1, *report = strstr(text, "----\n");
        cr_assert(report, "a text without a report: %.60s", at);
        char *next = strstr(report, "\n==== ");
        char *end = next ? next + 1 : report + strlen(report);
        eddy_cells *cells = read_cells("cell.eddy", text, (size_t)(report - text));
        const char *found = eddy_cells_report(cells);
        cr_expect(found[0], "no mistake was found: %.*s", (int)(text - at), at);
        if (write) {
            fprintf(out, "%.*s----\n%s", (int)(report - at), at, found);
        } else {
            size_t bytes = (size_t)(end - report) - 5;
            cr_expect(bytes == strlen(found) && memcmp(report + 5, found, bytes) == 0,
                      "%.*sexpected:\n%.*s\nfound:\n%s", (int)(text - at), at, (int)bytes,
                      report + 5, found);
        }
        eddy_cells_free(cells);
        at = end;
        cases++;
    }
    cr_assert_eq(*at, 0, "not a case: %.60s", at);
    cr_assert_geq(cases, 120);
    if (out)
        fclose(out);
    free(all);
}

/* The example of every code makes that mistake, and has a place for its caret. */
Test(language_mistakes, each_code_has_an_example) {
    eddy_code code;
    for (int i = 0; eddy_cells_code(i, &code); i++) {
        eddy_cells *cells = read_cells("example", code.example, strlen(code.example));
        eddy_mistake one;
        bool found = false;
        for (int k = 0; eddy_cells_mistake(cells, k, &one); k++) {
            found |= strcmp(one.code, code.code) == 0;
            cr_expect(one.line > 0 && one.column > 0 && one.columns > 0);
            cr_expect(strstr(eddy_cells_report(cells), one.text));
        }
        cr_expect(found, "%s: the example has another mistake:\n%s", code.code,
                  eddy_cells_report(cells));
        cr_expect(strlen(code.about) > 20 && strlen(code.title) > 10);
        for (int k = 0; k < i; k++) {
            eddy_code other;
            eddy_cells_code(k, &other);
            cr_expect_str_neq(other.code, code.code);
        }
        eddy_cells_free(cells);
    }
}

/* The examples of the page, in their order, are one file without a mistake; the mistake that it
 * shows is what is reported. */
Test(language_mistakes, the_page_is_true) {
    char *text = read_file(page);
    char *cells_text = calloc(strlen(text) + 1, 1);
    size_t used = 0;
    int blocks = 0;
    for (char *at = strstr(text, "```eddy\n"); at; at = strstr(at, "```eddy\n")) {
        at += 8;
        size_t bytes = (size_t)(strstr(at, "```") - at);
        memcpy(cells_text + used, at, bytes);
        used += bytes;
        blocks++;
    }
    cr_assert_eq(blocks, 4);
    eddy_cells *cells = read_cells("docs/language.md", cells_text, used);
    cr_expect_str_eq(eddy_cells_report(cells), "");
    eddy_cells_free(cells);
    static const char shown[] =
        "cell plain(x[D]) -> h {\n    state h[H]\n    param U[H, H]\n"
        "    h' = tanh(U@h + x)\n}\n";
    cells = read_cells("mine.eddy", shown, strlen(shown));
    cr_expect(eddy_cells_report(cells)[0]);
    cr_expect(strstr(text, eddy_cells_report(cells)), "the page does not show:\n%s",
              eddy_cells_report(cells));
    eddy_cells_free(cells);
    free(cells_text);
    free(text);
}
