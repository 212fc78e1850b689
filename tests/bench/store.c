/* The numbers that all competitors share, in files.
 *
 * The weights are not those that the library would begin with: orthogonal matrices take longer to
 * make than anything that is measured, and biases of 0 and gains of 1 would hide a peer that leaves
 * them out. Matrices get numbers as wide as PyTorch's; gains and variances lie around a half: with
 * gains of 1 a recurrence between layer norms is chaotic, and no two systems agree after a hundred
 * steps. A file of safetensors is how they get into a set of parameters. */
#include "tests/bench/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"

enum { PATH = 1024, SEED = 1 };
static const char weights_file[] = "weights.safetensors";

void store_draw(void *to, eddy_dtype type, size_t elements, const char *name) {
    const uint64_t stream = rng_stream_of(name);
    for (size_t i = 0; i < elements; i++) {
        double u = rng_uniform(SEED, stream, i);
        if (type == EDDY_I32)
            ((int32_t *)to)[i] = (int32_t)(u * (int)MODELS_SYMBOLS);
        else
            ((float *)to)[i] = (float)(u - 0.5);
    }
}

static FILE *store_open(const char *folder, const char *name) {
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fopen(path, "wb");
}

static bool store_close(FILE *file, bool good) {
    return file && fclose(file) == 0 && good;
}

static json_t *store_shape(const int64_t *dimensions, int rank) {
    json_t *shape = json_array();
    for (int i = 0; i < rank; i++)
        json_array_append_new(shape, json_integer(dimensions[i]));
    return shape;
}

/* ---- weights */

static size_t store_elements(const eddy_slot *slot) {
    size_t elements = 1;
    for (int i = 0; i < slot->rank; i++)
        elements *= (size_t)slot->dimensions[i];
    return elements;
}

static bool store_ends(const char *name, const char *end) {
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

/* Names and places of all weights; `total` gets the bytes of their data. */
static json_t *store_header(const eddy_program *p, size_t *total) {
    json_t *header = json_object();
    eddy_slot slot;
    *total = 0;
    for (int i = 0; eddy_program_slot(p, EDDY_PARAM, i, &slot); i++) {
        size_t end = *total + store_elements(&slot) * sizeof(float);
        json_object_set_new(header, slot.name,
                            json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape",
                                      store_shape(slot.dimensions, slot.rank), "data_offsets",
                                      (json_int_t)*total, (json_int_t)end));
        *total = end;
    }
    return header;
}

static bool store_values(FILE *file, const eddy_slot *slot) {
    const size_t elements = store_elements(slot);
    const bool around_half = store_ends(slot->name, "gain") || store_ends(slot->name, "variance");
    const double fan_in = (double)slot->dimensions[slot->rank - 1];
    const float width = slot->rank > 1 ? (float)(2 / sqrt(fan_in)) : 0.25F;
    float *values = malloc(elements * sizeof *values);
    if (!values)
        return false;
    store_draw(values, EDDY_F32, elements, slot->name);
    for (size_t i = 0; i < elements; i++)
        values[i] = width * values[i] + (around_half ? 0.5F : 0.0F);
    bool good = fwrite(values, sizeof *values, elements, file) == elements;
    free(values);
    return good;
}

bool store_weights(const eddy_program *p, eddy_params *params, const char *folder) {
    size_t total;
    json_t *header = store_header(p, &total);
    char *text = json_dumps(header, JSON_COMPACT);
    json_decref(header);
    FILE *file = text ? store_open(folder, weights_file) : NULL;
    uint64_t length = text ? strlen(text) : 0; /* little-endian, as are the machines of this file */
    bool good = file && fwrite(&length, sizeof length, 1, file) == 1 &&
                fwrite(text, 1, length, file) == length;
    free(text);
    eddy_slot slot;
    for (int i = 0; good && eddy_program_slot(p, EDDY_PARAM, i, &slot); i++)
        good = store_values(file, &slot);
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", folder, weights_file);
    return store_close(file, good) && eddy_params_load(params, path) == EDDY_OK;
}

/* ---- lists */

/* Entries for the weights, whose places are as store_header has them. */
static void store_list_weights(const eddy_program *p, json_t *list) {
    size_t total;
    json_t *header = store_header(p, &total);
    size_t start = sizeof(uint64_t) + json_dumpb(header, NULL, 0, JSON_COMPACT);
    const char *name;
    json_t *entry;
    json_object_foreach(header, name, entry) {
        json_t *at = json_array_get(json_object_get(entry, "data_offsets"), 0);
        json_t *shape = json_object_get(entry, "shape");
        json_int_t offset = (json_int_t)start + json_integer_value(at);
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:O, s:s, s:I}", "name", name, "dtype", "f32",
                                        "shape", shape, "file", weights_file, "offset", offset));
    }
    json_decref(header);
}

json_t *store_tensors(measure_use *use, eddy_role role, const char *folder) {
    json_t *list = json_array();
    bool good = true;
    eddy_slot slot;
    for (int i = 0; eddy_program_slot(use->program, role, i, &slot); i++) {
        int64_t extents[40];
        int rank = 0;
        for (; rank < slot.axis_count; rank++)
            extents[rank] = eddy_run_extent(use->run, slot.axes[rank]);
        memcpy(extents + rank, slot.dimensions, (size_t)slot.rank * sizeof *extents);
        const char *type = slot.dtype == EDDY_I32 ? "i32" : "f32";
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:o, s:s, s:i}", "name", slot.name, "dtype",
                                        type, "shape", store_shape(extents, rank + slot.rank),
                                        "file", slot.name, "offset", 0));
        const void *from = role == EDDY_INPUT ? use->lent[i] : eddy_run_read(use->run, slot.name);
        size_t elements = eddy_run_elements(use->run, slot.name);
        FILE *file = from ? store_open(folder, slot.name) : NULL;
        bool whole = file && fwrite(from, sizeof(float), elements, file) == elements;
        good = store_close(file, whole) && good;
    }
    if (role == EDDY_INPUT)
        store_list_weights(use->program, list);
    if (good)
        return list;
    json_decref(list);
    return NULL;
}
