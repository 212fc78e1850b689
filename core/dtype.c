/* One row for each element type; everything that is asked about one is read from its row. */
#include "core/dtype.h"

#include <assert.h>
#include <string.h>

typedef struct dtype_row {
    const char *name;
    size_t size;
    bool is_float;
} dtype_row;

static const dtype_row dtype_rows[DTYPE_COUNT] = {
    [DTYPE_F32] = {"f32", 4, true},
    [DTYPE_F64] = {"f64", 8, true},
    [DTYPE_I32] = {"i32", 4, false},
    [DTYPE_BOOL] = {"bool", 1, false},
};

static const dtype_row *dtype_row_of(dtype t) {
    assert((unsigned)t < DTYPE_COUNT);
    return &dtype_rows[t];
}

size_t dtype_size(dtype t) {
    return dtype_row_of(t)->size;
}
const char *dtype_name(dtype t) {
    return dtype_row_of(t)->name;
}
bool dtype_is_float(dtype t) {
    return dtype_row_of(t)->is_float;
}

dtype dtype_from_name(const char *name) {
    unsigned t = 0;
    while (t < DTYPE_COUNT && strcmp(dtype_rows[t].name, name) != 0)
        t++;
    return (dtype)t;
}
