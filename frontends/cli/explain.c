/* `eddy explain CODE`: what a kind of mistake is about, with a text that holds it, and what is said
 * of that text. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "frontends/cli/options.h"

static void explain_indented(const char *words) {
    while (*words) {
        size_t length = strcspn(words, "\n");
        printf(length ? "    %.*s\n" : "\n", (int)length, words);
        words += length + (words[length] == '\n');
    }
}

static void explain_code(const eddy_code *code) {
    eddy_cells *cells = NULL;
    printf("%s: %s\n\n%s\n\nFor example, this text:\n\n", code->code, code->title, code->about);
    explain_indented(code->example);
    eddy_cells_read(NULL, "example.eddy", code->example, strlen(code->example), &cells);
    printf("\nof which is said:\n\n");
    explain_indented(eddy_cells_report(cells));
    eddy_cells_free(cells);
}

/* "e301" is as good as "E0301". */
static bool explain_same(const char *code, const char *given) {
    if (toupper((unsigned char)given[0]) == 'E')
        given++;
    while (*given == '0')
        given++;
    code += strspn(code, "E0");
    return strcmp(code, given) == 0;
}

int explain_run(arena *memory, const options *o) {
    eddy_code code;
    (void)memory;
    for (int i = 0; eddy_cells_code(i, &code); i++) {
        if (!o->operand_count)
            printf("%s  %s\n", code.code, code.title);
        else if (explain_same(code.code, o->operands[0]))
            return explain_code(&code), CLI_DONE;
    }
    if (!o->operand_count)
        return CLI_DONE;
    cli_fail(CLI_USAGE, "there is no code '%s'; 'eddy explain' lists all", o->operands[0]);
}
