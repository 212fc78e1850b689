/* npz files: what NumPy wrote is read, whatever its layout; what is written is read back, the same
 * bytes for the same values; what is damaged is refused in exact words and changes nothing. The
 * files are made by tests/readers/seeds.py. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontends/tensors.h"

static char path[] = "/tmp/eddy-npz-XXXXXX.npz";

static void open_file(void) {
    int file = mkstemps(path, 4);
    cr_assert_geq(file, 0);
    close(file);
}

static void close_file(void) {
    unlink(path);
}

TestSuite(api_npz, .init = open_file, .fini = close_file);

static unsigned char bytes[8192];

static size_t read_file(const char *from) {
    FILE *file = fopen(from, "rb");
    cr_assert(file, "%s", from);
    size_t count = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    return count;
}

static void write_file(size_t count) {
    FILE *file = fopen(path, "wb");
    cr_assert(file);
    cr_assert_eq(fwrite(bytes, 1, count, file), count);
    cr_assert_eq(fclose(file), 0);
}

/* A file of tests/readers goes to `path`. */
static size_t seed(const char *name) {
    char from[512];
    snprintf(from, sizeof from, "%s/tests/readers/npz/%s", EDDY_SOURCE_DIR, name);
    size_t count = read_file(from);
    write_file(count);
    return count;
}

static eddy_params *loaded(void) {
    eddy_params *s = eddy_params_new(NULL, 0);
    cr_assert_eq(eddy_params_load(s, path), EDDY_OK, "%s", eddy_params_message(s));
    return s;
}

/* Tensor `name` of s is 0, 1, 2 ... with these dimensions. */
static void expect(eddy_params *s, const char *name, eddy_dtype type, int rank,
                   const int64_t *dimensions) {
    eddy_tensor t;
    int i = 0;
    while (eddy_params_at(s, i, &t) && strcmp(t.name, name) != 0)
        i++;
    cr_assert(eddy_params_at(s, i, &t), "no %s", name);
    cr_expect_eq(t.dtype, type, "%s", name);
    cr_assert_eq(t.rank, rank, "%s", name);
    for (int k = 0; k < rank; k++)
        cr_expect_eq(t.dimensions[k], dimensions[k], "%s", name);
    for (size_t k = 0; k < t.elements; k++) {
        double found = type == EDDY_F32   ? (double)((const float *)t.data)[k]
                       : type == EDDY_F64 ? ((const double *)t.data)[k]
                       : type == EDDY_I32 ? ((const int32_t *)t.data)[k]
                                          : ((const unsigned char *)t.data)[k];
        cr_expect_eq(found, (double)k, "%s[%zu] is %g", name, k, found);
    }
}

static void expect_all(eddy_params *s) {
    cr_expect_eq(eddy_params_count(s), 5);
    expect(s, "f4", EDDY_F32, 2, (int64_t[]){2, 3});
    expect(s, "i4", EDDY_I32, 0, NULL);
    expect(s, "b1", EDDY_BOOL, 1, (int64_t[]){2});
    expect(s, "f8", EDDY_F64, 1, (int64_t[]){4});
    expect(s, "fortran", EDDY_F32, 3, (int64_t[]){2, 3, 4});
}

Test(api_npz, what_numpy_writes_is_read) {
    const char *const names[] = {"stored", "deflated"};
    for (int i = 0; i < 2; i++) {
        seed(names[i]);
        eddy_params *s = loaded();
        expect_all(s);
        eddy_params_free(s);
    }
    seed("none");
    eddy_params *s = loaded();
    cr_expect_eq(eddy_params_count(s), 0);
    eddy_params_free(s);
}

Test(api_npz, a_set_is_saved_and_read_back) {
    static unsigned char once[sizeof bytes];
    seed("stored");
    eddy_params *s = loaded();
    cr_assert_eq(eddy_params_save(s, path), EDDY_OK, "%s", eddy_params_message(s));
    eddy_params *again = loaded();
    expect_all(again);
    size_t count = read_file(path);
    memcpy(once, bytes, count);
    setenv("TZ", "Asia/Kathmandu", 1);
    cr_assert_eq(eddy_params_save(again, path), EDDY_OK);
    cr_assert_eq(read_file(path), count);
    cr_assert_arr_eq(bytes, once, count);

    /* Into a set that has them; and between the two formats. */
    cr_assert_eq(eddy_params_write(s, "f4", (float[6]){0}, 6), EDDY_OK);
    cr_assert_eq(eddy_params_load(s, path), EDDY_OK, "%s", eddy_params_message(s));
    expect_all(s);
    eddy_params_free(s);
    eddy_params_free(again);
    s = eddy_params_new(NULL, 0);
    cr_assert_eq(eddy_params_save(s, path), EDDY_OK);
    cr_assert_eq(eddy_params_load(s, path), EDDY_OK, "%s", eddy_params_message(s));
    cr_expect_eq(eddy_params_count(s), 0);
    eddy_params_free(s);
}

static bool all(tensors *t, eddy_params *into, void *user) {
    (void)user;
    return tensors_take(t, into);
}

/* npy files as well, of which a set is no user. */
static eddy_status load(eddy_params *s) {
    tensors_load(s, path, all, NULL);
    return eddy_params_status(s);
}

static void refuse(eddy_status code, const char *words) {
    char expected[2200];
    snprintf(expected, sizeof expected, "cannot load %s: %s", path, words);
    eddy_params *s = eddy_params_new(NULL, 0);
    cr_expect_eq(load(s), code, "%s", words);
    cr_expect_str_eq(eddy_params_message(s), expected);
    cr_expect_eq(eddy_params_count(s), 0);
    eddy_params_free(s);
}

#define ARCHIVE  "it is no npz archive that can be read: "
#define ELEMENTS "; <f4, <f8, <i4, <i8, |b1 and |u1 are read"

Test(api_npz, damaged_files_are_refused) {
    seed("other");
    refuse(EDDY_BAD_FORMAT, "the name of member 1 is not 1 to 200 bytes and .npy");
    seed("inner");
    refuse(EDDY_BAD_FORMAT, "half is not read: its elements are <f2" ELEMENTS);
    write_file(0);
    refuse(EDDY_BAD_FORMAT, "0 bytes are too few for an npz archive");
    memset(bytes, 'P', 100);
    write_file(100);
    refuse(EDDY_BAD_FORMAT, ARCHIVE "Not a zip archive");
    size_t count = seed("stored");
    bytes[200]++; /* an element of the first member */
    write_file(count);
    refuse(EDDY_BAD_FORMAT, ARCHIVE "CRC error");
}

Test(api_npz, a_file_cut_anywhere_is_refused) {
    size_t count = seed("deflated");
    for (size_t cut = 0; cut < count; cut++) {
        write_file(cut);
        eddy_params *s = eddy_params_new(NULL, 0);
        cr_assert_eq(eddy_params_load(s, path), EDDY_BAD_FORMAT, "cut at %zu: %s", cut,
                     eddy_params_message(s));
        cr_assert_eq(eddy_params_count(s), 0);
        eddy_params_free(s);
    }
}

/* An archive that names its one member, and says how long it is; the sum is not looked at. */
static size_t archive(const char *name, uint32_t size) {
    size_t length = strlen(name), at = 0;
    memset(bytes, 0, sizeof bytes);
    unsigned char local[30] = {'P', 'K', 3, 4, 20}, central[46] = {'P', 'K', 1, 2, 20, 0, 20};
    unsigned char end[22] = {'P', 'K', 5, 6, 0, 0, 0, 0, 1, 0, 1};
    for (int i = 0; i < 4; i++) {
        local[22 + i] = central[24 + i] = (unsigned char)(size >> 8 * i);
        end[12 + i] = (unsigned char)((46 + length) >> 8 * i);
        end[16 + i] = (unsigned char)((30 + length) >> 8 * i);
    }
    local[8] = central[10] = 8; /* deflated */
    local[26] = central[28] = (unsigned char)length;
    memcpy(bytes, local, sizeof local);
    memcpy(bytes + 30, name, length);
    at = 30 + length;
    memcpy(bytes + at, central, sizeof central);
    memcpy(bytes + at + 46, name, length);
    at += 46 + length;
    memcpy(bytes + at, end, sizeof end);
    return at + sizeof end;
}

Test(api_npz, names_and_sizes_are_not_believed) {
    write_file(archive("a.npy", 0xFFFFFFF0));
    refuse(EDDY_BAD_SIZE, "a makes it larger than 108 bytes can unpack to");
    write_file(archive("\xFF\xFE.npy", 10));
    refuse(EDDY_BAD_FORMAT, "the name of member 0 is not UTF-8");
    write_file(archive("a\x02.npy", 10));
    refuse(EDDY_BAD_FORMAT, "the name of member 0 has a control character");
    write_file(archive(".npy", 10));
    refuse(EDDY_BAD_FORMAT, "the name of member 0 is not 1 to 200 bytes and .npy");
    char name[256];
    memset(name, 'x', 201);
    strcpy(name + 201, ".npy");
    write_file(archive(name, 10));
    refuse(EDDY_BAD_FORMAT, "the name of member 0 is not 1 to 200 bytes and .npy");
}

Test(api_npz, names_and_shapes_must_be_those_of_the_set) {
    char expected[2200];
    seed("stored");
    eddy_params *s = loaded();
    seed("deflated");
    cr_expect_eq(eddy_params_load(s, path), EDDY_OK, "%s", eddy_params_message(s));
    seed("none");
    cr_expect_eq(eddy_params_load(s, path), EDDY_MISSING);
    snprintf(expected, sizeof expected, "cannot load %s: the file has no f4", path);
    cr_expect_str_eq(eddy_params_message(s), expected);
    expect_all(s);
    eddy_params_free(s);
}

/* ---- npy files alone, by their headers */

static void write_npy(const char *header, size_t data_bytes) {
    size_t length = strlen(header);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, "\x93NUMPY\x01", 8);
    bytes[8] = (unsigned char)length;
    bytes[9] = (unsigned char)(length >> 8);
    memcpy(bytes + 10, header, length);
    write_file(10 + length + data_bytes);
}

#define HEADER(descr, order, shape)                                                                \
    "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }"
#define DICTIONARY                                                                                 \
    "the array is not read: the header is not a dictionary of descr, fortran_order and shape"

Test(api_npz, headers_are_read_to_the_letter) {
    static const struct {
        const char *header;
        size_t data_bytes;
        const char *words;
    } wrong[] = {
        {"", 4, DICTIONARY},
        {"{}", 4, DICTIONARY},
        {"{'descr': '<f4'}", 4, DICTIONARY},
        {HEADER("'<f4'", "False", "(1,)") "x", 4, DICTIONARY},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, DICTIONARY},
        {"{'descr': '<f4', 'other': 1, 'fortran_order': False, 'shape': (1,)}", 4, DICTIONARY},
        {HEADER("'<f4'", "false", "(1,)"), 4, DICTIONARY},
        {HEADER("'<f4'", "False", "[1]"), 4, DICTIONARY},
        {HEADER("'<f4'", "False", "(1 2)"), 8, DICTIONARY},
        {HEADER("'<f4'", "False", "(1"), 4, DICTIONARY},
        {HEADER("'<f4'", "False", "(-1,)"), 4,
         "the array is not read: a dimension of it is not positive"},
        {HEADER("'<f4'", "False", "(0, 3)"), 0,
         "the array is not read: a dimension of it is not positive"},
        {HEADER("'<f4'", "False", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), 4,
         "the array is not read: it has more than 8 dimensions"},
        {HEADER("'<f4'", "False", "(99999999999999999999,)"), 4, DICTIONARY},
        {HEADER("'<f4'", "False", "(4294967296, 4294967296)"), 4,
         "the array is f32 [4294967296, 4294967296], which does not fill its 4 bytes"},
        {HEADER("'<f8'", "False", "(2,)"), 15,
         "the array is f64 [2], which does not fill its 15 bytes"},
        {HEADER("'<f8'", "False", "(2,)"), 17,
         "the array is f64 [2], which does not fill its 17 bytes"},
        {HEADER("'>f4'", "False", "(1,)"), 4,
         "the array is not read: its elements are >f4" ELEMENTS},
        {HEADER("'|O'", "False", "(1,)"), 4, "the array is not read: its elements are |O" ELEMENTS},
        {HEADER("[('a', '<f4')]", "False", "(1,)"), 4,
         "the array is not read: its elements are no numbers" ELEMENTS},
    };
    strcpy(strrchr(path, '.'), ".npy");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_npy(wrong[i].header, wrong[i].data_bytes);
        refuse(EDDY_BAD_FORMAT, wrong[i].words);
    }
    write_npy("{\"shape\":(2,1,),\"fortran_order\":True,\"descr\":\"<f4\"}\n", 8);
    eddy_params *s = eddy_params_new(NULL, 0);
    eddy_tensor t;
    cr_assert_eq(load(s), EDDY_OK, "%s", eddy_params_message(s));
    cr_assert(eddy_params_at(s, 0, &t));
    cr_expect_eq(t.rank, 2);
    eddy_params_free(s);
    s = eddy_params_new(NULL, 0);
    cr_expect_eq(eddy_params_load(s, path), EDDY_BAD_ARGUMENT);
    snprintf((char *)bytes + 4096, 512,
             "params: %s would be one array without a name; end it with .npz or .safetensors",
             path);
    cr_expect_str_eq(eddy_params_message(s), (char *)bytes + 4096);
    eddy_params_free(s);
    bytes[6] = 4;
    write_file(200);
    refuse(EDDY_BAD_FORMAT, "the array is not read: its version is none of 1.0, 2.0 and 3.0");
    bytes[6] = 1;
    write_file(40);
    refuse(EDDY_BAD_FORMAT, "the array is not read: its header is cut off");
    write_file(8);
    refuse(EDDY_BAD_FORMAT, "the array is not read: it does not begin as an npy file");
}
