/* Faults on demand: an allocator and a file table that behave until the n-th call. */
#ifndef EDDY_TESTS_SUPPORT_FAULT_H
#define EDDY_TESTS_SUPPORT_FAULT_H

#include <stdatomic.h>
#include <stddef.h>

#include "core/alloc.h"
#include "core/io.h"

typedef enum fault_mode {
    FAULT_NEVER,
    FAULT_ONCE, /* call `fail_at` alone */
    FAULT_FROM  /* call `fail_at` and all that follow */
} fault_mode;

/* Give &f->table to what is tested. Blocks are filled with 0xA5, so nobody can count on zeros. Any
 * thread may call. */
typedef struct fault_allocator {
    allocator table;
    fault_mode mode;
    size_t fail_at;         /* 1 is the first call */
    atomic_size_t calls;    /* of allocate */
    atomic_size_t failures; /* calls that were made to fail */
    atomic_size_t live_blocks, live_bytes;
    atomic_size_t mismatches; /* releases with another size than the block was asked with */
} fault_allocator;

/* Starts with zero counts; fail_at counts calls of allocate from 1. */
void fault_allocator_init(fault_allocator *f, fault_mode mode, size_t fail_at);

/* The calls of the file table; FAULT_ANY_CALL stands for all of them. */
typedef enum fault_call {
    FAULT_OPEN_READ,
    FAULT_OPEN_NEW,
    FAULT_READ,
    FAULT_WRITE,
    FAULT_SIZE,
    FAULT_SYNC,
    FAULT_CLOSE,
    FAULT_RENAME,
    FAULT_REMOVE,
    FAULT_SYNC_FOLDER,
    FAULT_ANY_CALL
} fault_call;

/* Give &f->table to what is tested. A close that is made to fail closes all the same, as the system
 * does. Set the fields after init at will. For one thread. */
typedef struct fault_files {
    files table;
    fault_mode mode;
    fault_call only;              /* which calls fail_at counts */
    size_t fail_at;               /* 1 is the first of them */
    int number;                   /* errno of a failing call */
    size_t longest;               /* most bytes that one read or write moves; 0: no limit */
    size_t counted;               /* calls of the kind `only` so far */
    size_t failures;              /* calls that were made to fail */
    size_t calls[FAULT_ANY_CALL]; /* of each kind */
    size_t open_files;            /* opened and not closed */
} fault_files;

/* The system's files behind it; no limit on `longest`. */
void fault_files_init(fault_files *f, fault_mode mode, fault_call only, size_t fail_at, int number);

#endif
