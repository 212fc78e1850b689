/* A cell read back from its tree: what the reader understood, as text of the language and as TeX.
 * Each gate of an equation for several has a line of its own, with the weights that it uses. */
#ifndef EDDY_FRONTENDS_LANG_READBACK_H
#define EDDY_FRONTENDS_LANG_READBACK_H

#include "frontends/lang/syntax.h"

struct eddy_cells;

/* ---- language.c */
/* Cell i of a text. */
const syntax_cell *language_cell(const struct eddy_cells *c, int i);

/* ---- readback_plain.c */
/* Text that reads as the same cell, with no more brackets than it needs. */
void readback_plain(const syntax_cell *c, text *out);

/* ---- readback_tex.c */
/* The equations as an `aligned` environment; t is an index. */
void readback_tex(const syntax_cell *c, text *out);

/* ---- readback.c: what both need to know of names */
typedef struct readback_name {
    const char *name, *base, *member; /* "Wi", "W", "i"; base NULL: of no family */
    bool family;                      /* W of W{i, f}: no value by itself */
    bool varies;                      /* over time */
    bool state;
    int rank;            /* -1: not known */
    const char *carried; /* the counter of the loop around, of what it carries; else NULL */
    const syntax *last;  /* after the loop: its last number */
} readback_name;

typedef struct readback {
    const syntax_cell *cell;
    text *out;
    const char *member; /* what is being computed: chooses from families */
    VEC(readback_name) names;
} readback;

/* Names of the head. */
void readback_open(readback *r, const syntax_cell *c, text *out);
/* Names that a statement declares. */
void readback_declare(readback *r, const statement *of);
/* The last one of this name, NULL if there is none. */
const readback_name *readback_find(const readback *r, const char *name);
/* What a name means in the equation of r->member. */
const readback_name *readback_resolve(const readback *r, const char *name);
/* How tight the operator at the root binds, as in the grammar; 10: it needs no brackets at all. */
int readback_level(const syntax *e);
/* Does this part of a binary expression need brackets? */
bool readback_brackets(const syntax *of, const syntax *part);
/* Writes the places of an index, separated by commas, and of ranges both ends. */
void readback_places(readback *r, const syntax *index, void (*write)(readback *, const syntax *));
/* As it is written. */
const char *readback_source(const readback *r, span where, int *bytes);

#endif
