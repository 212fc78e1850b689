/* Parameter files: what is written is read back; what others wrote is read; what is damaged is
 * refused in exact words and changes nothing. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontends/eddy.h"
#include "tests/support/fault.h"

static char path[] = "/tmp/eddy-params-XXXXXX";

static void open_file(void) {
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    close(file);
}

static void close_file(void) {
    unlink(path);
}

TestSuite(api_safetensors, .init = open_file, .fini = close_file);

static void write_bytes(const void *prefix, const char *header, size_t header_bytes,
                        const void *data, size_t data_bytes) {
    FILE *file = fopen(path, "wb");
    cr_assert(file);
    fwrite(prefix, 1, 8, file);
    fwrite(header, 1, header_bytes, file);
    fwrite(data, 1, data_bytes, file);
    cr_assert_eq(fclose(file), 0);
}

static unsigned char data[64];

/* A file with this header and that many bytes of data. */
static void write_file(const char *header, size_t data_bytes) {
    unsigned char prefix[8] = {0};
    size_t length = strlen(header);
    for (int i = 0; i < 8; i++)
        prefix[i] = (unsigned char)(length >> 8 * i & 0xFF);
    write_bytes(prefix, header, length, data, data_bytes);
}

#define A    "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"
#define N    "\"n\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[24,28]}"
#define K    "\"k\":{\"dtype\":\"BOOL\",\"shape\":[4],\"data_offsets\":[28,32]}"
#define GOOD "{" A "," N "," K "}"

static void fill(void) {
    for (int i = 0; i < 6; i++)
        memcpy(data + 4 * i, &(float){(float)i + 0.5f}, 4);
    memcpy(data + 24, &(int32_t){-9}, 4);
    memcpy(data + 28, (unsigned char[]){1, 0, 1, 1}, 4);
}

static eddy_params *loaded(void) {
    eddy_params *s = eddy_params_new(NULL, 0);
    fill();
    write_file(GOOD, 32);
    cr_assert_eq(eddy_params_load(s, path), EDDY_OK, "%s", eddy_params_message(s));
    return s;
}

static void check(eddy_params *s) {
    eddy_tensor t;
    cr_assert_eq(eddy_params_count(s), 3);
    const char *names[] = {"a", "n", "k"};
    const size_t elements[] = {6, 1, 4}, bytes[] = {24, 4, 4};
    for (int i = 0, at = 0; i < 3; at += (int)bytes[i], i++) {
        cr_assert(eddy_params_at(s, i, &t));
        cr_assert_str_eq(t.name, names[i]);
        cr_assert_eq(t.elements, elements[i]);
        cr_assert_arr_eq(t.data, data + at, bytes[i]);
    }
}

Test(api_safetensors, an_empty_set_takes_what_a_file_has) {
    eddy_params *s = loaded();
    eddy_tensor t;
    check(s);
    eddy_params_at(s, 0, &t);
    cr_assert_eq(t.dtype, EDDY_F32);
    cr_assert_eq(t.rank, 2);
    cr_assert_eq(t.dimensions[0], 2);
    cr_assert_eq(t.dimensions[1], 3);
    eddy_params_at(s, 1, &t);
    cr_assert_eq(t.dtype, EDDY_I32);
    cr_assert_eq(t.rank, 0);
    eddy_params_at(s, 2, &t);
    cr_assert_eq(t.dtype, EDDY_BOOL);
    eddy_params_free(s);
}

static size_t slurp(unsigned char *out, size_t bytes) {
    FILE *file = fopen(path, "rb");
    cr_assert(file);
    size_t got = fread(out, 1, bytes, file);
    fclose(file);
    return got;
}

Test(api_safetensors, a_set_is_saved_and_read_back) {
    static unsigned char one[4096], two[4096];
    eddy_params *s = loaded(), *again = eddy_params_new(NULL, 0);
    cr_assert_eq(eddy_params_save(s, path), EDDY_OK, "%s", eddy_params_message(s));
    size_t bytes = slurp(one, sizeof one);
    const char *header =
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
        "\"n\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[24,28]},"
        "\"k\":{\"dtype\":\"BOOL\",\"shape\":[4],\"data_offsets\":[28,32]}}";
    cr_assert_eq(bytes, 8 + (strlen(header) + 7) / 8 * 8 + 32);
    cr_assert_eq(strncmp((char *)one + 8, header, strlen(header)), 0);
    cr_assert_eq(eddy_params_load(again, path), EDDY_OK);
    check(again);
    cr_assert_eq(eddy_params_save(again, path), EDDY_OK);
    cr_assert_eq(slurp(two, sizeof two), bytes);
    cr_assert_arr_eq(one, two, bytes);

    /* Into a set that has them: only the values change. */
    const float zeros[6] = {0};
    eddy_tensor before, after;
    eddy_params_at(s, 0, &before);
    eddy_params_write(s, "a", zeros, 6);
    cr_assert_eq(eddy_params_load(s, path), EDDY_OK, "%s", eddy_params_message(s));
    check(s);
    eddy_params_at(s, 0, &after);
    cr_assert_eq(before.data, after.data, "tensors never move");
    eddy_params_free(s);
    eddy_params_free(again);
}

Test(api_safetensors, an_empty_set_is_a_file_too) {
    eddy_params *s = eddy_params_new(NULL, 0);
    cr_assert_eq(eddy_params_save(s, path), EDDY_OK);
    cr_assert_eq(eddy_params_load(s, path), EDDY_OK);
    cr_assert_eq(eddy_params_count(s), 0);
    eddy_params_free(s);
}

Test(api_safetensors, what_others_write_is_read) {
    const char *const headers[] = {
        "{\"__metadata__\":{\"format\":\"pt\"}," A "," N "," K "}",
        "{" K "," A "," N "}",
        GOOD "        ",
        "{\n  \"a\" : {\"shape\": [2, 3], \"data_offsets\": [0, 24], \"dtype\": \"F32\"}, " N "," K
        "}",
        "{\"__metadata__\":{}," A "," N "," K "}",
    };
    fill();
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        eddy_params *s = eddy_params_new(NULL, 0);
        write_file(headers[i], 32);
        cr_assert_eq(eddy_params_load(s, path), EDDY_OK, "%s", eddy_params_message(s));
        check(s);
        eddy_params_free(s);
    }
    eddy_params *s = eddy_params_new(NULL, 0);
    write_file("{\"\\u00fc\\\"\\\\\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4);
    cr_assert_eq(eddy_params_load(s, path), EDDY_OK, "%s", eddy_params_message(s));
    float value;
    cr_assert_eq(eddy_params_read(s, "\u00fc\"\\", &value, 1), EDDY_OK);
    cr_assert_eq(eddy_params_save(s, path), EDDY_OK);
    cr_assert_eq(eddy_params_load(s, path), EDDY_OK, "%s", eddy_params_message(s));
    eddy_params_free(s);
}

/* The file that was just written is refused by an empty set and by a full one. */
static void refuse(eddy_status code, const char *words) {
    char expected[2200];
    snprintf(expected, sizeof expected, "cannot load %s: %s", path, words);
    eddy_params *s = eddy_params_new(NULL, 0);
    cr_expect_eq(eddy_params_load(s, path), code, "%s", words);
    cr_expect_str_eq(eddy_params_message(s), expected);
    cr_expect_eq(eddy_params_count(s), 0);
    eddy_params_free(s);
}

typedef struct damage {
    const char *header;
    size_t data_bytes;
    const char *words;
} damage;

#define ENTRY(dtype, shape, offsets)                                                               \
    "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static const damage damages[] = {
    {"", 32, "the header does not begin with {"},
    {"[]", 32, "the header does not begin with {"},
    {" " GOOD, 32, "the header does not begin with {"},
    {"\xEF\xBB\xBF" GOOD, 32, "the header does not begin with {"},
    {"{", 32, "header, line 1, column 1: string or '}' expected near end of file"},
    {"{}", 32, "bytes after the last tensor: 32"},
    {GOOD "x", 32, "header, line 1, column 168: end of file expected near 'x'"},
    {GOOD "{}", 32, "header, line 1, column 168: end of file expected near '{'"},
    {"{" A "," N "," K ",}", 32, "header, line 1, column 168: string or '}' expected near '}'"},
    {"{" A "," N "," K, 32, "header, line 1, column 166: '}' expected near end of file"},
    {"{'a':1}", 32, "header, line 1, column 2: string or '}' expected near '''"},
    {"{" A "," A "," N "," K "}", 32,
     "header, line 1, column 60: duplicate object key near '\"a\"'"},
    {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     "header, line 1, column 27: duplicate object key near '\"dtype\"'"},
    {"{\"a\\u0000b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     "header, line 1, column 11: NUL byte in object key not supported near '\"a\\u0000b\"'"},
    {"{\"\xFF\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     "header, line 1, column 2: unable to decode byte 0xff near '\"'"},
    {"{\"\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     "a tensor's name has not 1 to 200 bytes"},
    {"{\"a\\f\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     "a tensor's name has a control character"},
    {"{\"\\u009b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     "a tensor's name has a control character"},
    {"{\"a\":7}", 4, "the entry of a has not exactly dtype, shape and data_offsets"},
    {"{\"a\":null}", 4, "the entry of a has not exactly dtype, shape and data_offsets"},
    {"{\"a\":[]}", 4, "the entry of a has not exactly dtype, shape and data_offsets"},
    {"{\"a\":{}}", 4, "the entry of a has not exactly dtype, shape and data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4,
     "the entry of a has not exactly dtype, shape and data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4,
     "the entry of a has not exactly dtype, shape and data_offsets"},
    {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     "the entry of a has not exactly dtype, shape and data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4,
     "the entry of a has not exactly dtype, shape and data_offsets"},
    {ENTRY("32", "[1]", "[0,4]"), 4, "the dtype of a is not a string"},
    {ENTRY("\"F16\"", "[2]", "[0,4]"), 4,
     "the dtype of a is F16; F32, F64, I32, I64, U8, BOOL are read"},
    {ENTRY("\"f32\"", "[1]", "[0,4]"), 4,
     "the dtype of a is f32; F32, F64, I32, I64, U8, BOOL are read"},
    {ENTRY("\"\"", "[1]", "[0,4]"), 4, "the dtype of a is ; F32, F64, I32, I64, U8, BOOL are read"},
    {ENTRY("\"F32\"", "1", "[0,4]"), 4, "the shape of a is not a list of at most 8 numbers"},
    {ENTRY("\"F32\"", "{}", "[0,4]"), 4, "the shape of a is not a list of at most 8 numbers"},
    {ENTRY("\"F32\"", "[1.0]", "[0,4]"), 4, "dimension 0 of a is not a positive integer"},
    {ENTRY("\"F32\"", "[\"1\"]", "[0,4]"), 4, "dimension 0 of a is not a positive integer"},
    {ENTRY("\"F32\"", "[-1]", "[0,4]"), 4, "dimension 0 of a is not a positive integer"},
    {ENTRY("\"F32\"", "[0]", "[0,0]"), 4, "dimension 0 of a is not a positive integer"},
    {ENTRY("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4,
     "the shape of a is not a list of at most 8 numbers"},
    {ENTRY("\"F32\"", "[99999999999999999999]", "[0,4]"), 4,
     "header, line 1, column 49: too big integer near '99999999999999999999'"},
    {ENTRY("\"F32\"", "[4294967296,4294967296]", "[0,4]"), 4,
     "a is f32 [4294967296, 4294967296], which does not fill its 4 bytes"},
    {ENTRY("\"F32\"", "[4611686018427387904]", "[0,4]"), 4,
     "a is f32 [4611686018427387904], which does not fill its 4 bytes"},
    {ENTRY("\"F32\"", "[4611686018427387905]", "[0,4]"), 4,
     "a is f32 [4611686018427387905], which does not fill its 4 bytes"},
    {ENTRY("\"F32\"", "[2]", "[0,4]"), 4, "a is f32 [2], which does not fill its 4 bytes"},
    {ENTRY("\"F32\"", "[1]", "[0,8]"), 8, "a is f32 [1], which does not fill its 8 bytes"},
    {ENTRY("\"F64\"", "[1]", "[0,4]"), 4, "a is f64 [1], which does not fill its 4 bytes"},
    {ENTRY("\"F32\"", "[]", "[0,0]"), 0, "a is f32 [], which does not fill its 0 bytes"},
    {ENTRY("\"F32\"", "[1]", "4"), 4, "the data_offsets of a are not two rising positions"},
    {ENTRY("\"F32\"", "[1]", "[4]"), 4, "the data_offsets of a are not two rising positions"},
    {ENTRY("\"F32\"", "[1]", "[0,4,8]"), 4, "the data_offsets of a are not two rising positions"},
    {ENTRY("\"F32\"", "[1]", "[0,4.0]"), 4, "the data_offsets of a are not two rising positions"},
    {ENTRY("\"F32\"", "[1]", "[\"0\",\"4\"]"), 4,
     "the data_offsets of a are not two rising positions"},
    {ENTRY("\"F32\"", "[1]", "[-4,0]"), 4, "the data_offsets of a are not two rising positions"},
    {ENTRY("\"F32\"", "[1]", "[4,0]"), 4, "the data_offsets of a are not two rising positions"},
    {ENTRY("\"F32\"", "[1]", "[0,4]"), 3, "a ends at byte 4, but there are 3 bytes of data"},
    {ENTRY("\"F32\"", "[1]", "[9223372036854775803,9223372036854775807]"), 4,
     "a ends at byte 9223372036854775807, but there are 4 bytes of data"},
    {ENTRY("\"F32\"", "[1]", "[0,4]"), 5, "bytes after the last tensor: 1"},
    {ENTRY("\"F32\"", "[1]", "[4,8]"), 8, "a begins at byte 4 of the data, not 0"},
    {"{" A "," N "}", 32, "bytes after the last tensor: 4"},
    {"{" A "," K "}", 32, "k begins at byte 28 of the data, not 24"},
    {"{" A ",\"n\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[20,24]}}", 24,
     "n begins at byte 20 of the data, not 24"},
    {"{" A ",\"n\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", 24,
     "n begins at byte 0 of the data, not 24"},
    {ENTRY("\"BOOL\"", "[32]", "[0,32]"), 32, "a has a bool that is 63"},
    {"{\"__metadata__\":7," A "}", 24, "__metadata__ is not an object of strings"},
    {"{\"__metadata__\":{\"x\":7}," A "}", 24, "__metadata__ has a x that is no string"},
    {"{\"__metadata__\":{\"x\":{}}," A "}", 24, "__metadata__ has a x that is no string"},
};

Test(api_safetensors, damaged_files_are_refused) {
    fill();
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        write_file(damages[i].header, damages[i].data_bytes);
        refuse(EDDY_BAD_FORMAT, damages[i].words);
    }
}

Test(api_safetensors, damaged_lengths_are_refused) {
    const struct {
        unsigned char prefix[8];
        size_t header_bytes;
        const char *words;
    } lengths[] = {
        {{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
         8,
         "a header of 18446744073709551615 bytes in a file of 16"},
        {{0, 0, 0, 0, 0, 0, 0, 0x80}, 8, "a header of 9223372036854775808 bytes in a file of 16"},
        {{0, 0, 0, 0, 1}, 8, "a header of 4294967296 bytes in a file of 16"},
        {{1, 0, 64, 6}, 8, "a header of 104857601 bytes in a file of 16"}, /* 100 MiB and a byte */
        {{0, 0, 64, 6}, 8, "a header of 104857600 bytes in a file of 16"},
        {{9}, 8, "a header of 9 bytes in a file of 16"},
    };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        write_bytes(lengths[i].prefix, "{}      ", lengths[i].header_bytes, "", 0);
        refuse(EDDY_BAD_FORMAT, lengths[i].words);
    }
}

Test(api_safetensors, a_file_cut_anywhere_is_refused) {
    static unsigned char whole[4096];
    fill();
    write_file(GOOD, 32);
    size_t bytes = slurp(whole, sizeof whole);
    for (size_t cut = 0; cut < bytes; cut++) {
        FILE *file = fopen(path, "wb");
        fwrite(whole, 1, cut, file);
        fclose(file);
        eddy_params *s = eddy_params_new(NULL, 0);
        cr_assert_eq(eddy_params_load(s, path), EDDY_BAD_FORMAT, "cut at %zu: %s", cut,
                     eddy_params_message(s));
        cr_assert_eq(eddy_params_count(s), 0);
        eddy_params_free(s);
    }
}

Test(api_safetensors, names_and_shapes_must_be_those_of_the_set) {
    const struct {
        const char *header;
        size_t bytes;
        eddy_status code;
        const char *words;
    } others[] = {
        {"{" A "," N "}", 28, EDDY_MISSING, "the file has no k"},
        {"{" A "," N "," K ",\"z\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[32,36]}}", 36,
         EDDY_MISSING, "the params have no z"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]}," N "," K "}", 32,
         EDDY_SHAPE_MISMATCH, "a is f32 [3, 2] in the file, but f32 [2, 3] in the params"},
        {"{\"a\":{\"dtype\":\"I32\",\"shape\":[2,3],\"data_offsets\":[0,24]}," N "," K "}", 32,
         EDDY_SHAPE_MISMATCH, "a is i32 [2, 3] in the file, but f32 [2, 3] in the params"},
    };
    eddy_params *s = loaded();
    unsigned char kept[sizeof data];
    memcpy(kept, data, sizeof data);
    memset(data, 0, sizeof data);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char expected[512];
        snprintf(expected, sizeof expected, "cannot load %s: %s", path, others[i].words);
        write_file(others[i].header, others[i].bytes);
        cr_expect_eq(eddy_params_load(s, path), others[i].code);
        cr_expect_str_eq(eddy_params_message(s), expected);
        eddy_params_clear(s);
    }
    memcpy(data, kept, sizeof data);
    check(s);
    eddy_params_free(s);
}

Test(api_safetensors, a_set_tells_its_own_mistakes) {
    eddy_params *s = loaded();
    float out[6];
    cr_assert_eq(eddy_params_read(s, "b", out, 6), EDDY_BAD_ARGUMENT);
    cr_assert_str_eq(eddy_params_message(s),
                     "read: there is no parameter \"b\"; there are: a, n, k");
    cr_assert_eq(eddy_params_read(s, "a", out, 6), EDDY_BAD_ARGUMENT, "it sticks");
    eddy_params_clear(s);
    cr_assert_eq(eddy_params_write(s, "a", out, 5), EDDY_BAD_SIZE);
    cr_assert_str_eq(eddy_params_message(s),
                     "write: a is f32 [2, 3] with 6 elements, but 5 are given");
    eddy_params_clear(s);
    cr_assert_eq(eddy_params_load(s, "/nowhere/at/all"), EDDY_IO);
    cr_assert_str_eq(eddy_params_message(s),
                     "cannot open /nowhere/at/all: No such file or directory");
    eddy_params_clear(s);
    cr_assert_eq(eddy_params_save(s, NULL), EDDY_BAD_ARGUMENT);
    check(s);
    eddy_params_free(s);
}

/* A name that the user gave to a value may be any bytes, but not in a file that is read again. */
Test(api_safetensors, names_that_no_file_can_have) {
    static const char *const names[] = {"a\xff", "a\x02", "a\x7f"};
    static const char *const kinds[] = {"safetensors", "npz"};
    for (size_t i = 0; i < 6; i++) {
        char to[80], expected[200];
        snprintf(to, sizeof to, "%s.%s", path, kinds[i % 2]);
        eddy_params *s = eddy_params_new(NULL, 0);
        eddy_model *m = eddy_model_new(NULL);
        eddy_program *program;
        eddy_run *run;
        eddy_output(m, "y", eddy_param(m, names[i / 2], eddy_init_constant(1), 1));
        cr_assert_eq(eddy_compile(m, &program), EDDY_OK, "%s", eddy_model_message(m));
        cr_assert_eq(eddy_run_new(program, s, &run), EDDY_OK);
        snprintf(expected, sizeof expected, "cannot write %s: the name of tensor 0 %s", to,
                 i < 2 ? "is not UTF-8" : "has a control character");
        cr_assert_eq(eddy_params_save(s, to), EDDY_BAD_ARGUMENT);
        cr_assert_str_eq(eddy_params_message(s), expected);
        cr_assert_eq(access(to, F_OK), -1);
        eddy_run_free(run);
        eddy_program_free(program);
        eddy_model_free(m);
        eddy_params_free(s);
    }
}

Test(api_safetensors, a_disk_that_fails_leaves_the_old_file) {
    fault_files disk;
    for (int call = 0; call < FAULT_ANY_CALL; call++) {
        eddy_params *old = loaded(), *check_again = eddy_params_new(NULL, 0);
        fault_files_init(&disk, FAULT_FROM, (fault_call)call, 1, ENOSPC);
        const eddy_files table = {disk.table.open_read,   disk.table.open_new, disk.table.read,
                                  disk.table.write,       disk.table.size,     disk.table.sync,
                                  disk.table.close,       disk.table.rename,   disk.table.remove,
                                  disk.table.sync_folder, disk.table.user};
        const eddy_options options = {.files = &table};
        eddy_params *s = eddy_params_new(&options, 0);
        eddy_status saved = eddy_params_save(s, path); /* an empty set over the three tensors */
        cr_assert_eq(saved, disk.failures && call != FAULT_REMOVE ? EDDY_IO : EDDY_OK, "%s",
                     eddy_params_message(s));
        cr_assert_eq(eddy_params_load(check_again, path), EDDY_OK, "%s",
                     eddy_params_message(check_again));
        if (saved != EDDY_OK && call != FAULT_SYNC_FOLDER)
            check(check_again);
        cr_assert_eq(disk.open_files, 0);
        eddy_params_free(s);
        eddy_params_free(check_again);
        eddy_params_free(old);
    }
}
