/* Element types of values. Bool is one byte, 0 or 1, in memory. */
#ifndef EDDY_CORE_DTYPE_H
#define EDDY_CORE_DTYPE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum dtype { DTYPE_F32, DTYPE_F64, DTYPE_I32, DTYPE_BOOL, DTYPE_COUNT } dtype;

size_t dtype_size(dtype t);      /* bytes of one element: 4, 8, 4, 1 */
const char *dtype_name(dtype t); /* "f32" "f64" "i32" "bool" */
/* Returns DTYPE_COUNT when the name is none of these. */
dtype dtype_from_name(const char *name);
bool dtype_is_float(dtype t);

#endif
