/* The folder of a run: run.json (what is trained, and how), cell.eddy (the cell's
 * file as it was), log.jsonl, checkpoint.safetensors (the
 * last one), best.safetensors (the best one by validation). */
#ifndef EDDY_FRONTENDS_CLI_FOLDER_H
#define EDDY_FRONTENDS_CLI_FOLDER_H

#include <jansson.h>

#include "frontends/cli/network.h"
#include "frontends/cli/options.h"

typedef struct folder {
    const char *path;
    const char *record, *cell, *log, *checkpoint, *best; /* paths in it */
    network net;
    alphabet symbols; /* of a text */
    columns table;    /* of a table */
    size_t rows;
    uint64_t fingerprint; /* of the data */
    json_t *settings;     /* of the command that began it, by the names of options */
} folder;

/* Names of its files; nothing is read. */
folder folder_at(arena *memory, const char *path);
/* Refuses a folder that has a record: it holds a run. */
void folder_check_free(const folder *f);
/* Makes the folder, where there is none. */
void folder_create(const folder *f);
/* Writes a copy of the cell's file, unless it is the folder's own, and then the record. */
void folder_write(folder *f, const options *o, const network *net, const data *from);
void folder_close(folder *f);
/* Reads the record; a mistake ends the process. */
folder folder_open(arena *memory, const char *path);
/* The file of weights: "best" where there is one, or "last". */
const char *folder_weights(const folder *f, const char *which);
/* Takes kept options from the record; refuses a fixed one that was given another value. */
void folder_settings(arena *memory, const folder *f, options *o);

#endif
