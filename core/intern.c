/* Interning on uthash.
 *
 * An entry carries its key bytes behind itself and one pointer for intern_slot, so a name and what
 * belongs to it cost one block. uthash asks for its buckets through uthash_malloc: they come from
 * the arena too, and old buckets are left to it. The arena never returns NULL, hence uthash_fatal
 * cannot happen. The macros name a variable `memory`, which the one function that adds has in
 * scope. A jump out of the middle of an insertion leaves the table torn; it dies with its arena. */
#include "core/intern.h"

#include <assert.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#define uthash_malloc(bytes)   arena_take(memory, (bytes))
#define uthash_free(at, bytes) ((void)(at))
#define uthash_fatal(message)  assert(0 && (message))
#include <uthash.h>

struct intern_entry {
    UT_hash_handle hh;
    void *value;
    char bytes[];
};

void intern_init(intern *table, arena *memory) {
    *table = (intern){memory, NULL};
}

static intern_entry *intern_find_or_add(intern *table, const void *key, size_t count) {
    arena *memory = table->memory;
    assert(count < UINT_MAX / 2); /* uthash keeps lengths in an unsigned */
    unsigned length = (unsigned)count, hash;
    if (count == 0)
        key = ""; /* memcmp wants an address even for no bytes */
    HASH_VALUE(key, length, hash);
    intern_entry *entry;
    HASH_FIND_BYHASHVALUE(hh, table->table, key, length, hash, entry);
    if (entry)
        return entry;
    entry = arena_take(memory, sizeof *entry + count + 1);
    memcpy(entry->bytes, key, count);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, table->table, entry->bytes, length, hash, entry);
    return entry;
}

const char *intern_bytes(intern *table, const void *bytes, size_t count) {
    return intern_find_or_add(table, bytes, count)->bytes;
}

const char *intern_text(intern *table, const char *text) {
    return intern_bytes(table, text, strlen(text));
}

void **intern_slot(intern *table, const void *key, size_t count) {
    return &intern_find_or_add(table, key, count)->value;
}
