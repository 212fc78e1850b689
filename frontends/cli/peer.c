/* Processes that answer lines, and may do so late, never, or by dying.
 *
 * Every wait has an end. What libraries say on standard error goes to a file in the folder, and its
 * last line is the reason that is given for a process that ended. */
#include "frontends/cli/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *const peer_files[] = {"peer.py", "module.py", "given.npz", "found.npz",
                                         "said.txt"};
enum { PEER_FILES = sizeof peer_files / sizeof *peer_files };

/* Those that run, for whatever ends this process. */
static peer *peer_running[PYTHON_WAYS];

/* Calls nothing that a handler of signals may not. */
void peer_stop(peer *p) {
    if (p->child > 0) {
        kill(p->child, SIGKILL);
        waitpid(p->child, NULL, 0);
        close(p->to);
        close(p->from);
    }
    p->child = 0;
    int folder = p->folder ? open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    for (int i = 0; folder >= 0 && i < PEER_FILES; i++)
        unlinkat(folder, peer_files[i], 0);
    if (folder >= 0)
        close(folder);
    if (p->folder)
        rmdir(p->folder);
    p->folder = NULL;
    peer_running[p->way] = NULL;
}

static void peer_stop_all(void) {
    for (int i = 0; i < PYTHON_WAYS; i++)
        if (peer_running[i])
            peer_stop(peer_running[i]);
}

static void peer_interrupted(int number) {
    peer_stop_all();
    signal(number, SIG_DFL);
    raise(number);
}

/* The last line of a text that is not empty. */
static const char *peer_last(const peer *p, const char *words) {
    size_t end = strlen(words);
    while (end > 0 && strchr(" \t\r\n", words[end - 1]))
        end--;
    size_t begin = end;
    while (begin > 0 && words[begin - 1] != '\n')
        begin--;
    return arena_print(p->memory, "%.*s", (int)(end - begin), words + begin);
}

/* Ends it, with this refusal and its own last words. */
static const char *peer_end(peer *p, const char *refusal) {
    const char *said = cli_path(p->memory, p->folder, "said.txt");
    size_t bytes;
    const char *last = cli_file_exists(said) ? cli_read_file(p->memory, said, &bytes) : "";
    last = peer_last(p, last);
    p->refusal = arena_print(p->memory, "%s%s%s", refusal, *last ? ": " : "", last);
    peer_stop(p);
    return NULL;
}

/* ---- lines */

static const char *peer_line(peer *p, double seconds) {
    const double end = cli_seconds() + seconds;
    char *stop;
    while (!(stop = memchr(p->held, '\n', p->count))) {
        double left = end - cli_seconds();
        struct pollfd ready = {.fd = p->from, .events = POLLIN};
        if (left <= 0 || p->count == sizeof p->held)
            return peer_end(p, arena_print(p->memory, "no answer in %g s", seconds));
        if (poll(&ready, 1, (int)(1e3 * left) + 1) <= 0)
            continue;
        ssize_t got = read(p->from, p->held + p->count, sizeof p->held - p->count);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return peer_end(p, "its process ended");
        p->count += (size_t)got;
    }
    const char *line = arena_print(p->memory, "%.*s", (int)(stop - p->held), p->held);
    p->count -= (size_t)(stop + 1 - p->held);
    memmove(p->held, stop + 1, p->count);
    return line;
}

const char *peer_ask(peer *p, double seconds, const char *line) {
    const char *at = arena_print(p->memory, "%s\n", line), *end = at + strlen(at);
    while (at < end) {
        ssize_t put = write(p->to, at, (size_t)(end - at));
        if (put < 0 && errno != EINTR)
            return peer_end(p, "its process ended");
        at += put > 0 ? put : 0;
    }
    const char *answer = peer_line(p, seconds);
    if (answer && strncmp(answer, "failed ", 7) == 0)
        return peer_end(p, arena_print(p->memory, "it failed: %s", answer + 7));
    return answer;
}

/* ---- the process */

static bool peer_spawn(peer *p, const char *python, int threads) {
    const char *program = cli_path(p->memory, p->folder, "peer.py");
    const char *said = cli_path(p->memory, p->folder, "said.txt");
    char *arguments[] = {arena_copy_text(p->memory, python),
                         arena_copy_text(p->memory, program),
                         arena_copy_text(p->memory, python_module(p->way)),
                         arena_copy_text(p->memory, p->folder),
                         arena_print(p->memory, "%d", threads),
                         NULL};
    int in[2], out[2];
    posix_spawn_file_actions_t actions;
    cli_write_file(program, peer_texts[0].text, strlen(peer_texts[0].text));
    if (pipe(in) != 0 || pipe(out) != 0)
        cli_fail(CLI_FAILED, "no pipe: %s", strerror(errno));
    for (int i = 0; i < 2; i++) {
        fcntl(in[i], F_SETFD, FD_CLOEXEC);
        fcntl(out[i], F_SETFD, FD_CLOEXEC);
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, said, O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    int fault = posix_spawnp(&p->child, python, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    p->to = in[1];
    p->from = out[0];
    if (fault == 0)
        return true;
    close(p->to);
    close(p->from);
    p->child = 0;
    p->refusal = arena_print(p->memory, "not run here: %s: %s", python, strerror(fault));
    peer_stop(p);
    return false;
}

bool peer_start(peer *p, arena *memory, const char *python, python_way way, int threads) {
    static bool registered;
    const char *root = getenv("TMPDIR");
    *p = (peer){.memory = memory, .way = way, .name = python_name(way)};
    char *folder = arena_print(memory, "%s/eddy-bench-XXXXXX", root && *root ? root : "/tmp");
    if (!mkdtemp(folder))
        cli_fail(CLI_FAILED, "cannot make the folder %s: %s", folder, strerror(errno));
    p->folder = folder;
    peer_running[way] = p;
    if (!registered) {
        atexit(peer_stop_all);
        signal(SIGINT, peer_interrupted);
        signal(SIGTERM, peer_interrupted);
    }
    registered = true;
    signal(SIGPIPE, SIG_IGN); /* that it ended is seen by what writing says */
    if (!peer_spawn(p, python, threads))
        return false;
    const char *answer = peer_line(p, PEER_PATIENCE);
    if (answer && strncmp(answer, "ready ", 6) == 0) {
        p->name = answer + 6;
        return true;
    }
    if (answer && strncmp(answer, "missing ", 8) == 0)
        p->refusal = arena_print(memory, "not installed here: %s", answer + 8);
    else if (answer)
        p->refusal = arena_print(memory, "not run here: %s answers '%s'", python, answer);
    else
        p->refusal = arena_print(memory, "not run here: %s", p->refusal);
    peer_stop(p);
    return false;
}
