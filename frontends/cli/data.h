/* What models of the command learn from: rows in time, each with an input and a target.
 *
 * A text is rows of one symbol whose target is the next one; a table is rows of columns. Rows are
 * read by several streams side by side, each from a place of its own. */
#ifndef EDDY_FRONTENDS_CLI_DATA_H
#define EDDY_FRONTENDS_CLI_DATA_H

#include "frontends/cli/cli.h"
#include "frontends/tensors.h"

typedef enum data_kind {
    DATA_TEXT,     /* symbols in, the next one out */
    DATA_TABLE,    /* numbers in, numbers or a class out */
    DATA_SEQUENCES /* sequences of numbers or symbols, a target of each one or of each step */
} data_kind;

enum { DATA_START = 0 /* the symbol before a text, and of all characters that are too rare */ };

/* How symbols of a text are written. */
typedef struct alphabet {
    bool bytes;      /* symbols are bytes, not characters */
    int count;       /* of symbols, DATA_START included */
    uint32_t *codes; /* of symbol i > 0: a byte or a Unicode scalar value, rising */
} alphabet;

/* Columns of a table that a model reads (x) and says (y), by number in all; numbers are taken as
 * (number - mean) / scale. */
typedef struct columns {
    int count;
    const char **names;
    double *mean, *scale;
    int x_count, y_count;
    int *x, *y;
    int64_t ahead;   /* the target of a row stands so many rows below */
    int64_t classes; /* the target is one of so many; 0: a number */
} columns;

typedef struct data {
    data_kind kind;
    size_t rows;             /* of sequences: how many there are */
    const void *x, *y;       /* [rows] of these many elements; of sequences [rows][steps] */
    int64_t inputs, outputs; /* elements of a row; of a text: 1, and the number of symbols */
    bool classes;            /* a target is an i32, one of `outputs` */
    int64_t vocabulary;      /* x is an i32, a symbol of so many; 0: numbers */
    bool each;               /* of sequences: every step has a target; else y is [rows] */
    size_t steps;            /* of sequences: the most */
    const int32_t *lengths;  /* of sequences: steps of each */
    alphabet symbols;        /* of a text */
    columns table;           /* of a table */
    uint64_t fingerprint;    /* of what was read */
} data;

/* Rows that are read side by side: stream i begins at row begin + i * stride. */
typedef struct streams {
    size_t begin, end; /* rows of the data */
    size_t count, steps, stride, blocks;
} streams;

/* ---- data.c */
/* Whole blocks of every stream; false when there is not one. */
bool streams_whole(streams *s, size_t begin, size_t end, size_t count, size_t steps);
/* Every row once; the last steps and the last streams may be missing. */
void streams_all(streams *s, size_t begin, size_t end, size_t count, size_t steps);
/* Copies block `block` of a column of elements of so many bytes to [steps][count], zeros where
 * there is no row. lengths[count], unless NULL, gets the steps of each stream. Returns the rows. */
size_t streams_fill(const streams *s, size_t block, const void *column, size_t bytes, void *to,
                    int32_t *lengths);
/* What a file of tensors holds, until tensors_end; a mistake ends the process. */
tensors data_open_tensors(arena *memory, const char *path);

/* ---- data_table.c */
/* Is it the name of a file of numbers: .csv, .npy? */
bool data_is_table(const char *path);
typedef struct table_wish {
    const char *target, *ignore; /* names of columns, joined by commas; NULL: none */
    int64_t ahead, classes;
    double part; /* rows from the start whose mean and scale are those of all */
} table_wish;
/* A mistake ends the process. */
data data_read_table(arena *memory, const char *path, const table_wish *wish);
/* The same with columns that are known: they are found by name. Targets may be missing: y is then
 * NULL. */
data data_read_table_in(arena *memory, const char *path, const columns *known);

/* ---- data_sequences.c */
/* Is it the name of a file of sequences: .npz, .safetensors? */
bool data_is_sequences(const char *path);
data data_read_sequences(arena *memory, const char *path, const table_wish *wish);
/* The same with inputs, targets and columns as in `known`. Targets may be missing: y is then NULL.
 */
data data_read_sequences_in(arena *memory, const char *path, const data *known);
/* These sequences side by side: x [steps][count], y [steps][count] or [count], lengths [count]. */
void data_gather(const data *d, const size_t *which, size_t count, void *x, void *y,
                 int32_t *lengths);

/* ---- data_text.c */
/* Symbols of the first `part` of the text make the alphabet, those that it has at least `rare`
 * times; a mistake ends the process. */
data data_read_text(arena *memory, const char *path, bool bytes, double part, int64_t rare);
/* The same with an alphabet that is known. */
data data_read_text_in(arena *memory, const char *path, const alphabet *known);
/* The symbols of a text in memory. */
int32_t *data_encode(arena *memory, const char *name, const char *words, size_t bytes,
                     const alphabet *known, size_t *count);
/* A symbol as UTF-8; the start and what no terminal should see as U+FFFD. Returns its bytes. */
int data_decode(const alphabet *a, int32_t symbol, char out[4]);

#endif
