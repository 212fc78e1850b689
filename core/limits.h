/* Limits of the whole system, in one place. A model that passes a limit gets an error that names
 * it. */
#ifndef EDDY_CORE_LIMITS_H
#define EDDY_CORE_LIMITS_H

enum {
    LIMIT_RANK = 8,           /* feature dimensions of a value */
    LIMIT_AXES = 32,          /* loop axes of a model: a domain is a bit set in 32 bits */
    LIMIT_ARGUMENTS = 64,     /* arguments of one node (concat and custom take many) */
    LIMIT_THREADS = 256,      /* of one call */
    LIMIT_NAME = 200,         /* bytes of a user's name */
    LIMIT_MESSAGE = 2048,     /* bytes of an error message */
    LIMIT_NODES = 1 << 22,    /* nodes of one graph */
    LIMIT_DELAY = 1 << 20,    /* steps that one delay may look back or ahead */
    LIMIT_CONSTANTS = 1 << 26 /* bytes of one constant tensor */
};

#endif
