/* The graph of a model as a picture: values that have a name, what goes from one to another, and
 * loops through time as loops. */
#ifndef EDDY_FRONTENDS_CLI_PICTURE_H
#define EDDY_FRONTENDS_CLI_PICTURE_H

#include <jansson.h>

#include "frontends/cli/cli.h"
#include "graph/graph.h"

typedef struct picture_node {
    const char *name;
    const char *kind;  /* "input", "value", "once" (the same at all steps), "output" */
    const char *about; /* the last operation, the shape, the weights that are read */
    int layer;
    double x, y, width; /* the middle; in pixels */
} picture_node;

typedef struct picture_edge {
    int from, to;
    int delay; /* steps; 0: within a step */
} picture_edge;

typedef struct picture {
    arena *memory;
    VEC(picture_node) nodes; /* without delays, edges go from lower numbers to higher ones */
    VEC(picture_edge) edges; /* in the order of where they go */
} picture;

enum { PICTURE_NODES = 300 }; /* more than that is no picture */

/* ---- picture.c */
/* What the outputs of a graph depend on. */
void picture_of(const graph *g, arena *memory, picture *out);
/* The same as a value of the log, and back; false: it is none. */
json_t *picture_write(const picture *p);
bool picture_read(const json_t *from, arena *memory, picture *out);

/* ---- picture_layout.c */
enum { PICTURE_HEIGHT = 40, PICTURE_GAP = 22, PICTURE_LANE = 11 };

/* A way around: all delayed edges of one value and distance leave it together. */
typedef struct picture_lane {
    int from, delay;
    double x;
} picture_lane;

/* A straight part of an edge, from one layer to the next. */
typedef struct picture_bend {
    double x, y;
} picture_bend;

typedef struct picture_layout {
    double width, height;
    VEC(picture_lane) lanes; /* from the inside to the outside */
    double *above;           /* by layer: y over which loops come in */
    picture_bend **bends;    /* by edge: where it passes other layers, ended by y = 0 */
    int layers;
} picture_layout;
void picture_place(picture *p, picture_layout *out);
/* Does this edge go around? Else down. */
bool picture_is_loop(const picture *p, const picture_edge *e);

/* ---- picture_svg.c */
/* title: for readers that cannot see it. */
void picture_svg(picture *p, const char *title, text *out);

#endif
