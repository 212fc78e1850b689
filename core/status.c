/* The first error wins.
 *
 * A builder chain that goes wrong at one call usually goes wrong again at the next ones, and only
 * the first message tells the user what to repair. So a second report is dropped, and every call
 * returns the code that was kept. Long messages are cut to the fixed buffer (an error report must
 * not need memory); the cut never splits a UTF-8 character. */
#include "core/status.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Takes an incomplete UTF-8 character off the end of a message that was cut. */
static void status_mend_end(char *message) {
    size_t count = strlen(message), lead = count;
    while (lead > 0 && count - lead < 3 && ((unsigned char)message[lead - 1] & 0xC0) == 0x80)
        lead--;
    if (lead == 0)
        return;
    unsigned char first = (unsigned char)message[lead - 1];
    size_t wants = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
    if (count - (lead - 1) < wants)
        message[lead - 1] = 0;
}

status error_set_list(error *e, status code, site where, const char *format, va_list list) {
    assert(code != STATUS_OK && code < STATUS_COUNT);
    if (e->code != STATUS_OK)
        return e->code;
    e->code = code;
    e->where = where;
    e->message[0] = 0;
    size_t used = 0;
    if (where.file) {
        int length = snprintf(e->message, sizeof e->message, "%s:%d: ", where.file, where.line);
        used = length < 0 ? 0 : (size_t)length;
    }
    if (used < sizeof e->message) {
        int length = vsnprintf(e->message + used, sizeof e->message - used, format, list);
        used += length < 0 ? 0 : (size_t)length;
    }
    if (used >= sizeof e->message)
        status_mend_end(e->message);
    return code;
}

status error_set(error *e, status code, site where, const char *format, ...) {
    va_list list;
    va_start(list, format);
    status kept = error_set_list(e, code, where, format, list);
    va_end(list);
    return kept;
}

void error_clear(error *e) {
    e->code = STATUS_OK;
    e->where = (site){NULL, 0};
    e->message[0] = 0;
}

const char *status_name(status code) {
    static const char *const names[STATUS_COUNT] = {
        [STATUS_OK] = "ok",
        [STATUS_OUT_OF_MEMORY] = "out of memory",
        [STATUS_SHAPE] = "shape",
        [STATUS_ILLEGAL] = "illegal program",
        [STATUS_ARGUMENT] = "bad argument",
        [STATUS_MISSING] = "missing value",
        [STATUS_SIZE] = "size",
        [STATUS_IO] = "input or output",
        [STATUS_FORMAT] = "format",
        [STATUS_UNSUPPORTED] = "unsupported",
    };
    return (int)code >= 0 && code < STATUS_COUNT ? names[code] : "unknown status";
}
