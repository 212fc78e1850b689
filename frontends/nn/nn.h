/* What the files of nn share. They compose the functions of eddy.h for a caller whose place every
 * message must carry, so EDDY_HERE is their argument `here`: include this file first. */
#ifndef EDDY_FRONTENDS_NN_NN_H
#define EDDY_FRONTENDS_NN_NN_H

#ifdef EDDY_H
#    error "include frontends/nn/nn.h before eddy.h"
#endif
#define EDDY_HERE here
#include "frontends/capi.h"

/* Records a mistake at the caller's place, EDDY_BAD_ARGUMENT unless one was made before. Always
 * NULL. */
eddy_value nn_fail(eddy_model *m, eddy_site here, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A number [] of the dtype of x. */
eddy_value nn_number(eddy_value x, double number, eddy_site here);
/* The dimensions of x as a list that ends with EDDY_SCALAR. */
typedef struct nn_dimensions {
    int64_t at[LIMIT_RANK + 1];
} nn_dimensions;
nn_dimensions nn_dimensions_of(eddy_value x);
/* The number of elements of one step of x. */
double nn_elements(eddy_value x);
/* i32 []: how many steps of x a total over these axes adds up; padding is none. */
eddy_value nn_count(eddy_value x, eddy_axes over, eddy_site here);
/* The mean of x over axes; 0 where there is no step. */
eddy_value nn_mean(eddy_value x, eddy_axes over, eddy_site here);

#endif
