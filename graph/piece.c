/* The small pieces that lines of printed graphs are made of. */
#include "graph/piece.h"

#include <string.h>

bool piece_axis(scan *s, const graph *g, int32_t *out) {
    char word[SCAN_WORD + 1];
    scan_line_ends(s);
    scan_place place = scan_here(s);
    if (!scan_word(s, word, "the name of an axis"))
        return false;
    *out = graph_axis_find(g, word);
    return *out >= 0 || scan_fail(s, STATUS_FORMAT, place, "there is no axis named %s", word);
}

/* {t,b} */
bool piece_axes(scan *s, const graph *g, uint32_t *out) {
    *out = 0;
    if (!scan_need(s, '{'))
        return false;
    if (scan_take(s, '}'))
        return true;
    do {
        scan_place place = scan_here(s);
        int32_t axis;
        if (!piece_axis(s, g, &axis))
            return false;
        if (*out >> axis & 1)
            return scan_fail(s, STATUS_FORMAT, place, "the axis %s stands here twice",
                             g->axes[axis].name);
        *out |= UINT32_C(1) << axis;
    } while (scan_take(s, ','));
    return scan_need(s, '}');
}

/* [4, t]: numbers, and axes whose extents are meant. */
bool piece_shape(scan *s, const graph *g, op_shape *out) {
    int64_t dimensions[LIMIT_RANK];
    int rank = 0;
    if (!scan_need(s, '['))
        return false;
    bool more = !scan_take(s, ']');
    while (more) {
        scan_line_ends(s);
        if (rank == LIMIT_RANK)
            return scan_fail(s, STATUS_FORMAT, scan_here(s), "a shape has at most %d dimensions",
                             (int)LIMIT_RANK);
        char c = scan_ends(s) ? 0 : *s->at;
        int32_t axis = 0;
        if ((c >= '0' && c <= '9') || c == '-') {
            if (!scan_integer(s, 0, PIECE_LARGEST, &dimensions[rank], "a dimension"))
                return false;
        } else {
            if (!piece_axis(s, g, &axis))
                return false;
            dimensions[rank] = OP_EXTENT_OF(axis);
        }
        rank++;
        more = scan_take(s, ',');
        if (!more && !scan_need(s, ']'))
            return false;
    }
    *out = op_shape_make(rank, dimensions);
    return true;
}

bool piece_dtype(scan *s, dtype *out) {
    char word[SCAN_WORD + 1];
    scan_line_ends(s);
    scan_place place = scan_here(s);
    if (!scan_word(s, word, "a dtype"))
        return false;
    *out = dtype_from_name(word);
    return *out != DTYPE_COUNT ||
           scan_fail(s, STATUS_FORMAT, place, "expected f32, f64, i32 or bool, found '%s'", word);
}

bool piece_kind(scan *s, int32_t *out) {
    char word[SCAN_WORD + 1];
    scan_line_ends(s);
    scan_place place = scan_here(s);
    if (!scan_word(s, word, "a kind of fold"))
        return false;
    for (*out = 0; *out < OP_KIND_COUNT; ++*out)
        if (strcmp(word, op_kind_name((op_kind)*out)) == 0)
            return true;
    return scan_fail(s, STATUS_FORMAT, place, "expected sum, max, lse or argmax, found '%s'", word);
}

bool piece_permutation(scan *s, int8_t *out) {
    int count = 0;
    if (!scan_need(s, '('))
        return false;
    if (scan_take(s, ')'))
        return true;
    do {
        int64_t value;
        if (count == LIMIT_RANK)
            return scan_fail(s, STATUS_FORMAT, scan_here(s), "a shape has at most %d dimensions",
                             (int)LIMIT_RANK);
        if (!scan_integer(s, 0, LIMIT_RANK - 1, &value, "a dimension"))
            return false;
        out[count++] = (int8_t)value;
    } while (scan_take(s, ','));
    return scan_need(s, ')');
}
