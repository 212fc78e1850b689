/* Interning: equal bytes become one pointer, so names and keys compare by address. On uthash, whose
 * iteration order is insertion order: what a compiler prints never depends on addresses. */
#ifndef EDDY_CORE_INTERN_H
#define EDDY_CORE_INTERN_H

#include <stddef.h>

#include "core/arena.h"

typedef struct intern_entry intern_entry;

typedef struct intern {
    arena *memory;
    intern_entry *table;
} intern;

void intern_init(intern *table, arena *memory);
/* The one copy of these bytes (terminated by an extra 0). */
const char *intern_bytes(intern *table, const void *bytes, size_t count);
const char *intern_text(intern *table, const char *text);
/* A value that belongs to these key bytes: the address of a pointer that is NULL at first. It stays
 * valid. */
void **intern_slot(intern *table, const void *key, size_t count);

#endif
