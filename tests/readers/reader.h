/* One reader of files that come from strangers: readers/<name>.c feeds it any bytes.
 *
 * libFuzzer, in the preset `fuzz`, makes the bytes up, led by what they reach (./run fuzz); in
 * every other build replay/main.c hands it the files of readers/<name>/, which are kept: seeds, and
 * whatever once found a fault. The function returns 0, or ends the process where the reader did not
 * keep what it promises; sanitizers see the rest. */
#ifndef EDDY_TESTS_READERS_READER_H
#define EDDY_TESTS_READERS_READER_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

#endif
