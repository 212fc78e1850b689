/* Parsing printed graphs (docs/graph.md).
 *
 * Nodes are rebuilt raw, with exactly the attributes that stand in the text: the functions of
 * ops/make.h would add masks that are printed already, and folding would remove what somebody wants
 * to look at. The one thing that may refer to a later line is the next value of a state, so those
 * are bound at the end. Types are checked against inference, or taken from the text where the op
 * declares its type.
 *
 * The text is not trusted: no recursion, every number has a range, and all memory is proportional
 * to the text. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "graph/graph.h"
#include "graph/language.h"
#include "graph/piece.h"
#include "graph/scan.h"

typedef struct parse_reference {
    scan_place place;
    uint32_t number;
    bool open; /* '?': a state that is not bound */
} parse_reference;

/* One node's line. */
typedef struct parse_line {
    scan_place place; /* of the op */
    uint32_t number;
    op_id op;
    parse_reference arguments[LIMIT_ARGUMENTS];
    int count;
    op_attributes attributes;
    uint32_t given; /* set of language_field */
    scan_place data_place;
    VEC(double) data;
    dtype dtype;
    uint32_t domain;
    op_shape shape;
    const char *name;
} parse_line;

typedef struct parse_binding {
    op_node *state;
    parse_reference next;
} parse_binding;

typedef struct parse {
    scan scan;
    graph *graph;
    intern numbers; /* number in the text -> node */
    VEC(parse_binding) bindings;
} parse;

/* ---- pieces of a line */

static op_node **parse_slot(parse *p, uint32_t number) {
    return (op_node **)intern_slot(&p->numbers, &number, sizeof number);
}

static bool parse_number(parse *p, parse_reference *out) {
    int64_t number;
    *out = (parse_reference){0};
    if (!scan_need(&p->scan, '%'))
        return false;
    out->place = scan_here(&p->scan);
    if (!scan_integer(&p->scan, 0, UINT32_MAX, &number, "the number of a value"))
        return false;
    out->number = (uint32_t)number;
    return true;
}

static op_node *parse_value(parse *p, const parse_reference *reference) {
    op_node *n = *parse_slot(p, reference->number);
    if (!n)
        scan_fail(
            &p->scan, STATUS_FORMAT, reference->place,
            "%%%u is not defined above; only the next value of a state may stand further down",
            reference->number);
    return n;
}

static bool parse_defined(parse *p, op_node **out) {
    parse_reference reference;
    if (!parse_number(p, &reference))
        return false;
    *out = parse_value(p, &reference);
    return *out != NULL;
}

/* 1.5 or (1.5, 2.5) */
static bool parse_data(parse *p, parse_line *line) {
    scan_line_ends(&p->scan);
    line->data_place = scan_here(&p->scan);
    bool list = scan_take(&p->scan, '(');
    if (list && scan_take(&p->scan, ')'))
        return true;
    do {
        double number;
        if (!scan_number(&p->scan, &number))
            return false;
        if (line->data.count == LIMIT_CONSTANTS / sizeof number)
            return scan_fail(&p->scan, STATUS_SIZE, line->data_place,
                             "a constant has at most %zu numbers", LIMIT_CONSTANTS / sizeof number);
        vec_push(p->graph->memory, &line->data, number);
    } while (list && scan_take(&p->scan, ','));
    return !list || scan_need(&p->scan, ')');
}

/* ---- attributes */

static bool parse_int32(parse *p, int32_t low, int32_t *out, const char *what) {
    int64_t value;
    if (!scan_integer(&p->scan, low, INT32_MAX, &value, what))
        return false;
    *out = (int32_t)value;
    return true;
}

static bool parse_field(parse *p, language_field field, op_attributes *a) {
    const char *what = language_field_name(field);
    dtype t;
    int64_t stream;
    switch (field) {
    case LANGUAGE_TEXT:
        return scan_string(&p->scan, &a->text, "a contract's spec in quotes");
    case LANGUAGE_AXIS:
        return piece_axis(&p->scan, p->graph, &a->axis);
    case LANGUAGE_DISTANCE:
        return parse_int32(p, -INT32_MAX, &a->distance, what);
    case LANGUAGE_DIMENSION:
        return parse_int32(p, 0, &a->dimension, what);
    case LANGUAGE_KIND:
        return piece_kind(&p->scan, &a->kind);
    case LANGUAGE_OVER:
        return piece_axes(&p->scan, p->graph, &a->over);
    case LANGUAGE_OUTERMOST:
        return piece_axis(&p->scan, p->graph, &a->outermost);
    case LANGUAGE_XS:
        return parse_int32(p, 0, &a->xs, what);
    case LANGUAGE_LOW:
        return scan_integer(&p->scan, -PIECE_LARGEST, PIECE_LARGEST, &a->low, what);
    case LANGUAGE_SIZE:
        return scan_integer(&p->scan, 0, PIECE_LARGEST, &a->size, what);
    case LANGUAGE_STREAM:
        if (!scan_integer(&p->scan, 0, INT64_MAX, &stream, what))
            return false;
        a->stream = (uint64_t)stream;
        return true;
    case LANGUAGE_SHAPE:
        return piece_shape(&p->scan, p->graph, &a->shape);
    case LANGUAGE_DOMAIN:
        return piece_axes(&p->scan, p->graph, &a->domain);
    case LANGUAGE_DTYPE:
        if (!piece_dtype(&p->scan, &t))
            return false;
        a->dtype = (int32_t)t;
        return true;
    case LANGUAGE_PERMUTATION:
        return piece_permutation(&p->scan, a->permutation);
    case LANGUAGE_DATA:    /* stands before the attributes */
    case LANGUAGE_REVERSE: /* has no value */
    case LANGUAGE_RESUMES: /* only passes make it */
    case LANGUAGE_FIELD_COUNT:
        break;
    }
    assert(false);
    return false;
}

/* One attribute: a word, or name=value. */
static bool parse_attribute(parse *p, parse_line *line) {
    char word[SCAN_WORD + 1];
    scan_place place = scan_here(&p->scan);
    const char *op = op_get(line->op)->name;
    if (!scan_word(&p->scan, word, "an attribute, or ':' and the type"))
        return false;
    language_field field = 0;
    while (field < LANGUAGE_FIELD_COUNT && strcmp(word, language_field_name(field)) != 0)
        field++;
    bool known = field < LANGUAGE_FIELD_COUNT && field != LANGUAGE_DATA &&
                 (language_fields(line->op) >> field & 1);
    if (field == LANGUAGE_TEXT && line->op != OP_CONTRACT)
        known = false;
    if (line->op == OP_CAST) /* its kind is a dtype, which the type says */
        known = false;
    if (!known)
        return scan_fail(&p->scan, STATUS_FORMAT, place, "%s has no attribute '%s'", op, word);
    if (line->given >> field & 1)
        return scan_fail(&p->scan, STATUS_FORMAT, place, "the attribute %s stands here twice",
                         word);
    line->given |= UINT32_C(1) << field;
    if (field == LANGUAGE_REVERSE) {
        line->attributes.reverse = 1;
        return true;
    }
    return scan_need(&p->scan, '=') && parse_field(p, field, &line->attributes);
}

/* ---- a node's line */

static bool parse_arguments(parse *p, parse_line *line) {
    scan_line_ends(&p->scan);
    char c = scan_ends(&p->scan) ? 0 : *p->scan.at;
    bool more = c == '%' || c == '?';
    while (more) {
        if (line->count == LIMIT_ARGUMENTS)
            return scan_fail(&p->scan, STATUS_FORMAT, scan_here(&p->scan),
                             "a value has at most %d arguments", (int)LIMIT_ARGUMENTS);
        parse_reference *argument = &line->arguments[line->count];
        scan_line_ends(&p->scan);
        scan_place place = scan_here(&p->scan);
        bool open = line->op == OP_DELAY && line->count == 0 && scan_take(&p->scan, '?');
        if (!open && !parse_number(p, argument))
            return false;
        if (open)
            *argument = (parse_reference){.place = place, .open = true};
        line->count++;
        more = scan_take(&p->scan, ',');
    }
    return true;
}

/* %7 = op "text" %1, %2 numbers attributes : type "name" */
static bool parse_read(parse *p, parse_line *line) {
    char word[SCAN_WORD + 1];
    parse_reference self;
    scan *s = &p->scan;
    op_attributes_init(&line->attributes);
    if (!parse_number(p, &self) || !scan_need(s, '='))
        return false;
    line->number = self.number;
    const op_node *first = *parse_slot(p, self.number);
    if (first)
        return scan_fail(s, STATUS_FORMAT, self.place, "%%%u is defined in line %d already",
                         self.number, first->where.line);
    scan_line_ends(s);
    line->place = scan_here(s);
    if (!scan_word(s, word, "the name of an op"))
        return false;
    line->op = op_from_name(word);
    if (line->op == OP_COUNT)
        return scan_fail(s, STATUS_FORMAT, line->place, "there is no op named '%s'", word);
    bool named = line->op != OP_CONTRACT && (language_fields(line->op) >> LANGUAGE_TEXT & 1);
    scan_line_ends(s);
    bool quoted = !scan_ends(s) && *s->at == '"';
    if ((quoted || line->op == OP_INPUT || line->op == OP_PARAM) && named &&
        !scan_string(s, &line->attributes.text, "a name in quotes"))
        return false;
    if (!parse_arguments(p, line))
        return false;
    if (line->op == OP_CONSTANT && !parse_data(p, line))
        return false;
    while (!scan_take(s, ':'))
        if (!parse_attribute(p, line))
            return false;
    if (!piece_dtype(&p->scan, &line->dtype) || !piece_axes(&p->scan, p->graph, &line->domain) ||
        !piece_shape(&p->scan, p->graph, &line->shape))
        return false;
    return scan_line_ends(s) ||
           scan_string(s, &line->name, "a name in quotes, or the end of the line");
}

/* The numbers as elements of the type; interned. */
static bool parse_pack(parse *p, parse_line *line) {
    size_t size = dtype_size(line->dtype), count = line->data.count;
    arena *memory = p->graph->memory;
    unsigned char *bytes = arena_take_array(memory, count, size);
    int64_t elements = op_shape_elements(&line->shape);
    if (count != 1 && (int64_t)count != elements)
        return scan_fail(&p->scan, STATUS_FORMAT, line->data_place,
                         "a constant of this shape has 1 number or %lld, not %zu",
                         (long long)elements, count);
    for (size_t i = 0; i < count; i++) {
        double number = line->data.at[i];
        unsigned char *at = bytes + i * size;
        float f32;
        int32_t i32;
        bool fits = true;
        switch (line->dtype) {
        case DTYPE_F32:
            fits = isnan(number) || isinf(number) || fabs(number) <= 3.4028234663852886e38;
            f32 = fits ? (float)number : 0;
            memcpy(at, &f32, sizeof f32);
            break;
        case DTYPE_F64:
            memcpy(at, &number, sizeof number);
            break;
        case DTYPE_I32:
            fits = number >= INT32_MIN && number <= INT32_MAX && number == floor(number);
            i32 = fits ? (int32_t)number : 0;
            memcpy(at, &i32, sizeof i32);
            break;
        case DTYPE_BOOL:
        case DTYPE_COUNT:
            fits = number == 0 || number == 1;
            *at = number == 1;
            break;
        }
        if (!fits)
            return scan_fail(&p->scan, STATUS_FORMAT, line->data_place,
                             "number %zu of the constant, %.17g, does not fit %s", i, number,
                             dtype_name(line->dtype));
    }
    line->attributes.data = intern_bytes(&p->graph->names, bytes, count * size);
    line->attributes.bytes = (int64_t)(count * size);
    return true;
}

/* Puts line and column before a mistake that a function of the graph has recorded without a place.
 */
static bool parse_relay(parse *p, scan_place place) {
    error mistake = *p->graph->problem;
    error_clear(p->graph->problem);
    return scan_fail(&p->scan, mistake.code, place, "%s", mistake.message);
}

static bool parse_check_type(parse *p, const parse_line *line, const op_node *n) {
    if (n->dtype == line->dtype && n->domain == line->domain &&
        op_shape_equal(&n->shape, &line->shape))
        return true;
    op_node declared = *n;
    declared.dtype = (uint8_t)line->dtype;
    declared.domain = line->domain;
    declared.shape = line->shape;
    op_builder *b = &p->graph->builder;
    return scan_fail(&p->scan, STATUS_FORMAT, line->place, "this %s is %s, but the text says %s",
                     op_get(line->op)->name, op_describe(b, n), op_describe(b, &declared));
}

/* Argument i of the line as a node. NULL in *out where a state's next value stands further down or
 * is open. */
static bool parse_argument(parse *p, const parse_line *line, int i, op_node **out) {
    const parse_reference *argument = &line->arguments[i];
    bool later = line->op == OP_DELAY && i == 0;
    *out = argument->open ? NULL
           : later        ? *parse_slot(p, argument->number)
                          : parse_value(p, argument);
    return *out || later;
}

static bool parse_build(parse *p, parse_line *line) {
    graph *g = p->graph;
    op_node *arguments[LIMIT_ARGUMENTS];
    language_from_type(line->op, language_implied(line->op) & ~line->given, line->dtype,
                       line->domain, &line->shape, &line->attributes);
    if (line->op == OP_CONSTANT && !parse_pack(p, line))
        return false;
    if (line->op == OP_DELAY && line->attributes.domain == 0)
        return scan_fail(&p->scan, STATUS_FORMAT, line->place,
                         "a delay varies over its axis, but this domain is {}");
    for (int i = 0; i < line->count; i++)
        if (!parse_argument(p, line, i, &arguments[i]))
            return false;
    op_node *n = graph_make_raw(g, line->op, arguments, line->count, &line->attributes);
    if (!n)
        return parse_relay(p, line->place);
    n->where = (site){p->scan.file, line->place.line};
    if (!parse_check_type(p, line, n))
        return false;
    if (line->name && !graph_name(g, n, line->name))
        return parse_relay(p, line->place);
    if (line->attributes.stream > g->streams)
        g->streams = line->attributes.stream;
    *parse_slot(p, line->number) = n;
    bool bind = n->op == OP_DELAY && !n->arguments[0] && !line->arguments[0].open;
    if (bind)
        vec_push(g->memory, &p->bindings, (parse_binding){n, line->arguments[0]});
    return true;
}

static bool parse_node(parse *p) {
    parse_line line;
    memset(&line, 0, sizeof line);
    return parse_read(p, &line) && parse_build(p, &line);
}

/* ---- other lines */

static bool parse_axis_line(parse *p, scan_place place) {
    char name[SCAN_WORD + 1], word[SCAN_WORD + 1];
    bool batch = false;
    int64_t extent = -1;
    if (!scan_word(&p->scan, name, "the name of an axis"))
        return false;
    while (!scan_line_ends(&p->scan)) {
        scan_place here = scan_here(&p->scan);
        if (!scan_word(&p->scan, word, "batch or extent="))
            return false;
        if (strcmp(word, "batch") == 0)
            batch = true;
        else if (strcmp(word, "extent") != 0)
            return scan_fail(&p->scan, STATUS_FORMAT, here, "expected batch or extent=, found '%s'",
                             word);
        else if (!scan_need(&p->scan, '=') ||
                 !scan_integer(&p->scan, 0, INT32_MAX, &extent, "an extent"))
            return false;
    }
    return graph_axis_add(p->graph, name, batch, extent) >= 0 || parse_relay(p, place);
}

static bool parse_lengths_line(parse *p, scan_place place) {
    int32_t axis;
    op_node *lengths;
    if (!piece_axis(&p->scan, p->graph, &axis) || !parse_defined(p, &lengths))
        return false;
    return graph_axis_lengths(p->graph, axis, lengths) || parse_relay(p, place);
}

static bool parse_output_line(parse *p, scan_place place) {
    const char *name;
    op_node *n;
    if (!scan_string(&p->scan, &name, "the output's name in quotes") || !parse_defined(p, &n))
        return false;
    graph_output_add(p->graph, name, n);
    return p->graph->problem->code == STATUS_OK || parse_relay(p, place);
}

static bool parse_update_line(parse *p, scan_place place) {
    op_node *variable, *n;
    if (!parse_defined(p, &variable) || !parse_defined(p, &n))
        return false;
    graph_update_add(p->graph, variable, n);
    return p->graph->problem->code == STATUS_OK || parse_relay(p, place);
}

static bool parse_remember_line(parse *p, scan_place place) {
    char word[SCAN_WORD + 1];
    return scan_word(&p->scan, word, "all, states or blocks") &&
           (graph_remember_from_name(word, &p->graph->remember) ||
            scan_fail(&p->scan, STATUS_FORMAT, place, "expected all, states or blocks, found '%s'",
                      word));
}

static bool parse_statement(parse *p) {
    char word[SCAN_WORD + 1];
    scan *s = &p->scan;
    if (scan_line_ends(s))
        return true;
    scan_place place = scan_here(s);
    if (*s->at == '%')
        return parse_node(p);
    if (!scan_word(s, word, "axis, lengths, output, update, remember or a value (%1 = ...)"))
        return false;
    if (strcmp(word, "axis") == 0)
        return parse_axis_line(p, place);
    if (strcmp(word, "lengths") == 0)
        return parse_lengths_line(p, place);
    if (strcmp(word, "output") == 0)
        return parse_output_line(p, place);
    if (strcmp(word, "update") == 0)
        return parse_update_line(p, place);
    if (strcmp(word, "remember") == 0)
        return parse_remember_line(p, place);
    return scan_fail(
        s, STATUS_FORMAT, place,
        "expected axis, lengths, output, update, remember or a value (%%1 = ...), found '%s'",
        word);
}

static bool parse_header(parse *p) {
    scan *s = &p->scan;
    size_t length = strlen(LANGUAGE_HEADER);
    if ((size_t)(s->end - s->at) < length || memcmp(s->at, LANGUAGE_HEADER, length) != 0)
        return scan_expected(s, "the first line to be '" LANGUAGE_HEADER "'");
    s->at += length;
    return scan_next_line(s);
}

static bool parse_bind(parse *p) {
    for (size_t i = 0; i < p->bindings.count; i++) {
        const parse_binding *binding = &p->bindings.at[i];
        op_node *next = *parse_slot(p, binding->next.number);
        if (!next)
            return scan_fail(&p->scan, STATUS_FORMAT, binding->next.place,
                             "%%%u is not defined anywhere", binding->next.number);
        if (!graph_bind(p->graph, binding->state, next))
            return parse_relay(p, binding->next.place);
    }
    return true;
}

bool parse_graph(graph *g, const char *source, size_t length, const char *file) {
    if (g->problem->code != STATUS_OK)
        return false;
    parse p = {.graph = g};
    site where = g->builder.where;
    g->builder.where = (site){0}; /* places are put before messages here, with columns */
    intern_init(&p.numbers, g->memory);
    scan_init(&p.scan, source, length, intern_text(&g->names, file), g->memory, g->problem);
    bool good = parse_header(&p);
    while (good && !scan_ends(&p.scan))
        good = parse_statement(&p) && scan_next_line(&p.scan);
    good = good && parse_bind(&p);
    g->builder.where = where;
    return good;
}
