/* Models that train, for tests of objects. */
#ifndef EDDY_TESTS_SUPPORT_PUPILS_H
#define EDDY_TESTS_SUPPORT_PUPILS_H

#include "frontends/eddy.h"

/* Which model of a pupil: a step of training; its gradients as outputs behind the others, "by " and
 * the parameter; what is deployed. */
typedef enum pupils_part { PUPILS_LEARN, PUPILS_DIFFERENTIATE, PUPILS_DEPLOY } pupils_part;

typedef struct pupil {
    const char *prefix;
    eddy_model *(*build)(const struct pupil *s, pupils_part part);
    const eddy_cells *cells; /* of pupils_cell */
    int cell;
    const char *cpu; /* of eddy_object_options */
} pupil;

/* A cell of the library, every dimension with a size of its own: one stream; where it learns, with
 * an error of its first result. */
eddy_model *pupils_cell(const pupil *s, pupils_part part);
/* Dropout, and a batch in both models, so streams are common to them. */
eddy_model *pupils_drops(const pupil *s, pupils_part part);
/* f64, lengths, classes; a stream once it is deployed, and more parameters while it is trained. */
eddy_model *pupils_apart(const pupil *s, pupils_part part);

#endif
