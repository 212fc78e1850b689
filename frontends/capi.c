/* Models: their life, and the way of every call into them.
 *
 * A user's value is a small record that knows its model, so functions need no model argument where
 * a value is given; records are cached by node, so equal values are equal pointers. The first
 * mistake sticks in the model and turns every later call into one that returns NULL. */
#include "frontends/capi.h"

#include <assert.h>
#include <string.h>

#include "core/env.h"

/* The public enumerations and tables repeat those of core/, which is not installed. */
#define SAME(a, b) _Static_assert((int)(a) == (int)(b), "eddy.h and core/ disagree")
SAME(EDDY_OK, STATUS_OK);
SAME(EDDY_OUT_OF_MEMORY, STATUS_OUT_OF_MEMORY);
SAME(EDDY_SHAPE_MISMATCH, STATUS_SHAPE);
SAME(EDDY_ILLEGAL_PROGRAM, STATUS_ILLEGAL);
SAME(EDDY_BAD_ARGUMENT, STATUS_ARGUMENT);
SAME(EDDY_MISSING, STATUS_MISSING);
SAME(EDDY_BAD_SIZE, STATUS_SIZE);
SAME(EDDY_IO, STATUS_IO);
SAME(EDDY_BAD_FORMAT, STATUS_FORMAT);
SAME(EDDY_UNSUPPORTED, STATUS_UNSUPPORTED);
SAME(EDDY_UNSUPPORTED + 1, STATUS_COUNT);
SAME(EDDY_F32, DTYPE_F32);
SAME(EDDY_F64, DTYPE_F64);
SAME(EDDY_I32, DTYPE_I32);
SAME(EDDY_BOOL, DTYPE_BOOL);
SAME(EDDY_BOOL + 1, DTYPE_COUNT);
SAME(EDDY_REMEMBER_ALL, GRAPH_REMEMBER_ALL);
SAME(EDDY_REMEMBER_STATES, GRAPH_REMEMBER_STATES);
SAME(EDDY_REMEMBER_BLOCKS, GRAPH_REMEMBER_BLOCKS);
SAME(EDDY_REMEMBER_BLOCKS + 1, GRAPH_REMEMBER_COUNT);
SAME(EDDY_SUM, OP_KIND_SUM);
SAME(EDDY_MAX, OP_KIND_MAX);
SAME(EDDY_LSE, OP_KIND_LSE);
SAME(EDDY_ARGMAX, OP_KIND_ARGMAX);
SAME(EDDY_ARGMAX + 1, OP_KIND_COUNT);
SAME(sizeof(((eddy_slot *)0)->axes) / sizeof(char *), LIMIT_AXES);
SAME(sizeof(((eddy_slot *)0)->dimensions) / sizeof(int64_t), LIMIT_RANK);
SAME(sizeof(eddy_axes) * 8, LIMIT_AXES);

#define TEXT_OF(number) #number
#define DOTTED(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

const char *eddy_version_string(void) {
    return DOTTED(EDDY_VERSION_MAJOR, EDDY_VERSION_MINOR, EDDY_VERSION_PATCH);
}

const char *eddy_status_name(eddy_status code) {
    return status_name((status)code);
}

/* ---- options */

allocator capi_allocator(const eddy_options *options) {
    const eddy_allocator *given = options ? options->allocator : NULL;
    if (!given)
        return *allocator_default();
    return (allocator){given->allocate, given->release, given->user};
}

files capi_files(const eddy_options *options) {
    const eddy_files *given = options ? options->files : NULL;
    if (!given)
        return *files_default();
    return (files){.open_read = given->open_read,
                   .open_new = given->open_new,
                   .read = given->read,
                   .write = given->write,
                   .size = given->size,
                   .sync = given->sync,
                   .close = given->close,
                   .rename = given->rename,
                   .remove = given->remove,
                   .sync_folder = given->sync_folder,
                   .user = given->user};
}

/* ---- life */

eddy_model *eddy_model_new(const eddy_options *options) {
    allocator source = capi_allocator(options);
    eddy_model *m = allocator_take(&source, sizeof *m, 64);
    if (!m)
        return NULL;
    memset(m, 0, sizeof *m);
    m->source = source;
    m->disk = capi_files(options);
    m->type = options ? (dtype)options->dtype : DTYPE_F32;
    m->scope = "";
    arena_init(&m->memory, &m->source, NULL);
    arena_init(&m->prints, &m->source, NULL);
    graph_init(&m->graph, &m->memory, &m->problem);
    if (m->type != DTYPE_F32 && m->type != DTYPE_F64)
        capi_fail(m, EDDY_BAD_ARGUMENT, "model: the dtype of a model is EDDY_F32 or EDDY_F64");
    const char *remember = env_text("REMEMBER");
    if (remember && !graph_remember_from_name(remember, &m->graph.remember))
        capi_fail(m, EDDY_BAD_ARGUMENT, "EDDY_REMEMBER=%s is not all, states or blocks", remember);
    return m;
}

void eddy_remember(eddy_model *m, eddy_memory what) {
    if (!m)
        return;
    if ((unsigned)what < GRAPH_REMEMBER_COUNT)
        m->graph.remember = (graph_remember)what;
    else
        capi_fail(m, EDDY_BAD_ARGUMENT, "remember: %d is no eddy_memory", (int)what);
}

void eddy_watch(eddy_model *m, bool on) {
    if (m)
        m->graph.watched = on;
}

void eddy_model_free(eddy_model *m) {
    if (!m)
        return;
    allocator source = m->source;
    arena_free(&m->prints);
    arena_free(&m->memory);
    allocator_give(&source, m, sizeof *m);
}

eddy_status eddy_model_status(const eddy_model *m) {
    return m ? (eddy_status)m->problem.code : EDDY_OUT_OF_MEMORY;
}

const char *eddy_model_message(const eddy_model *m) {
    return m ? m->problem.message : "out of memory";
}

static const char *capi_print(eddy_model *m, void (*print)(const graph *g, text *out)) {
    if (!m || m->problem.code != STATUS_OK)
        return NULL;
    capi_frame frame;
    arena_free(&m->prints);
    arena_init(&m->prints, &m->source, &frame.escape);
    if (setjmp(frame.escape) != 0) {
        m->prints.escape = NULL;
        capi_fail(m, EDDY_OUT_OF_MEMORY, "out of memory");
        return NULL;
    }
    text out;
    text_init(&out, &m->prints);
    print(&m->graph, &out);
    m->prints.escape = NULL;
    return out.at;
}

const char *eddy_model_text(eddy_model *m) {
    return capi_print(m, print_graph);
}

const char *eddy_model_dot(eddy_model *m) {
    return capi_print(m, dot_graph);
}

/* ---- frames */

bool capi_enter(eddy_model *m, capi_frame *frame, eddy_site here) {
    if (!m || m->problem.code != STATUS_OK)
        return false;
    frame->outer = m->memory.escape;
    frame->where = m->graph.builder.where;
    m->memory.escape = &frame->escape;
    m->graph.builder.where = (site){here.file, here.line};
    return true;
}

void capi_leave(eddy_model *m, capi_frame *frame) {
    m->memory.escape = frame->outer;
    m->graph.builder.where = frame->where;
}

void capi_escape(eddy_model *m, capi_frame *frame) {
    capi_fail(m, EDDY_OUT_OF_MEMORY, "out of memory");
    capi_leave(m, frame);
}

/* ---- values */

eddy_value capi_value(eddy_model *m, op_node *node) {
    if (m->problem.code != STATUS_OK)
        return NULL;
    if (!node) {
        capi_fail(m, EDDY_BAD_ARGUMENT, "a value is NULL, though no mistake was made before");
        return NULL;
    }
    if (node->id >= m->values.count) {
        vec_reserve(&m->memory, &m->values, node->id + 1 - m->values.count);
        m->values.count = node->id + 1;
    }
    eddy_value *slot = &m->values.at[node->id];
    if (!*slot) {
        eddy_value made = arena_new(&m->memory, struct eddy_value_s);
        *made = (struct eddy_value_s){m, node};
        m->values.at[node->id] = made;
    }
    return m->values.at[node->id];
}

op_node *capi_node(eddy_model *m, eddy_value x) {
    if (!x)
        return NULL;
    if (x->model != m)
        return capi_fail(m, EDDY_BAD_ARGUMENT, "the value %s belongs to another model",
                         x->node->name ? x->node->name : op_get((op_id)x->node->op)->name);
    return x->node;
}

op_node *capi_fail(eddy_model *m, eddy_status code, const char *format, ...) {
    va_list list;
    va_start(list, format);
    error_set_list(&m->problem, (status)code, m->graph.builder.where, format, list);
    va_end(list);
    return NULL;
}

eddy_model *eddy_value_model(eddy_value x) {
    return x ? x->model : NULL;
}

eddy_dtype eddy_value_dtype(eddy_value x) {
    return x ? (eddy_dtype)x->node->dtype : EDDY_F32;
}

eddy_axes eddy_value_axes(eddy_value x) {
    return x ? x->node->domain : 0;
}

int eddy_value_rank(eddy_value x) {
    return x ? x->node->shape.rank : 0;
}

int64_t eddy_value_dimension(eddy_value x, int dimension) {
    int rank = eddy_value_rank(x), i = dimension < 0 ? dimension + rank : dimension;
    if (i < 0 || i >= rank || x->node->shape.dimension[i] < 0)
        return -1;
    return x->node->shape.dimension[i];
}

const char *eddy_value_name(eddy_value x) {
    return x ? x->node->name : NULL;
}

/* ---- arguments */

int capi_axis_of(eddy_model *m, const char *what, eddy_axes axis) {
    for (int a = 0; a < m->graph.axis_count; a++)
        if (axis == (eddy_axes)1 << a)
            return a;
    capi_fail(m, EDDY_BAD_ARGUMENT, "%s: expected one axis of the model, not %s", what,
              op_describe_domain(&m->graph.builder, axis));
    return -1;
}

bool capi_shape(eddy_model *m, const char *what, const int64_t *dimensions, op_shape *out) {
    int rank = 0;
    while (dimensions[rank] != EDDY_SCALAR) {
        if (dimensions[rank] < 1) {
            capi_fail(m, EDDY_BAD_SIZE, "%s: dimension %d is %lld; dimensions are at least 1", what,
                      rank, (long long)dimensions[rank]);
            return false;
        }
        if (++rank > LIMIT_RANK) {
            capi_fail(m, EDDY_BAD_SIZE, "%s: a shape has at most %d dimensions", what,
                      (int)LIMIT_RANK);
            return false;
        }
    }
    *out = op_shape_make(rank, dimensions);
    return true;
}

int capi_dimension(eddy_model *m, const char *what, const op_node *x, int dimension) {
    int i = dimension < 0 ? dimension + x->shape.rank : dimension;
    if (i >= 0 && i < x->shape.rank)
        return i;
    capi_fail(m, EDDY_BAD_ARGUMENT, "%s: %s has no dimension %d", what,
              op_describe(&m->graph.builder, x), dimension);
    return -1;
}

/* ---- scopes and names */

const char *capi_scoped(eddy_model *m, const char *what, const char *name) {
    if (!name || !*name) {
        capi_fail(m, EDDY_BAD_ARGUMENT, "%s: a name is missing", what);
        return NULL;
    }
    return arena_print(&m->memory, "%s%s", m->scope, name);
}

static void capi_push(eddy_model *m, const char *name) {
    const char *scope = capi_scoped(m, "scope", name);
    if (!scope)
        return;
    vec_push(&m->memory, &m->scopes, m->scope);
    m->scope = arena_print(&m->memory, "%s.", scope);
}

void(eddy_scope_push)(eddy_model *of, const char *name, eddy_site here) {
    CAPI_DO(of, here, capi_push(m, name));
}

static void capi_pop(eddy_model *m) {
    if (m->scopes.count == 0)
        capi_fail(m, EDDY_BAD_ARGUMENT, "scope: there is none to pop");
    else
        m->scope = vec_pop(&m->scopes);
}

void(eddy_scope_pop)(eddy_model *of, eddy_site here) {
    CAPI_DO(of, here, capi_pop(m));
}

static op_node *capi_name(eddy_model *m, op_node *x, const char *name) {
    const char *scoped = x ? capi_scoped(m, "name", name) : NULL;
    return scoped ? graph_name(&m->graph, x, scoped) : NULL;
}

eddy_value(eddy_name)(eddy_value x, const char *name, eddy_site here) {
    CAPI_BUILD(eddy_value_model(x), here, capi_name(m, x->node, name));
}
