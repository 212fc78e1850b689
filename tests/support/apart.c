/* A fork per trial: compiled code may do anything, and a fuzzer wants to know the seed afterwards.
 * The child leaves through _exit, so nothing of the parent is flushed or released twice. What is
 * limited is processor time: under load a trial of seconds may take minutes, and is no hang. A
 * trial that sleeps forever uses none, so there is a generous limit of the clock besides. */
#include "tests/support/apart.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE = 20 };

int apart_run(int (*work)(void *user), void *user, unsigned seconds, bool quiet) {
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        exit(2);
    }
    if (child == 0) {
        int nowhere = quiet ? open("/dev/null", O_WRONLY) : -1;
        if (nowhere >= 0) {
            dup2(nowhere, STDOUT_FILENO);
            dup2(nowhere, STDERR_FILENO);
        }
        struct rlimit limit;
        getrlimit(RLIMIT_CPU, &limit);
        limit.rlim_cur = seconds;
        setrlimit(RLIMIT_CPU, &limit);
        alarm(PATIENCE * seconds);
        int result = work(user);
        fflush(NULL);
        _exit(result);
    }
    if (waitpid(child, &status, 0) != child) {
        perror("waitpid");
        exit(2);
    }
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}
