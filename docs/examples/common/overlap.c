/* Finding shared runs with a table of windows.
 *
 * The held-out part is the small one, so its windows go into the table and the training text is
 * slid past them with a rolling hash: memory follows the 5 %, time is one look per training byte.
 *
 * The trap is the table that stops at the first equal window: when two held-out texts hold the same
 * run, both must be marked, so equal windows of different texts are all kept and all visited. A
 * text that repeats itself (a line of dashes) keeps one of its equal windows, or else chains would
 * grow with the square of its length. */
#include "common/overlap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct overlap_window {
    const unsigned char *at; /* NULL: a free place */
    size_t length;           /* the run, or the whole of a shorter text */
    size_t owner;            /* index of the held-out text */
    uint64_t hash;
} overlap_window;

typedef struct overlap_table {
    overlap_window *places;
    size_t mask; /* number of places, a power of two, less one */
    bool *shares;
} overlap_table;

static const uint64_t overlap_base = UINT64_C(0x100000001b3);

static size_t overlap_place(const overlap_table *table, uint64_t hash) {
    hash ^= hash >> 32; /* the low bits of a polynomial hash see only the low bits of the text */
    return (size_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & table->mask;
}

static bool overlap_equal(const overlap_window *a, const overlap_window *b) {
    return a->hash == b->hash && a->length == b->length && memcmp(a->at, b->at, a->length) == 0;
}

static void overlap_insert(overlap_table *table, overlap_window window) {
    size_t place = overlap_place(table, window.hash);
    for (; table->places[place].at != NULL; place = (place + 1) & table->mask) {
        overlap_window *other = &table->places[place];
        if (other->owner == window.owner && overlap_equal(other, &window))
            return;
    }
    table->places[place] = window;
}

static void overlap_mark(overlap_table *table, overlap_window window) {
    size_t place = overlap_place(table, window.hash);
    for (; table->places[place].at != NULL; place = (place + 1) & table->mask) {
        const overlap_window *other = &table->places[place];
        if (!table->shares[other->owner] && overlap_equal(other, &window)) {
            table->shares[other->owner] = true;
        }
    }
}

static size_t overlap_windows(overlap_span text, size_t run) {
    if (text.length == 0)
        return 0;
    return text.length < run ? 1 : text.length - run + 1;
}

/* Calls `visit` with every window of a text. */
static void overlap_slide(overlap_table *table, overlap_span text, size_t owner, size_t run,
                          void (*visit)(overlap_table *, overlap_window)) {
    size_t windows = overlap_windows(text, run), length = text.length < run ? text.length : run;
    uint64_t hash = 0, leading = 1; /* leading: base to the power of length - 1 */
    for (size_t i = 0; i < length; i++) {
        hash = hash * overlap_base + text.bytes[i];
        if (i > 0)
            leading *= overlap_base;
    }
    for (size_t i = 0; i < windows; i++) {
        visit(table, (overlap_window){text.bytes + i, length, owner, hash});
        if (i + 1 < windows) {
            hash = (hash - text.bytes[i] * leading) * overlap_base + text.bytes[i + length];
        }
    }
}

bool overlap_find(const overlap_span *held, size_t held_count, const overlap_span *train,
                  size_t train_count, size_t run, bool *shares) {
    size_t windows = 0, places = 16;
    for (size_t i = 0; i < held_count; i++) {
        windows += overlap_windows(held[i], run);
        shares[i] = false;
    }
    while (places < 2 * windows)
        places *= 2;
    overlap_table table = {calloc(places, sizeof *table.places), places - 1, shares};
    if (table.places == NULL)
        return false;
    for (size_t i = 0; i < held_count; i++)
        overlap_slide(&table, held[i], i, run, overlap_insert);
    for (size_t i = 0; i < train_count; i++)
        overlap_slide(&table, train[i], 0, run, overlap_mark);
    free(table.places);
    return true;
}
