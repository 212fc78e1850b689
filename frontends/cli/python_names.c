/* Names: a user's may be any, those of Python are words that nothing else means. */
#include <stdio.h>
#include <string.h>

#include "frontends/cli/python.h"

/* Words of the language, what the programs themselves use, and what a module of PyTorch has. */
static const char *const names_reserved[] = {
    "False",  "None",    "True",   "and",      "as",         "assert",  "async",    "await",
    "break",  "class",   "cls",    "continue", "def",        "del",     "elif",     "else",
    "except", "finally", "for",    "from",     "global",     "if",      "import",   "in",
    "is",     "lambda",  "not",    "nonlocal", "or",         "pass",    "raise",    "return",
    "try",    "while",   "with",   "yield",    "self",       "torch",   "nn",       "functional",
    "jax",    "jnp",     "params", "range",    "reversed",   "zip",     "carry",    "begin",
    "now",    "rows",    "pick",   "step_at",  "apply",      "buffers", "children", "compile",
    "cpu",    "cuda",    "double", "eval",     "float",      "forward", "half",     "ipu",
    "load",   "modules", "mtia",   "names",    "parameters", "to",      "train",    "training",
    "type",   "xpu"};

static bool names_has(const char *const *list, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

/* Of a name beyond ASCII, which is Greek, all bytes are letters. */
static bool names_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80);
}

static bool names_digit(char c) {
    return c >= '0' && c <= '9';
}

bool python_is_name(const char *words) {
    for (const char *at = words; *at; at++)
        if (!names_letter(*at) && *at != '_' && (at == words || !names_digit(*at)))
            return false;
    return *words;
}

const char *python_unique(python_writer *p, python_names *list, const char *words) {
    const size_t reserved = sizeof names_reserved / sizeof *names_reserved;
    char *base = arena_print(p->memory, "%s%s", names_letter(*words) ? "" : "v", words);
    for (char *at = base; *at; at++)
        if (!names_letter(*at) && !names_digit(*at))
            *at = '_';
    const char *name = base;
    for (int i = 2;
         names_has(list->at, list->count, name) || names_has(names_reserved, reserved, name); i++)
        name = arena_print(p->memory, "%s_%d", base, i);
    vec_push(p->memory, list, name);
    return name;
}

const char *python_called(python_writer *p, const op_node *n) {
    return n->name ? n->name : arena_print(p->memory, "v%u", n->id);
}

const char *python_attribute(python_writer *p, const op_node *n) {
    for (size_t i = 0; i < p->weights.count; i++)
        if (p->weights.at[i].node == n)
            return p->weights.at[i].name;
    const char *name = python_unique(p, &p->attributes, n->attributes.text);
    vec_push(p->memory, &p->weights, (python_weight){n, name});
    return name;
}
