/* The cells that come with the library: frontends/cells, as they are in the installed library. */
#ifndef EDDY_FRONTENDS_LANG_LIBRARY_H
#define EDDY_FRONTENDS_LANG_LIBRARY_H

#include "frontends/lang/syntax.h"

typedef struct library_text {
    const char *name, *text;
} library_text;

/* Made by frontends/embed.cmake. */
extern const library_text library_texts[];
extern const int library_text_count;

/* Reads them all. They hold no mistake, which tests see to. */
void library_read(arena *memory, cell_list *out);

#endif
