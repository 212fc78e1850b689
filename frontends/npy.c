/* NumPy's format of one array: a magic, a version, the length of a header, the header (a Python
 * dictionary with three keys), the elements.
 *
 * The header is read as what it is, not searched for words: keys in any order, each once, nothing
 * else. NumPy writes Fortran's order for what was transposed, so it is read, and laid out by rows.
 */
#include <stdio.h>
#include <string.h>

#include "core/size.h"
#include "frontends/tensors.h"

static const char *const npy_kinds[ELEMENT_COUNT] = {"<f4", "<f8", "<i4", "|b1", "<i8", "|u1"};

/* ---- reading */

typedef struct npy_reader {
    const tensors *t;
    tensor_entry *e;
    const char *at, *end; /* of the header that is left */
    bool fortran;
    bool seen[3]; /* descr, fortran_order, shape */
} npy_reader;

static bool npy_fail(const npy_reader *r, const char *why) {
    return tensors_fail(r->t, STATUS_FORMAT, "%s is not read: %s", r->e->name, why);
}

static bool npy_malformed(const npy_reader *r) {
    return npy_fail(r, "the header is not a dictionary of descr, fortran_order and shape");
}

static void npy_blanks(npy_reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n'))
        r->at++;
}

/* Is this sign, or word, next? Goes behind it. */
static bool npy_next(npy_reader *r, const char *word) {
    npy_blanks(r);
    size_t length = strlen(word);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0)
        return false;
    r->at += length;
    return true;
}

/* A text between quotes, copied if it is short enough. */
static bool npy_text(npy_reader *r, char *out, size_t bytes) {
    npy_blanks(r);
    if (r->at == r->end || (*r->at != '\'' && *r->at != '"'))
        return false;
    const char *from = r->at + 1, *to = memchr(from, *r->at, (size_t)(r->end - from));
    if (!to || (size_t)(to - from) >= bytes || memchr(from, 0, (size_t)(to - from)))
        return false;
    memcpy(out, from, (size_t)(to - from));
    out[to - from] = 0;
    r->at = to + 1;
    return true;
}

static bool npy_kind(npy_reader *r) {
    char descr[32];
    if (!npy_text(r, descr, sizeof descr))
        return npy_fail(r, "its elements are no numbers; <f4, <f8, <i4, <i8, |b1 and |u1 are read");
    for (int i = 0; i < ELEMENT_COUNT; i++)
        if (strcmp(descr, npy_kinds[i]) == 0) {
            r->e->kind = (element)i;
            return true;
        }
    char why[128];
    snprintf(why, sizeof why, "its elements are %s; <f4, <f8, <i4, <i8, |b1 and |u1 are read",
             descr);
    return npy_fail(r, why);
}

static bool npy_shape(npy_reader *r) {
    int64_t dimensions[LIMIT_RANK];
    int rank = 0;
    if (!npy_next(r, "("))
        return npy_malformed(r);
    while (!npy_next(r, ")")) {
        int64_t number = 0;
        npy_blanks(r);
        size_t used = text_read_i64(r->at, (size_t)(r->end - r->at), &number);
        if (!used)
            return npy_malformed(r);
        if (number < 1)
            return npy_fail(r, "a dimension of it is not positive");
        if (rank == LIMIT_RANK)
            return npy_fail(r, "it has more than 8 dimensions");
        dimensions[rank++] = number;
        r->at += used;
        if (!npy_next(r, ",") && (r->at == r->end || *r->at != ')'))
            return npy_malformed(r);
    }
    r->e->shape = op_shape_make(rank, dimensions);
    return true;
}

static bool npy_value(npy_reader *r, int key) {
    if (r->seen[key])
        return npy_malformed(r);
    r->seen[key] = true;
    if (key == 0)
        return npy_kind(r);
    if (key == 2)
        return npy_shape(r);
    r->fortran = npy_next(r, "True");
    return r->fortran || npy_next(r, "False") || npy_malformed(r);
}

static bool npy_dictionary(npy_reader *r) {
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    if (!npy_next(r, "{"))
        return npy_malformed(r);
    while (!npy_next(r, "}")) {
        char name[32];
        int key = 3;
        if (npy_text(r, name, sizeof name) && npy_next(r, ":"))
            for (key = 0; key < 3 && strcmp(name, keys[key]) != 0;)
                key++;
        if (key == 3)
            return npy_malformed(r);
        if (!npy_value(r, key))
            return false;
        npy_blanks(r);
        if (!npy_next(r, ",") && (r->at == r->end || *r->at != '}'))
            return npy_malformed(r);
    }
    npy_blanks(r);
    return (r->at == r->end && r->seen[0] && r->seen[1] && r->seen[2]) || npy_malformed(r);
}

/* The same elements with the last dimension running fastest. */
static void npy_by_rows(const npy_reader *r) {
    tensor_entry *e = r->e;
    const op_shape *shape = &e->shape;
    size_t size = element_size(e->kind), elements = e->bytes / size;
    size_t step[LIMIT_RANK], index[LIMIT_RANK] = {0}, from = 0, apart = size;
    unsigned char *to = arena_take(r->t->memory, e->bytes);
    for (int k = 0; k < shape->rank; k++) {
        step[k] = apart;
        apart *= (size_t)shape->dimension[k];
    }
    for (size_t i = 0; i < elements; i++) {
        memcpy(to + i * size, e->data + from, size);
        for (int k = shape->rank - 1; k >= 0; k--) {
            from += step[k];
            if (++index[k] < (size_t)shape->dimension[k])
                break;
            from -= index[k] * step[k];
            index[k] = 0;
        }
    }
    e->data = to;
}

bool npy_parse(const tensors *t, tensor_entry *e, const unsigned char *bytes, size_t count) {
    npy_reader r = {.t = t, .e = e};
    size_t prefix = 10;
    if (count < 12 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return npy_fail(&r, "it does not begin as an npy file");
    size_t length = bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] > 1) {
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
        prefix = 12;
    }
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0)
        return npy_fail(&r, "its version is none of 1.0, 2.0 and 3.0");
    if (length > count - prefix)
        return npy_fail(&r, "its header is cut off");
    r.at = (const char *)bytes + prefix;
    r.end = r.at + length;
    if (!npy_dictionary(&r))
        return false;
    e->data = bytes + prefix + length;
    e->bytes = count - prefix - length;
    if (!tensors_filled(t, e))
        return false;
    if (r.fortran && e->shape.rank > 1)
        npy_by_rows(&r);
    return true;
}

bool npy_read(tensors *t, const unsigned char *bytes, size_t count) {
    t->at = arena_new(t->memory, tensor_entry);
    t->at->name = "the array";
    t->count = 1;
    return npy_parse(t, t->at, bytes, count);
}

/* ---- writing */

void npy_header(text *out, element kind, const op_shape *shape) {
    text words;
    text_init(&words, out->memory);
    text_add(&words, "{'descr': '%s', 'fortran_order': False, 'shape': (", npy_kinds[kind]);
    for (int k = 0; k < shape->rank; k++)
        text_add(&words, "%s%lld", k ? ", " : "", (long long)shape->dimension[k]);
    text_add(&words, shape->rank == 1 ? ",), }" : "), }");
    size_t length = words.count + 1, whole = (10 + length + 63) / 64 * 64, room = whole - 10;
    const char prefix[] = {'\x93',           'N', 'U', 'M', 'P', 'Y', 1, 0, (char)(room & 0xFF),
                           (char)(room >> 8)};
    text_add_bytes(out, prefix, sizeof prefix);
    text_add(out, "%s%*s\n", words.at, (int)(room - length), "");
}
