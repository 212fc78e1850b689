/* Growable arrays in an arena: struct { type *at; size_t count, capacity; }. Elements move when the
 * array grows. */
#ifndef EDDY_CORE_VEC_H
#define EDDY_CORE_VEC_H

#include <stddef.h>

#include "core/arena.h"

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t count, capacity;                                                                    \
    }

/* Makes room for `extra` more elements. */
#define vec_reserve(a, v, extra)                                                                   \
    ((v)->count + (extra) > (v)->capacity                                                          \
         ? (void)((v)->at = vec_grow((a), (v)->at, &(v)->capacity, (v)->count + (extra),           \
                                     sizeof *(v)->at))                                             \
         : (void)0)
#define vec_push(a, v, ...)                                                                        \
    (vec_reserve((a), (v), (size_t)1), (v)->at[(v)->count++] = (__VA_ARGS__))
#define vec_pop(v)  ((v)->at[--(v)->count])
#define vec_last(v) ((v)->at[(v)->count - 1])

/* Behind vec_reserve: at least `need` elements, doubling; new elements are zero. */
void *vec_grow(arena *a, void *at, size_t *capacity, size_t need, size_t size);

#endif
