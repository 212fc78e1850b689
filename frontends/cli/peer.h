/* A framework that a cell is compared with: a process of the user's Python, which answers lines. */
#ifndef EDDY_FRONTENDS_CLI_PEER_H
#define EDDY_FRONTENDS_CLI_PEER_H

#include <sys/types.h>

#include "frontends/cli/cli.h"
#include "frontends/cli/python.h"
#include "frontends/lang/library.h"

enum { PEER_LINE = 1024, PEER_PATIENCE = 120 /* seconds for whatever compiles */ };

typedef struct peer {
    arena *memory;
    python_way way;
    const char *name;    /* "PyTorch 2.5.1"; "PyTorch" while it is not known */
    const char *folder;  /* of its files; NULL: not running */
    const char *refusal; /* why there is no answer */
    pid_t child;
    int to, from;
    char held[PEER_LINE]; /* what was read of the next answers */
    size_t count;
} peer;

/* Starts it; false where that cannot be, with the refusal. The process and its folder end with
 * peer_stop, or with this process. */
bool peer_start(peer *p, arena *memory, const char *python, python_way way, int threads);
/* The answer to a line; NULL after so many seconds, or when there will be none: then the refusal
 * says why, and the process has ended. */
const char *peer_ask(peer *p, double seconds, const char *line);
void peer_stop(peer *p);

/* frontends/cli/peer.py, by frontends/embed.cmake. */
extern const library_text peer_texts[];
extern const int peer_text_count;

#endif
