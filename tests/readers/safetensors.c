/* safetensors: a set that was read is written, and read again, to the same bytes. */
#include "tests/readers/memory/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    memory_read("in.safetensors", bytes, count);
    return 0;
}
