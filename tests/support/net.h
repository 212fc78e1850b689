/* A model in f64 over ragged time and batch, made, run and read through eddy.h alone. A mistake
 * ends the test with its message. */
#ifndef EDDY_TESTS_SUPPORT_NET_H
#define EDDY_TESTS_SUPPORT_NET_H

#include "frontends/eddy.h"

typedef struct net {
    eddy_model *m;
    eddy_axes t, b, tb; /* time with lengths "len", batch, both */
    eddy_program *program;
    eddy_params *params; /* of this net, or lent to it */
    eddy_run *run;
    bool lent;
} net;

net net_begin(void);
/* The same, with the parameters of another one that outlives it. */
net net_begin_with(const net *other);
void net_end(net *n);
/* Compiles what the model has so far, and sets the extents. Lengths are the extent until they are
 * given. */
void net_compile(net *n, int64_t steps, int64_t samples);
void net_resize(net *n, int64_t steps, int64_t samples);
/* Inputs that the net keeps no copy of. */
void net_input(net *n, const char *name, const void *from);
void net_call(net *n);
/* The numbers of an output of the last call. */
const double *net_read(net *n, const char *name);
double net_number(net *n, const char *name);
/* Copies a parameter or variable out, in. */
void net_get(net *n, const char *name, double *to, size_t count);
void net_set(net *n, const char *name, const double *from, size_t count);
int net_get_integer(net *n, const char *name);
/* Adds an output "d <name>" for the gradient of loss with respect to every trainable parameter. */
void net_gradients(net *n, eddy_value loss);
/* count numbers in [-1, 1), a function of the seed. */
void net_draw(double *to, size_t count, unsigned seed);

/* Do the numbers agree to 1e-12, relative where they are larger than 1? */
bool net_near(double a, double b);
#define net_expect_near(a, b)                                                                      \
    do {                                                                                           \
        double a_ = (a), b_ = (b);                                                                 \
        cr_expect(net_near(a_, b_), "%.17g is not %.17g", a_, b_);                                 \
    } while (0)

#endif
