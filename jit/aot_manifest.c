/* The manifest of an object: what its header says to a compiler, as JSON for generators of bindings
 * and for whoever keeps objects. docs/object.schema.json is its schema; a new meaning gets a new
 * number.
 *
 * Shapes hold numbers and, for what a call says, names of extents. Checksums are texts, since not
 * every reader of JSON has integers of 64 bits. */
#include <string.h>

#include "core/hash.h"
#include "jit/aot_internal.h"

enum { MANIFEST_SCHEMA = 1 };

/* A name is any bytes; a text of JSON is Unicode. */
static void add_text(const char *words, text *out) {
    size_t left = strlen(words), used;
    text_add(out, "\"");
    for (; left > 0; words += used, left -= used) {
        uint32_t code;
        used = text_read_character(words, left, &code);
        if (used == 0) {
            text_add(out, "\\ufffd");
            used = 1;
        } else if (code < 0x20 || code == '"' || code == '\\') {
            text_add(out, "\\u%04x", (unsigned)code);
        } else {
            text_add_bytes(out, words, used);
        }
    }
    text_add(out, "\"");
}

static void add_key(const char *key, text *out) {
    text_add(out, " \"%s\": ", key);
}

/* A line of its own for a member that has a text, or none. */
static void add_line(const char *key, const char *words, text *out) {
    add_key(key, out);
    if (words)
        add_text(words, out);
    else
        text_add(out, "null");
    text_add(out, ",\n");
}

static void add_size(const char *key, int64_t bytes, text *out) {
    if (bytes >= 0)
        text_add(out, " \"%s\": %lld,\n", key, (long long)bytes);
    else
        text_add(out, " \"%s\": null,\n", key);
}

static void add_checksum(const char *key, uint64_t sum, const char *behind, text *out) {
    text_add(out, "  \"%s\": \"%016llx\"%s\n", key, (unsigned long long)sum, behind);
}

/* ---- structs */

static void add_shape(const aot *a, const aot_field *f, text *out) {
    text_add(out, "[");
    for (int i = 0; i < f->dimension_count; i++) {
        text_add(out, "%s", i ? ", " : "");
        if (f->dimension[i] >= 0)
            text_add(out, "%lld", (long long)f->dimension[i]);
        else
            add_text(a->axis[-1 - f->dimension[i]], out);
    }
    text_add(out, "]");
}

static void add_struct(const aot *a, aot_group group, text *out) {
    const aot_struct *s = &a->groups[group];
    bool first = true;
    add_key(aot_group_name(group), out);
    text_add(out, "{\"bytes\": %zu, \"written\": %s, \"members\": [", s->bytes,
             s->written ? "true" : "false");
    for (size_t i = 0; i < s->fields.count; i++) {
        const aot_field *f = &s->fields.at[i];
        if (f->empty)
            continue;
        text_add(out, "%s\n  {\"name\": ", first ? "" : ",");
        add_text(f->name, out);
        text_add(out, ", \"identifier\": \"%s\", \"dtype\": \"%s\", \"shape\": ", f->identifier,
                 dtype_name(f->type));
        add_shape(a, f, out);
        text_add(out, ", \"pointer\": %s, \"offset\": %zu, \"bytes\": %zu}",
                 f->pointer ? "true" : "false", f->offset, f->bytes);
        first = false;
    }
    text_add(out, "]},\n");
}

/* ---- the rest */

static void add_extents(const aot *a, text *out) {
    int order[LIMIT_AXES];
    int count = graph_axis_order(a->plan->source, aot_run_time_axes(a), order);
    add_key("extents", out);
    text_add(out, "[");
    for (int i = 0; i < count; i++) {
        text_add(out, "%s{\"name\": ", i ? ", " : "");
        add_text(a->plan->source->axes[order[i]].name, out);
        text_add(out, ", \"identifier\": \"%s\"}", a->axis[order[i]]);
    }
    text_add(out, "],\n");
}

/* Those of a program. */
static void add_functions_of(const aot *a, text *out) {
    const bool model = a->kind == AOT_MODEL, place = a->own_state && a->places;
    const struct {
        const char *name;
        bool there;
    } rows[] = {{"_arena_bytes", true},
                {"_sequence", model},
                {"_sequence_team", model},
                {"", a->kind == AOT_GRADIENT},
                {"_team", a->kind == AOT_GRADIENT},
                {"_step_team", a->kind == AOT_TRAIN},
                {"_step", a->step_axis >= 0 || a->kind == AOT_TRAIN},
                {"_step_prepared", a->keeps},
                {"_sequence_prepared", a->keeps},
                {"_prepare", a->keeps},
                {"_reset", a->own_state},
                {"_state_bytes", place},
                {"_state_place", place},
                {"_weights_in", model && a->groups[AOT_PARAMETERS].members > 0}};
    bool first = model;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].there) {
            text_add(out, "%s\"%s%s\"", first ? "" : ", ", a->prefix, rows[i].name);
            first = false;
        }
}

static void add_functions(const aot *a, text *out) {
    add_key("functions", out);
    text_add(out, "[");
    for (const aot *p = a; p; p = p->next)
        add_functions_of(p, out);
    text_add(out, "],\n");
    add_line("no_step", a->step_axis >= 0 ? NULL : a->no_step, out);
}

static void add_learned(const aot *gradient, text *out) {
    const aot_struct *s = &gradient->groups[AOT_GRADIENTS];
    bool first = true;
    add_key("gradients", out);
    text_add(out, "[");
    for (size_t i = 0; i < s->fields.count; i++)
        if (s->fields.at[i].buffer >= 0 && !s->fields.at[i].empty) {
            text_add(out, "%s\"%s\"", first ? "" : ", ", s->fields.at[i].identifier);
            first = false;
        }
    text_add(out, "],\n");
}

/* A step of training and its gradient; parameters are those of the model. */
static void add_training(const aot *train, text *out) {
    static const aot_group groups[] = {AOT_OPTIMISER, AOT_INPUTS, AOT_OUTPUTS, AOT_STATE};
    add_key("training", out);
    if (!train) {
        text_add(out, "null,\n");
        return;
    }
    text_add(out, "{\n");
    add_size("arena", train->whole_bytes, out);
    add_size("gradient_arena", train->next ? train->next->whole_bytes : -1, out);
    add_extents(train, out);
    if (train->next)
        add_learned(train->next, out);
    else
        text_add(out, " \"gradients\": null,\n");
    add_line("no_gradient", train->next ? NULL : train->request->training->no_gradient, out);
    for (size_t k = 0; k < sizeof groups / sizeof *groups; k++)
        add_struct(train, groups[k], out);
    text_add(out, " \"own_state\": %s},\n", train->own_state ? "true" : "false");
}

void aot_manifest(const aot *a, const aot_files *made, text *out) {
    text_add(out, "{\n \"schema\": %d,\n", MANIFEST_SCHEMA);
    add_line("prefix", a->request->prefix, out);
    add_line("file", a->request->file, out);
    add_line("producer", a->info.producer, out);
    add_line("target", a->target->target, out);
    add_line("cpu", a->info.cpu, out);
    add_size("alignment", PLAN_ALIGNMENT, out);
    add_size("stack", (int64_t)a->stack, out);
    add_size("arena", a->whole_bytes, out);
    add_size("step_arena", a->step_bytes, out);
    add_size("prepared", a->keeps ? (int64_t)a->prepared_bytes : -1, out);
    add_size("step_prepared_arena", a->keeps ? a->kept_step_bytes : -1, out);
    add_extents(a, out);
    add_functions(a, out);
    static const aot_group groups[] = {AOT_PARAMETERS, AOT_INPUTS, AOT_OUTPUTS, AOT_STATE};
    for (size_t k = 0; k < sizeof groups / sizeof *groups; k++)
        add_struct(a, groups[k], out);
    add_training(a->next, out);
    text_add(out, " \"flush\": %s,\n", a->request->flush ? "true" : "false");
    text_add(out, " \"weights\": %s,\n \"checksums\": {\n", a->weights ? "true" : "false");
    add_checksum("interface", a->info.interface, ",", out);
    add_checksum("weights", a->info.weights, ",", out);
    add_checksum("object", hash_bytes(made->object.bytes, made->object.count), ",", out);
    add_checksum("header", hash_bytes(made->header, made->header_bytes), "", out);
    text_add(out, " }\n}\n");
}
