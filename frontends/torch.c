/* Weights of PyTorch's modules.
 *
 * PyTorch keeps the gates of a layer in one matrix, one below the other, and two biases where one
 * is enough:
 *
 *   nn.LSTM  i f g o    W = weight_ih, U = weight_hh, b = bias_ih + bias_hh
 *   nn.GRU   r z n      the same, but for n: b = bias_ih, v = bias_hh, which r multiplies
 *   nn.RNN   one block, without a letter
 *
 * Matrices are [out, in] in both, so none is turned. A map says which tensors belong to which
 * layer; whatever of the file it does not use, and whatever of the set it does not give, is a
 * mistake: a weight that stays behind in silence is learned anew, or missed, without a message. */
#include <stdio.h>
#include <string.h>

#include "frontends/tensors.h"

static const site torch_nowhere = {NULL, 0};

static const struct {
    const char *kind;
    const char *gates; /* " ": one without a letter; NULL: no recurrent layer */
} torch_kinds[] = {
    {"lstm", "ifgo"}, {"gru", "rzn"}, {"rnn", " "}, {"linear", NULL}, {"tensor", NULL}};
enum { TORCH_KINDS = sizeof torch_kinds / sizeof *torch_kinds };

typedef struct torch_map {
    const eddy_torch *parts;
    int count;
    /* ---- while it is applied */
    const tensors *t;
    const eddy_torch *part; /* the current one */
    bool *used;             /* of the file's tensors */
    VEC(tensor_entry) made;
} torch_map;

/* The tensor of the file that stands where the star is `word`; NULL after a mistake. */
static const tensor_entry *torch_source(torch_map *m, const char *word) {
    const char *from = m->part->from, *star = strchr(from, '*');
    const char *name =
        star ? arena_print(m->t->memory, "%.*s%s%s", (int)(star - from), from, word, star + 1)
             : from;
    tensor_entry *e = tensors_find(m->t, name);
    if (!e) {
        tensors_fail(m->t, STATUS_MISSING, "there is no %s, which '%s %s %s' needs", name,
                     m->part->kind, from, m->part->to);
        return NULL;
    }
    m->used[e - m->t->at] = true;
    return e;
}

/* A tensor of the set: rows [first, first + count) of a source. kind, gate: "Wi"; of a name that
 * ends here: 0. */
static tensor_entry *torch_make(torch_map *m, char kind, char gate, const tensor_entry *from,
                                int64_t first, int64_t count) {
    const char *to = m->part->to, letter[] = {kind, gate == ' ' ? 0 : gate, 0};
    tensor_entry e = *from;
    e.name = kind ? arena_print(m->t->memory, "%s%s%s", to, *to ? "." : "", letter) : to;
    size_t row = from->bytes / (size_t)from->shape.dimension[0];
    e.shape.dimension[0] = count;
    e.data = from->data + (size_t)first * row;
    e.bytes = (size_t)count * row;
    vec_push(m->t->memory, &m->made, e);
    return &vec_last(&m->made);
}

/* e + rows of another one, in memory of its own. */
static void torch_add(const torch_map *m, tensor_entry *e, const tensor_entry *other,
                      int64_t first) {
    size_t elements = e->bytes / element_size(e->kind);
    unsigned char *sum = arena_take(m->t->memory, e->bytes);
    for (size_t i = 0; i < elements; i++) {
        double both = tensors_number(e, i) + tensors_number(other, (size_t)first + i);
        float single = (float)both;
        if (e->kind == ELEMENT_F32)
            memcpy(sum + i * sizeof single, &single, sizeof single);
        else
            memcpy(sum + i * sizeof both, &both, sizeof both);
    }
    e->data = sum;
}

/* All of a part are floats of one dtype, that of `like`. columns 0: a vector. */
static bool torch_shape(const torch_map *m, const tensor_entry *e, const tensor_entry *like,
                        int64_t rows, int64_t columns) {
    char here[256], there[256];
    tensor_entry wanted = *like;
    wanted.shape = op_shape_make(columns ? 2 : 1, (int64_t[]){rows, columns});
    bool real = like->kind == ELEMENT_F32 || like->kind == ELEMENT_F64;
    if (real && e->kind == like->kind && op_shape_equal(&e->shape, &wanted.shape))
        return true;
    return tensors_fail(m->t, STATUS_SHAPE, "%s is %s, and as '%s %s %s' it is %s", e->name,
                        tensors_describe(e, here, sizeof here), m->part->kind, m->part->from,
                        m->part->to,
                        real ? tensors_describe(&wanted, there, sizeof there) : "f32 or f64");
}

/* Columns of a matrix; of anything else a number that it has not. */
static int64_t torch_columns(const tensor_entry *e) {
    return e->shape.rank == 2 ? e->shape.dimension[1] : 1;
}

static bool torch_layer(torch_map *m, const char *gates) {
    static const char *const words[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    const tensor_entry *from[4];
    int64_t count = (int64_t)strlen(gates);
    for (int i = 0; i < 4; i++)
        if (!(from[i] = torch_source(m, words[i])))
            return false;
    int64_t size = torch_columns(from[1]), rows = count * size;
    if (!torch_shape(m, from[1], from[1], rows, size) ||
        !torch_shape(m, from[0], from[1], rows, torch_columns(from[0])) ||
        !torch_shape(m, from[2], from[1], rows, 0) || !torch_shape(m, from[3], from[1], rows, 0))
        return false;
    for (int64_t g = 0; g < count; g++) {
        bool apart = gates[g] == 'n'; /* both biases of the GRU's n are needed */
        torch_make(m, 'W', gates[g], from[0], g * size, size);
        torch_make(m, 'U', gates[g], from[1], g * size, size);
        tensor_entry *b = torch_make(m, 'b', gates[g], from[2], g * size, size);
        if (apart)
            torch_make(m, 'v', gates[g], from[3], g * size, size);
        else
            torch_add(m, b, from[3], g * size);
    }
    return true;
}

static bool torch_linear(torch_map *m) {
    const tensor_entry *weight = torch_source(m, "weight"), *bias;
    if (!weight || !(bias = torch_source(m, "bias")))
        return false;
    int64_t rows = weight->shape.rank ? weight->shape.dimension[0] : 1;
    if (!torch_shape(m, weight, weight, rows, torch_columns(weight)) ||
        !torch_shape(m, bias, weight, rows, 0))
        return false;
    torch_make(m, 'W', 0, weight, 0, rows);
    torch_make(m, 'b', 0, bias, 0, rows);
    return true;
}

/* As it is. */
static bool torch_tensor(torch_map *m) {
    const tensor_entry *e = torch_source(m, "");
    if (!e)
        return false;
    vec_push(m->t->memory, &m->made, *e);
    vec_last(&m->made).name = m->part->to;
    return true;
}

static bool torch_part(torch_map *m) {
    for (int i = 0; i < TORCH_KINDS; i++)
        if (strcmp(m->part->kind, torch_kinds[i].kind) == 0)
            return torch_kinds[i].gates ? torch_layer(m, torch_kinds[i].gates)
                   : strcmp(torch_kinds[i].kind, "linear") == 0 ? torch_linear(m)
                                                                : torch_tensor(m);
    return false; /* torch_checked saw them all */
}

/* Names that can be params, and stars where they are needed. */
static bool torch_checked(eddy_params *s, const eddy_torch *p, int number) {
    char where[64];
    bool known = false;
    snprintf(where, sizeof where, "part %d of the map of PyTorch's weights", number + 1);
    if (!p->kind || !p->from || !p->to) {
        error_set(&s->problem, STATUS_ARGUMENT, torch_nowhere, "%s has a NULL", where);
        return false;
    }
    for (int i = 0; i < TORCH_KINDS; i++)
        known |= strcmp(p->kind, torch_kinds[i].kind) == 0;
    const char *star = strchr(p->from, '*');
    int stars = !star ? 0 : strchr(star + 1, '*') ? 2 : 1;
    if (!known)
        error_set(&s->problem, STATUS_ARGUMENT, torch_nowhere,
                  "%s is of kind '%s'; there are lstm, gru, rnn, linear, tensor", where, p->kind);
    else if (strcmp(p->kind, "tensor") == 0 && stars)
        error_set(&s->problem, STATUS_ARGUMENT, torch_nowhere,
                  "%s: '%s' is the name of one tensor, and has no star", where, p->from);
    else if (strcmp(p->kind, "tensor") != 0 && stars != 1)
        error_set(&s->problem, STATUS_ARGUMENT, torch_nowhere,
                  "%s: '%s' needs one star, where PyTorch's names have %s", where, p->from,
                  strcmp(p->kind, "linear") == 0 ? "weight and bias"
                                                 : "weight_ih, weight_hh, bias_ih and bias_hh");
    else if (strlen(p->to) > LIMIT_NAME - 3 || strlen(p->from) > LIMIT_NAME)
        error_set(&s->problem, STATUS_ARGUMENT, torch_nowhere,
                  "%s has a name of more than %d bytes", where, (int)LIMIT_NAME - 3);
    return s->problem.code == STATUS_OK;
}

static bool torch_take(tensors *t, eddy_params *into, void *user) {
    torch_map *m = user;
    m->t = t;
    m->used = arena_array(t->memory, bool, t->count);
    for (int i = 0; i < m->count; i++) {
        m->part = &m->parts[i];
        if (!torch_part(m))
            return false;
    }
    for (size_t i = 0; i < t->count; i++)
        if (!m->used[i])
            return tensors_fail(t, STATUS_MISSING, "no part of the map uses %s", t->at[i].name);
    t->at = m->made.at;
    t->count = m->made.count;
    t->giver = "the map gives";
    for (size_t i = 0; i < t->count; i++) {
        if (!tensors_name(t, t->at[i].name))
            return false;
        if (tensors_find(t, t->at[i].name) != &t->at[i])
            return tensors_fail(t, STATUS_ARGUMENT, "the map gives %s twice", t->at[i].name);
    }
    return tensors_take(t, into);
}

eddy_status eddy_params_load_torch(eddy_params *s, const char *path, const eddy_torch *parts,
                                   int count) {
    torch_map m = {.parts = parts, .count = count};
    bool good = s && s->problem.code == STATUS_OK;
    for (int i = 0; good && i < count; i++)
        good = torch_checked(s, &parts[i], i);
    if (good && tensors_ready(s, path))
        tensors_load(s, path, torch_take, &m);
    return eddy_params_status(s);
}
