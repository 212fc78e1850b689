/* FNV-1a, 64 bits: tells texts and files apart that were not made to be mistaken for each other. */
#ifndef EDDY_CORE_HASH_H
#define EDDY_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *at, size_t bytes);

#endif
