/* Reading a printed graph.
 *
 * A line is an axis, its lengths, a node, an output or an update. Nodes come in number order and
 * may name later ones (what a delay reads). One cursor runs over the text; the first mistake is
 * kept and everything after it returns quietly, so the reader of a line need not test each step. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ref/dual_graph.h"

typedef struct reading {
    const char *at;
    int line;
    ref_graph *g;
} reading;

static bool read_fail(reading *r, const char *expected) {
    if (!r->g->message[0])
        snprintf(r->g->message, REF_MESSAGE, "line %d: expected %s at \"%.20s\"", r->line, expected,
                 r->at);
    return false;
}

static bool read_failed(const reading *r) {
    return r->g->message[0] != 0;
}

static void *room(void *old, size_t count, size_t size) {
    void *grown = realloc(old, (count ? count : 1) * size);
    if (!grown)
        abort();
    return grown;
}

static char *copy(const char *text) {
    size_t bytes = strlen(text) + 1;
    return memcpy(room(NULL, bytes, 1), text, bytes);
}

static void skip(reading *r) {
    while (*r->at == ' ')
        r->at++;
}

static bool take(reading *r, char c) {
    skip(r);
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

static void need(reading *r, char c) {
    char expected[] = {'\'', c, '\'', 0};
    if (!take(r, c))
        read_fail(r, expected);
}

static void word(reading *r, char out[REF_WORD]) {
    int count = 0;
    skip(r);
    while ((isalnum((unsigned char)*r->at) || *r->at == '_') && count < REF_WORD - 1)
        out[count++] = *r->at++;
    out[count] = 0;
    if (!count)
        read_fail(r, "a word");
}

static long integer(reading *r) {
    char *end;
    skip(r);
    long value = strtol(r->at, &end, 10);
    if (end == r->at)
        read_fail(r, "an integer");
    r->at = end;
    return value;
}

static double number(reading *r, ref_type type) {
    char *end;
    double value;
    skip(r);
    if (!strncmp(r->at, "true", 4) || !strncmp(r->at, "false", 5)) {
        value = *r->at == 't';
        r->at += *r->at == 't' ? 4 : 5;
        return value;
    }
    value = type == REF_F32 ? (double)strtof(r->at, &end) : strtod(r->at, &end);
    if (end == r->at)
        read_fail(r, "a number");
    r->at = end;
    return value;
}

static char *string(reading *r) {
    char *out = room(NULL, strlen(r->at) + 1, 1);
    size_t count = 0;
    need(r, '"');
    while (!read_failed(r) && *r->at != '"') {
        char c = *r->at++;
        if (!c || c == '\n')
            read_fail(r, "the end of the string");
        if (c == '\\' && *r->at == 'x') {
            char digits[3] = {r->at[1], r->at[1] ? r->at[2] : 0, 0};
            c = (char)strtol(digits, NULL, 16);
            r->at += strlen(digits) + 1;
        } else if (c == '\\') {
            c = *r->at++;
        }
        out[count++] = c;
    }
    out[count] = 0;
    take(r, '"');
    return out;
}

static int axis_name(reading *r) {
    char name[REF_WORD];
    word(r, name);
    for (int a = 0; a < r->g->axis_count; a++)
        if (!strcmp(r->g->axes[a].name, name))
            return a;
    read_fail(r, "the name of an axis");
    return 0;
}

/* {t,b}: the set, and the axes in order of appearance. */
static uint32_t axis_set(reading *r, int *axes, int *count) {
    uint32_t set = 0;
    *count = 0;
    need(r, '{');
    if (take(r, '}'))
        return 0;
    do {
        int axis = axis_name(r);
        if (read_failed(r))
            return 0;
        set |= (uint32_t)1 << axis;
        axes[(*count)++] = axis;
    } while (*count < REF_AXES && take(r, ','));
    need(r, '}');
    return set;
}

static ref_shape shape_of(reading *r) {
    ref_shape shape = {0};
    need(r, '[');
    if (take(r, ']'))
        return shape;
    do {
        skip(r);
        shape.dimension[shape.rank++] =
            isdigit((unsigned char)*r->at) ? integer(r) : -1 - axis_name(r);
    } while (shape.rank < REF_RANK && !read_failed(r) && take(r, ','));
    need(r, ']');
    return shape;
}

static int reference(reading *r) {
    if (take(r, '?'))
        return -1;
    need(r, '%');
    long id = integer(r);
    if (id < 0 || id > 1 << 24)
        read_fail(r, "the number of a node");
    return (int)id;
}

static void kind(reading *r, ref_node *n) {
    static const char *const names[] = {"sum", "max", "lse", "argmax"};
    char name[REF_WORD];
    word(r, name);
    for (int k = 0; k < 4; k++)
        if (!strcmp(names[k], name)) {
            n->kind = k;
            return;
        }
    read_fail(r, "sum, max, lse or argmax");
}

static void permutation(reading *r, ref_node *n) {
    need(r, '(');
    for (int i = 0; i < REF_RANK && !take(r, ')'); i++) {
        n->permutation[i] = (int)integer(r);
        take(r, ',');
    }
}

/* One attribute. What repeats the node's type (shape, domain, dtype) or says in which order to add
 * (outermost, reverse) is read over: the reference has its own order. */
static void attribute(reading *r, ref_node *n) {
    char name[REF_WORD];
    int axes[REF_AXES], count;
    word(r, name);
    if (!strcmp(name, "state") || !strcmp(name, "reverse"))
        return;
    need(r, '=');
    if (read_failed(r))
        return;
    if (!strcmp(name, "spec"))
        n->label = string(r);
    else if (!strcmp(name, "axis"))
        n->axis = axis_name(r);
    else if (!strcmp(name, "distance"))
        n->distance = (int)integer(r);
    else if (!strcmp(name, "dimension"))
        n->dimension = (int)integer(r);
    else if (!strcmp(name, "kind"))
        kind(r, n);
    else if (!strcmp(name, "over"))
        n->over = axis_set(r, axes, &count);
    else if (!strcmp(name, "outermost"))
        axis_name(r);
    else if (!strcmp(name, "xs"))
        n->xs = (int)integer(r);
    else if (!strcmp(name, "low"))
        n->low = integer(r);
    else if (!strcmp(name, "size"))
        n->size = integer(r);
    else if (!strcmp(name, "stream"))
        n->stream = (uint64_t)integer(r);
    else if (!strcmp(name, "shape"))
        shape_of(r);
    else if (!strcmp(name, "domain"))
        axis_set(r, axes, &count);
    else if (!strcmp(name, "dtype"))
        word(r, name);
    else if (!strcmp(name, "permutation"))
        permutation(r, n);
    else
        read_fail(r, "an attribute");
}

static ref_type type_of(reading *r) {
    static const char *const names[] = {"f32", "f64", "i32", "bool"};
    char name[REF_WORD];
    word(r, name);
    for (int t = 0; t < 4; t++)
        if (!strcmp(names[t], name))
            return (ref_type)t;
    read_fail(r, "a dtype");
    return REF_F64;
}

/* The numbers of a constant. Its dtype comes at the end of the line, so they are read twice. */
static void data(reading *r, ref_node *n) {
    size_t count = 0;
    bool many = take(r, '(');
    do {
        n->data = room(n->data, count + 1, sizeof *n->data);
        n->data[count++] = number(r, n->type);
    } while (many && !read_failed(r) && take(r, ','));
    if (many)
        need(r, ')');
    n->data_count = count;
}

static void node(reading *r) {
    static const ref_node empty = {.axis = -1};
    ref_graph *g = r->g;
    char op[REF_WORD];
    long id = integer(r);
    if (id != g->node_count)
        read_fail(r, "nodes in number order");
    g->nodes = room(g->nodes, (size_t)g->node_count + 1, sizeof *g->nodes);
    ref_node *n = &g->nodes[g->node_count++];
    *n = empty;
    need(r, '=');
    word(r, op);
    n->rule = ref_rule_of(op);
    n->scalar = ref_scalar_of(op);
    if (!n->rule)
        read_fail(r, "an op");
    skip(r);
    if (*r->at == '"')
        n->label = string(r);
    skip(r);
    while (!read_failed(r) && (*r->at == '%' || *r->at == '?')) {
        n->arguments = room(n->arguments, (size_t)n->count + 1, sizeof *n->arguments);
        n->arguments[n->count++] = reference(r);
        take(r, ',');
        skip(r);
    }
    const char *numbers = r->at;
    bool constant = !strcmp(op, "constant");
    if (constant)
        data(r, n);
    while (!read_failed(r) && !take(r, ':'))
        attribute(r, n);
    n->type = type_of(r);
    if (constant) {
        reading again = {numbers, r->line, g};
        data(&again, n);
    }
    n->domain = axis_set(r, n->axes, &n->axis_count);
    n->shape = shape_of(r);
    skip(r);
    if (*r->at == '"')
        free(string(r));
}

static void axis(reading *r) {
    ref_graph *g = r->g;
    char name[REF_WORD];
    if (g->axis_count == REF_AXES) {
        read_fail(r, "fewer axes");
        return;
    }
    ref_axis *a = &g->axes[g->axis_count];
    *a = (ref_axis){.extent = -1, .lengths = -1};
    word(r, a->name);
    g->axis_count++;
    skip(r);
    while (isalpha((unsigned char)*r->at) && !read_failed(r)) {
        word(r, name);
        if (!strcmp(name, "extent")) {
            need(r, '=');
            a->extent = integer(r);
        } else if (strcmp(name, "batch")) {
            read_fail(r, "batch or extent");
        }
        skip(r);
    }
}

static void link_to(ref_link **list, int *count, char *name, int id) {
    *list = room(*list, (size_t)*count + 1, sizeof **list);
    (*list)[(*count)++] = (ref_link){name, id};
}

static void line(reading *r) {
    ref_graph *g = r->g;
    char name[REF_WORD];
    skip(r);
    if (*r->at == '\n' || *r->at == '#')
        return;
    if (take(r, '%')) {
        node(r);
        return;
    }
    word(r, name);
    if (!strcmp(name, "axis")) {
        axis(r);
    } else if (!strcmp(name, "lengths")) {
        int a = axis_name(r);
        g->axes[a].lengths = reference(r);
    } else if (!strcmp(name, "output")) {
        char *output = string(r);
        link_to(&g->outputs, &g->output_count, output, reference(r));
    } else if (!strcmp(name, "update")) {
        int variable = reference(r);
        if (variable < 0 || variable >= g->node_count || !g->nodes[variable].label)
            read_fail(r, "a param to update");
        else
            link_to(&g->updates, &g->update_count, copy(g->nodes[variable].label), reference(r));
    } else {
        read_fail(r, "axis, lengths, output, update or a node");
    }
}

static bool whole(const ref_graph *g) {
    bool good = true;
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i].count; k++)
            good = good && g->nodes[i].arguments[k] < g->node_count;
    for (int i = 0; i < g->output_count; i++)
        good = good && g->outputs[i].node >= 0 && g->outputs[i].node < g->node_count;
    for (int i = 0; i < g->update_count; i++)
        good = good && g->updates[i].node >= 0 && g->updates[i].node < g->node_count;
    return good;
}

ref_graph *ref_parse(const char *text, char message[REF_MESSAGE]) {
    static const char header[] = "eddy graph 1\n";
    ref_graph *g = room(NULL, 1, sizeof *g);
    memset(g, 0, sizeof *g);
    reading r = {text, 1, g};
    if (strncmp(text, header, strlen(header)))
        read_fail(&r, "the line \"eddy graph 1\"");
    else
        r.at += strlen(header);
    while (!read_failed(&r) && *r.at) {
        r.line++;
        line(&r);
        skip(&r);
        if (*r.at == '#')
            r.at += strcspn(r.at, "\n");
        if (*r.at == '\n')
            r.at++;
        else if (*r.at)
            read_fail(&r, "the end of the line");
    }
    if (!read_failed(&r) && !whole(g))
        read_fail(&r, "every node that is named");
    if (!read_failed(&r))
        return g;
    snprintf(message, REF_MESSAGE, "%s", g->message);
    ref_free(g);
    return NULL;
}
