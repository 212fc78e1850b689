/* Files of numbers in rows.
 *
 * A .npy file is a magic, a version, the length of a header, the header (a Python literal), and the
 * elements; the header is padded so that they begin at a multiple of 64 bytes. A .csv file has a
 * line of names, and numbers with the digits that bring them back. */
#include "frontends/cli/table.h"

#include <stdio.h>
#include <string.h>

#include "core/io.h"

static bool table_ends(const char *path, const char *with) {
    size_t length = strlen(path), end = strlen(with);
    return length > end && strcmp(path + length - end, with) == 0;
}

void table_check_name(const char *path) {
    if (!table_ends(path, ".npy") && !table_ends(path, ".csv"))
        cli_fail(CLI_USAGE, "%s is no name of a file of numbers: end it with .npy or .csv", path);
}

static void table_npy(arena *memory, text *out, const float *at, size_t rows, size_t columns) {
    char *shape = columns == 1 ? arena_print(memory, "(%zu,)", rows)
                               : arena_print(memory, "(%zu, %zu)", rows, columns);
    char *header =
        arena_print(memory, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", shape);
    size_t length = strlen(header) + 1, whole = (10 + length + 63) / 64 * 64;
    text_add_bytes(out, "\x93NUMPY\x01\x00", 8);
    char size[2] = {(char)((whole - 10) & 0xFF), (char)((whole - 10) >> 8)};
    text_add_bytes(out, size, 2);
    text_add(out, "%s%*s\n", header, (int)(whole - 10 - length), "");
    text_add_bytes(out, (const char *)at, rows * columns * sizeof(float));
}

static void table_csv(text *out, const float *at, size_t rows, size_t columns,
                      const char *const *names) {
    for (size_t k = 0; k < columns; k++)
        text_add(out, "%s%s", names[k], k + 1 < columns ? "," : "\n");
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < columns; k++) {
            text_add_f32(out, at[i * columns + k]);
            text_add(out, k + 1 < columns ? "," : "\n");
        }
}

void table_write(arena *memory, const char *path, const float *at, size_t rows, size_t columns,
                 const char *const *names) {
    text out;
    text_init(&out, memory);
    if (table_ends(path, ".npy"))
        table_npy(memory, &out, at, rows, columns);
    else
        table_csv(&out, at, rows, columns, names);
    cli_write_file(path, out.at, out.count);
}
