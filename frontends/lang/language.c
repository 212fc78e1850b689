/* Behind eddy_language.h: texts that were read, and cells that are used.
 *
 * All that is made of a text lives in one arena with it. A check builds every cell in a model of
 * its own that is thrown away (lower.c says why that is a check for all sizes); a use builds it in
 * the user's model. Of a line that cannot be read, what it might define is unknown: names that
 * stand in it are not reported as missing elsewhere. */
#include <stdlib.h>
#include <string.h>

#include "frontends/lang/lower.h"

#include "frontends/lang/library.h"
#include "frontends/lang/readback.h"

struct eddy_cells {
    allocator memory_source;
    arena memory;
    jmp_buf escape;
    source text;
    intern names;
    report mistakes;
    cell_list cells, library;
    bool *sound;
    const char *printed; /* the whole report */
    const char **texts;  /* of each mistake */
    error problem;
};

/* ---- reading */

/* Does a mistake lie in this cell? */
static bool language_faulty(const eddy_cells *c, const syntax_cell *cell) {
    for (size_t i = 0; i < c->mistakes.entries.count; i++) {
        span where = c->mistakes.entries.at[i].where;
        if (c->mistakes.entries.at[i].from == cell->from && where.at >= cell->where.at &&
            where.at <= cell->end.at + cell->end.bytes)
            return true;
    }
    return false;
}

/* Every number is 48 times a prime that is more than twice the one before: so it divides by what
 * shapes are divided by, and equals no small sum of small multiples of others. */
static double language_stand_in(size_t i) {
    static const int primes[] = {101,   211,   499,   1013,   2039,   4093,  8191,
                                 16381, 32749, 65521, 131071, 262139, 524287};
    return 48.0 * primes[i % (sizeof primes / sizeof *primes)];
}

/* Is there an order of loops that computes the results? The graph's own message says where not. */
static void language_order(eddy_cells *c, const syntax_cell *cell, lower *l, const cell_use *use) {
    graph *g = &l->m->graph;
    VEC(op_node *) roots = {0};
    for (size_t i = 0; i < cell->results.count; i++) {
        operand x = use->results[i];
        if (x.kind != OPERAND_VALUE)
            return;
        vec_push(&c->memory, &roots, x.value->node);
        if (x.imaginary)
            vec_push(&c->memory, &roots, x.imaginary->node);
    }
    schedule_list items = {0};
    if (schedule_graph(g, &l->m->memory, roots.at, roots.count, -1, &items))
        return;
    if (l->m->problem.code == STATUS_OUT_OF_MEMORY)
        return;
    report_add(&c->mistakes, REPORT_illegal, cell->from, cell->where, "%s",
               lower_graph_words(l->m));
    error_clear(&l->m->problem);
}

static void language_check(eddy_cells *c, const syntax_cell *cell) {
    const eddy_allocator table = {c->memory_source.allocate, c->memory_source.release,
                                  c->memory_source.user};
    const eddy_site here = {NULL, 0};
    eddy_model *m = eddy_model_new(&(eddy_options){.allocator = &table});
    if (!m)
        longjmp(c->escape, 1);
    capi_frame frame;
    capi_enter(m, &frame, here);
    if (setjmp(frame.escape) != 0) {
        eddy_model_free(m);
        longjmp(c->escape, 1);
    }
    jmp_buf *outer = c->memory.escape;
    c->memory.escape = &frame.escape;
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    lower l = {.memory = &c->memory,
               .mistakes = &c->mistakes,
               .m = m,
               .checking = true,
               .budget = LOWER_BUDGET,
               .cells = &c->cells,
               .library = &c->library};
    cell_use use = {.time = t, .direction = 1, .make_inputs = true, .batch = b};
    use.arguments = arena_array(&c->memory, cell_argument, cell->dimensions.count + 1);
    use.results = arena_array(&c->memory, operand, cell->results.count + 1);
    for (size_t i = 0; i < cell->dimensions.count; i++)
        use.arguments[use.count++] = (cell_argument){.name = cell->dimensions.at[i].name,
                                                     .value = lower_number(language_stand_in(i))};
    size_t before = c->mistakes.entries.count;
    lower_cell(&l, cell, &use);
    if (c->mistakes.entries.count == before && eddy_model_status(m) == EDDY_OK)
        language_order(c, cell, &l, &use);
    bool memory = eddy_model_status(m) != EDDY_OUT_OF_MEMORY;
    c->memory.escape = outer;
    capi_leave(m, &frame);
    eddy_model_free(m);
    if (!memory)
        longjmp(c->escape, 1);
}

static int language_by_place(const void *a, const void *b) {
    const report_entry *x = a, *y = b;
    return (x->where.at > y->where.at) - (x->where.at < y->where.at);
}

static void language_print(eddy_cells *c) {
    report *r = &c->mistakes;
    if (r->entries.count > 0)
        qsort(r->entries.at, r->entries.count, sizeof *r->entries.at, language_by_place);
    text all;
    text_init(&all, &c->memory);
    report_print(r, &all);
    c->printed = all.at ? all.at : "";
    c->texts = arena_array(&c->memory, const char *, r->entries.count + 1);
    for (size_t i = 0; i < r->entries.count; i++) {
        text one;
        text_init(&one, &c->memory);
        report_print_entry(&r->entries.at[i], &one);
        c->texts[i] = one.at;
    }
}

static void language_read(eddy_cells *c) {
    intern_init(&c->names, &c->memory);
    report_init(&c->mistakes, &c->memory);
    parser_read(&c->text, &c->names, &c->mistakes, &c->memory, &c->cells);
    library_read(&c->memory, &c->library);
    c->sound = arena_array(&c->memory, bool, c->cells.count + 1);
    for (size_t i = 0; i < c->cells.count; i++) {
        syntax_cell *cell = c->cells.at[i];
        for (size_t k = 0; k < i; k++)
            if (strcmp(c->cells.at[k]->name, cell->name) == 0) {
                report_add(&c->mistakes, REPORT_cell_twice, &c->text, cell->where,
                           "there are two cells `%s`", cell->name);
                report_note_add(&c->mistakes, &c->text, c->cells.at[k]->where,
                                "the first one is here");
                break;
            }
        if (cell->sound)
            language_check(c, cell);
    }
    for (size_t i = 0; i < c->cells.count; i++)
        c->sound[i] = !language_faulty(c, c->cells.at[i]);
    language_print(c);
}

static eddy_cells *language_new(const eddy_options *options) {
    allocator memory = capi_allocator(options);
    eddy_cells *c = allocator_take(&memory, sizeof *c, 64);
    if (!c)
        return NULL;
    memset(c, 0, sizeof *c);
    c->memory_source = memory;
    c->printed = "";
    arena_init(&c->memory, &c->memory_source, &c->escape);
    return c;
}

void eddy_cells_free(eddy_cells *c) {
    if (!c)
        return;
    allocator memory = c->memory_source;
    arena_free(&c->memory);
    allocator_give(&memory, c, sizeof *c);
}

/* The text is in the arena of c already. */
static eddy_status language_finish(eddy_cells *c, eddy_cells **out) {
    if (setjmp(c->escape) != 0) {
        eddy_cells_free(c);
        return EDDY_OUT_OF_MEMORY;
    }
    language_read(c);
    *out = c;
    return c->mistakes.entries.count > 0 ? EDDY_BAD_FORMAT : EDDY_OK;
}

static eddy_status language_fail(eddy_cells *c, eddy_cells **out, eddy_status code) {
    c->printed = c->problem.message;
    *out = c;
    return code;
}

eddy_status eddy_cells_read(const eddy_options *options, const char *name, const char *from,
                            size_t bytes, eddy_cells **out) {
    *out = NULL;
    eddy_cells *c = language_new(options);
    if (!c)
        return EDDY_OUT_OF_MEMORY;
    if (setjmp(c->escape) != 0) {
        eddy_cells_free(c);
        return EDDY_OUT_OF_MEMORY;
    }
    if (bytes > SYNTAX_BYTES || (!from && bytes > 0)) {
        error_set(&c->problem, STATUS_SIZE, (site){0}, "%s: a text has at most %d bytes",
                  name ? name : "text", (int)SYNTAX_BYTES);
        return language_fail(c, out, EDDY_BAD_SIZE);
    }
    char *copy = arena_array(&c->memory, char, bytes + 1);
    if (bytes > 0)
        memcpy(copy, from, bytes);
    c->text = (source){arena_copy_text(&c->memory, name ? name : "text"), copy, (uint32_t)bytes};
    return language_finish(c, out);
}

eddy_status eddy_cells_load(const eddy_options *options, const char *path, eddy_cells **out) {
    *out = NULL;
    eddy_cells *c = language_new(options);
    if (!c)
        return EDDY_OUT_OF_MEMORY;
    files disk = capi_files(options);
    void *read = NULL;
    size_t bytes = 0;
    status code = path ? files_read_all(&disk, &c->memory_source, path, SYNTAX_BYTES, &read, &bytes,
                                        &c->problem)
                       : error_set(&c->problem, STATUS_ARGUMENT, (site){0}, "the path is NULL");
    if (code != STATUS_OK)
        return language_fail(c, out, (eddy_status)code);
    eddy_cells_free(c);
    eddy_status made = eddy_cells_read(options, path, read, bytes, out);
    allocator memory = capi_allocator(options);
    allocator_give(&memory, read, bytes + 1);
    return made;
}

eddy_status eddy_cells_library(const eddy_options *options, eddy_cells **out) {
    *out = NULL;
    eddy_cells *c = language_new(options);
    if (!c)
        return EDDY_OUT_OF_MEMORY;
    if (setjmp(c->escape) != 0) {
        eddy_cells_free(c);
        return EDDY_OUT_OF_MEMORY;
    }
    c->text.name = "the library";
    library_read(&c->memory, &c->cells);
    c->library = c->cells;
    c->sound = arena_array(&c->memory, bool, c->cells.count + 1);
    for (size_t i = 0; i < c->cells.count; i++)
        c->sound[i] = true;
    *out = c;
    return EDDY_OK;
}

/* ---- what was found */

const char *eddy_cells_report(const eddy_cells *c) {
    return c ? c->printed : "out of memory";
}

bool eddy_cells_mistake(const eddy_cells *c, int i, eddy_mistake *out) {
    if (!c || i < 0 || (size_t)i >= c->mistakes.entries.count)
        return false;
    const report_entry *e = &c->mistakes.entries.at[i];
    source_place place = source_find(e->from, e->where);
    *out = (eddy_mistake){report_number(e->code), e->from->name, place.line, place.column,
                          place.columns,          e->words,      e->help,    c->texts[i]};
    return true;
}

bool eddy_cells_code(int i, eddy_code *out) {
    if (i < 0 || i >= REPORT_CODE_COUNT)
        return false;
    report_row row = report_explain((report_code)i);
    *out = (eddy_code){row.number, row.title, row.about, row.example};
    return true;
}

bool eddy_cells_at(const eddy_cells *c, int i, eddy_cell_about *out) {
    if (!c || i < 0 || (size_t)i >= c->cells.count)
        return false;
    const syntax_cell *cell = c->cells.at[i];
    source_place place = source_find(cell->from, cell->where);
    int last = source_find(cell->from, cell->end).line;
    *out = (eddy_cell_about){cell->name,   cell->comment,         cell->from->name, place.line,
                             place.column, last - place.line + 1, c->sound[i]};
    return true;
}

const syntax_cell *language_cell(const eddy_cells *c, int i) {
    return c->cells.at[i];
}

/* Part i of those of one role in a list; i counts down. */
static bool language_part(const syntax_cell *cell, const declared_list *list, eddy_cell_role role,
                          int *i, eddy_cell_part *out) {
    for (size_t k = 0; k < list->count; k++) {
        const declared *d = &list->at[k];
        bool number = d->rank == 0 && d->value && !d->over;
        int members = d->member_count ? d->member_count : 1;
        if ((role == EDDY_CELL_INPUT && number) || (role == EDDY_CELL_NUMBER && !number))
            continue;
        if (*i >= members) {
            *i -= members;
            continue;
        }
        span where = d->member_count ? d->member_places[*i] : d->where;
        source_place place = source_find(cell->from, where);
        *out = (eddy_cell_part){role, d->member_count ? d->members[*i] : d->name,
                                d->shape_text ? d->shape_text : "", place.line, place.column};
        return true;
    }
    return false;
}

static bool language_declared(const syntax_cell *cell, bool states, int *i, eddy_cell_part *out) {
    for (size_t k = 0; k < cell->body.count; k++) {
        const statement *of = &cell->body.at[k];
        bool state = of->kind == STATEMENT_STATE;
        bool param = of->kind == STATEMENT_PARAM || of->kind == STATEMENT_FIXED;
        if ((states ? state : param) &&
            language_part(cell, &of->names, states ? EDDY_CELL_STATE : EDDY_CELL_PARAM, i, out))
            return true;
    }
    return false;
}

bool eddy_cells_part(const eddy_cells *c, int cell, int i, eddy_cell_part *out) {
    if (!c || cell < 0 || (size_t)cell >= c->cells.count || i < 0)
        return false;
    const syntax_cell *of = c->cells.at[cell];
    return language_part(of, &of->dimensions, EDDY_CELL_DIMENSION, &i, out) ||
           language_part(of, &of->header, EDDY_CELL_INPUT, &i, out) ||
           language_part(of, &of->header, EDDY_CELL_NUMBER, &i, out) ||
           language_declared(of, true, &i, out) || language_declared(of, false, &i, out) ||
           language_part(of, &of->results, EDDY_CELL_RESULT, &i, out);
}

/* ---- use */

typedef struct language_use {
    const eddy_cells *from;
    const char *cell;
    cell_use how;
    const eddy_argument *arguments;
    eddy_value *results;
    bool outputs;
    arena memory; /* of this use */
} language_use;

static void language_arguments(language_use *u) {
    int count = 0;
    while (u->arguments[count].name)
        count++;
    u->how.arguments = arena_array(&u->memory, cell_argument, count + 1);
    for (int i = 0; i < count; i++) {
        const eddy_argument *a = &u->arguments[i];
        if (!a->value && strcmp(a->name, "train") == 0) {
            u->how.train = a->number;
            continue;
        }
        cell_argument made = {.name = a->name, .value = lower_number(a->number)};
        if (a->value)
            made.value = lower_value(a->value);
        u->how.arguments[u->how.count++] = made;
    }
}

static void language_output(eddy_model *m, const char *name, operand x, eddy_site here) {
    if (!x.imaginary) {
        eddy_output(m, name, x.value);
        return;
    }
    eddy_output(m, arena_print(&m->memory, "%s.re", name), x.value);
    eddy_output(m, arena_print(&m->memory, "%s.im", name), x.imaginary);
}

/* What the graph refuses inside of a cell has the cell's line: that of the user goes before it. */
static void language_blame(eddy_model *m, const char *cell, eddy_site here) {
    error inside = m->problem;
    if (!here.file || inside.code == STATUS_OK || inside.code == STATUS_OUT_OF_MEMORY)
        return;
    error_clear(&m->problem);
    capi_fail(m, (eddy_status)inside.code, "use of the cell \"%s\": %s", cell, inside.message);
}

static eddy_value language_build(eddy_model *m, language_use *u, eddy_site here) {
    if (!u->cell)
        return capi_fail(m, EDDY_BAD_ARGUMENT, "use: the name of the cell is NULL"), NULL;
    report mistakes;
    cell_list library = {0};
    report_init(&mistakes, &u->memory);
    if (!u->from)
        library_read(&u->memory, &library);
    lower l = {.memory = &u->memory,
               .mistakes = &mistakes,
               .m = m,
               .budget = LOWER_BUDGET,
               .cells = u->from ? &u->from->cells : NULL,
               .library = u->from ? &u->from->library : &library};
    const syntax_cell *cell = lower_cell_find(&l, NULL, u->cell);
    const char *near = cell ? NULL : lower_callee_near(&l, u->cell);
    bool meant = near && lower_cell_find(&l, NULL, near); /* not a function */
    if (!cell)
        return capi_fail(m, EDDY_BAD_ARGUMENT, "use: there is no cell \"%s\" in %s%s%s%s", u->cell,
                         u->from ? u->from->text.name : "the library",
                         meant ? "; did you mean \"" : "", meant ? near : "", meant ? "\"?" : ""),
               NULL;
    for (size_t i = 0; u->from && i < u->from->cells.count; i++)
        if (cell == u->from->cells.at[i] && !u->from->sound[i])
            return capi_fail(m, EDDY_BAD_ARGUMENT,
                             "use: the cell \"%s\" has mistakes; eddy_cells_report lists them",
                             u->cell),
                   NULL;
    if (capi_axis_of(m, "use", u->how.time) < 0)
        return NULL;
    language_arguments(u);
    u->how.results = arena_array(&u->memory, operand, cell->results.count + 1);
    lower_cell(&l, cell, &u->how);
    language_blame(m, u->cell, here);
    if (mistakes.entries.count > 0) {
        text words;
        text_init(&words, &u->memory);
        report_print_entry(&mistakes.entries.at[0], &words);
        return capi_fail(m, EDDY_SHAPE_MISMATCH, "use of the cell \"%s\":\n%s", u->cell, words.at),
               NULL;
    }
    int count = 0;
    for (size_t i = 0; i < cell->results.count; i++) {
        operand x = u->how.results[i];
        if (u->outputs)
            language_output(m, cell->results.at[i].name, x, here);
        if (u->results) {
            u->results[count++] = x.value;
            if (x.imaginary)
                u->results[count++] = x.imaginary;
        }
    }
    return u->how.results[0].value;
}

static eddy_value language_enter(eddy_model *m, language_use *u, eddy_site here) {
    capi_frame frame;
    if (!capi_enter(m, &frame, here))
        return NULL;
    arena_init(&u->memory, &m->source, &frame.escape);
    if (setjmp(frame.escape) != 0) {
        capi_escape(m, &frame);
        arena_free(&u->memory);
        return NULL;
    }
    eddy_value made = language_build(m, u, here);
    capi_leave(m, &frame);
    arena_free(&u->memory);
    return eddy_model_status(m) == EDDY_OK ? made : NULL;
}

eddy_value(eddy_use)(eddy_model *m, const eddy_cells *from, const char *cell, const char *name,
                     eddy_axes time, eddy_value *results, const eddy_argument *arguments,
                     eddy_site here) {
    language_use u = {.from = from, .cell = cell, .arguments = arguments, .results = results};
    u.how = (cell_use){.name = name, .time = time, .direction = 1};
    return language_enter(m, &u, here);
}

eddy_value(eddy_use_alone)(eddy_model *m, const eddy_cells *from, const char *cell, eddy_axes time,
                           eddy_axes batch, const eddy_argument *arguments, eddy_site here) {
    language_use u = {.from = from, .cell = cell, .arguments = arguments, .outputs = true};
    u.how = (cell_use){.time = time, .direction = 1, .make_inputs = true, .batch = batch};
    return language_enter(m, &u, here);
}
