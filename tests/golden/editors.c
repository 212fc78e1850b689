/* What editors know of the cell language: docs/editors/vim/syntax/eddy.vim, and a TextMate grammar,
 * docs/editors/eddy.tmLanguage.json. Both are written from the language's own tables, so a keyword
 * or a function that is new cannot be missing there; with EDDY_UPDATE=1 the test writes the files
 * instead of comparing them (./run docs). */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/lang/lower.h"
#include "tests/support/page.h"

static jmp_buf escape;
static arena memory;

/* ---- words of the language, joined */

typedef const char *words(int i);

/* Keywords stand from `cell` to `mod`; those that join values are operators. */
static const char *keyword(int i) {
    return TOKEN_CELL + i < TOKEN_AND ? token_words((token_kind)(TOKEN_CELL + i)) : NULL;
}

static const char *operator_word(int i) {
    return TOKEN_AND + i <= TOKEN_MOD ? token_words((token_kind)(TOKEN_AND + i)) : NULL;
}

static const char *defined(int i) {
    static const char *const names[] = {"t", "train", "pi"};
    return i < 3 ? names[i] : NULL;
}

static const char *joined(words *of, const char *between) {
    text out;
    text_init(&out, &memory);
    for (int i = 0; of(i); i++) {
        const char *word = of(i);
        size_t length = strlen(word), quoted = word[0] == '`';
        text_add(&out, "%s%.*s", i ? between : "", (int)(length - 2 * quoted), word + quoted);
    }
    cr_assert_gt(out.count, 0);
    return out.at;
}

/* ---- Vim */

static void add_vim(text *out, const char *group, words *of, const char *like) {
    text_add(out, "syntax keyword %s %s\nhighlight default link %s %s\n", group, joined(of, " "),
             group, like);
}

static void vim(text *out) {
    text_add(out,
             "\" Vim syntax file of Eddy's cell language.\n"
             "\" Written by the test golden_editors from the language's tables.\n"
             "if exists('b:current_syntax')\n"
             "  finish\n"
             "endif\n\n");
    add_vim(out, "eddyKeyword", keyword, "Statement");
    add_vim(out, "eddyOperator", operator_word, "Operator");
    add_vim(out, "eddyType", parser_type_name, "Type");
    add_vim(out, "eddyStart", lower_start_name, "Constant");
    add_vim(out, "eddyDefined", defined, "Identifier");
    text_add(out,
             "\n\" A function only before its bracket: a state may be called last.\n"
             "syntax match eddyFunction '\\<\\%%(%s\\)\\ze\\s*('\n"
             "highlight default link eddyFunction Function\n"
             "syntax match eddyCellName '\\%%(\\<cell\\s\\+\\)\\@<=\\k\\+'\n"
             "highlight default link eddyCellName Title\n"
             "syntax match eddyNext \"\\k\\@1<='\"\n"
             "highlight default link eddyNext Special\n"
             "syntax match eddyNumber "
             "'\\<\\d\\+\\%%(\\.\\d\\+\\)\\?\\%%([eE][-+]\\?\\d\\+\\)\\?\\>'\n"
             "highlight default link eddyNumber Number\n"
             "syntax region eddyText start='\"' end='\"' oneline\n"
             "highlight default link eddyText String\n"
             "syntax match eddyComment '#.*$' contains=@Spell\n"
             "highlight default link eddyComment Comment\n\n"
             "let b:current_syntax = 'eddy'\n",
             joined(lower_function_name, "\\|"));
}

/* ---- TextMate, which other editors read as well */

static void add_rule(json_t *rules, const char *called, const char *match) {
    json_array_append_new(rules, json_pack("{s:s, s:s}", "name", called, "match", match));
}

static void add_words(json_t *rules, const char *called, words *of, const char *behind) {
    add_rule(rules, called, arena_print(&memory, "\\b(?:%s)\\b%s", joined(of, "|"), behind));
}

static void textmate(text *out) {
    json_t *rules = json_array();
    add_rule(rules, "comment.line.number-sign.eddy", "#.*$");
    add_rule(rules, "string.quoted.double.eddy", "\"[^\"\\n]*\"");
    json_array_append_new(rules, json_pack("{s:s, s:{s:{s:s}, s:{s:s}}}", "match",
                                           "\\b(cell)\\s+([^\\s(]+)", "captures", "1", "name",
                                           "keyword.other.eddy", "2", "name",
                                           "entity.name.function.eddy"));
    add_words(rules, "keyword.other.eddy", keyword, "");
    add_words(rules, "keyword.operator.word.eddy", operator_word, "");
    add_words(rules, "support.function.eddy", lower_function_name, "(?=\\s*\\()");
    add_words(rules, "storage.type.eddy", parser_type_name, "");
    add_words(rules, "support.constant.eddy", lower_start_name, "");
    add_words(rules, "variable.language.eddy", defined, "");
    add_rule(rules, "constant.numeric.eddy", "\\b\\d+(?:\\.\\d+)?(?:[eE][-+]?\\d+)?\\b");
    add_rule(rules, "keyword.operator.eddy", "->|:=|==|!=|<=|>=|\\.\\.|['=<>+\\-*/@^]");
    json_t *grammar = json_pack("{s:s, s:s, s:[s], s:o}", "name", "Eddy", "scopeName",
                                "source.eddy", "fileTypes", "eddy", "patterns", rules);
    char *written = json_dumps(grammar, JSON_INDENT(2));
    cr_assert(written);
    text_add(out, "%s\n", written);
    free(written);
    json_decref(grammar);
}

static void check_file(const char *name, void (*write)(text *)) {
    char path[512];
    text out;
    text_init(&out, &memory);
    write(&out);
    snprintf(path, sizeof path, "%s/docs/editors/%s", EDDY_SOURCE_DIR, name);
    const char *wrong = page_check(path, &out, &memory);
    cr_assert_null(wrong, "%s %s", path, wrong);
}

Test(golden_editors, files_have_the_words_of_the_language) {
    arena_init(&memory, allocator_default(), &escape);
    cr_assert_eq(setjmp(escape), 0, "out of memory");
    check_file("vim/syntax/eddy.vim", vim);
    check_file("eddy.tmLanguage.json", textmate);
    arena_free(&memory);
}
