/* For the program of calls.h where nothing may be allocated: arenas are taken of one static piece
 * of memory, what it tells is kept, and its main is a function that may be called. */
#ifndef CROWD_NUMBERS_H
#define CROWD_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

/* From -1 to 1, any i. */
float number(uint32_t i);
/* Ends the program with words, if there are any. */
void need(const char *words);
void tell(const void *from, size_t bytes);
/* Until the next one. */
void *arena_of(size_t bytes);

#define free(arena) ((void)(arena))
#define main        run_models
int run_models(void);

#endif
