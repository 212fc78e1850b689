/* A sanitizer ends the process that it reports on, so what is to be reported happens in a child.
 * Compiled code lies in no file, so the sanitizer cannot name it; the list that EDDY_PERF asks for
 * can, and the child's number says which list it is. */
#include "tests/support/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/apart.h"

enum { SECONDS = 60, MOST = 1 << 16 };

typedef struct report_work {
    int (*work)(void *user);
    void *user;
    FILE *out;
} report_work;

static int report_child(void *user) {
    report_work *w = user;
    setenv("EDDY_PERF", "1", 1);
    dup2(fileno(w->out), STDERR_FILENO);
    fprintf(stderr, "process %ld\n", (long)getpid());
    fflush(stderr);
    return w->work(w->user);
}

/* The kernel at this address by the list of a process; NULL: none. */
static const char *report_kernel(long process, unsigned long long address, arena *memory) {
    char path[64], line[512], name[400];
    const char *found = NULL;
    snprintf(path, sizeof path, "/tmp/perf-%ld.map", process);
    FILE *list = fopen(path, "r");
    while (list && fgets(line, sizeof line, list)) {
        unsigned long long start, size;
        if (sscanf(line, "%llx %llx %399s", &start, &size, name) == 3 && address >= start &&
            address - start < size)
            found = arena_copy_text(memory, name);
    }
    if (list)
        fclose(list);
    unlink(path);
    return found;
}

const char *report_of(int (*work)(void *user), void *user, arena *memory) {
    report_work w = {.work = work, .user = user, .out = tmpfile()};
    if (!w.out) {
        perror("tmpfile");
        exit(2);
    }
    apart_run(report_child, &w, SECONDS, false);
    char *all = arena_take(memory, MOST + 1);
    rewind(w.out);
    all[fread(all, 1, MOST, w.out)] = 0;
    fclose(w.out);
    long process = 0;
    unsigned long long address = 0;
    const char *place = strstr(all, "#0 ");
    sscanf(all, "process %ld", &process);
    if (place)
        sscanf(place, "#0 %llx", &address);
    const char *kernel = report_kernel(process, address, memory);
    return kernel ? arena_print(memory, "%s in %s", all, kernel) : all;
}
