/* Hands files, and the files of folders, to a reader, and counts them:
 *
 *   read_<name> FILE|FOLDER...
 *
 * Each has a minute at most, by the processor's clock, and none may be missing. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/readers/reader.h"

enum { PATH = 4096, SECONDS = 60 };

static int fed;

static void stop(const char *what, const char *path) {
    fprintf(stderr, "%s: %s\n", path, what);
    exit(2);
}

static void feed_file(const char *path, size_t bytes) {
    FILE *file = fopen(path, "rb");
    unsigned char *at = malloc(bytes + 1); /* as long as the file: to read on would be seen */
    unsigned char *exact = malloc(bytes ? bytes : 1);
    if (!file || !at || !exact || fread(at, 1, bytes + 1, file) != bytes)
        stop("cannot be read", path);
    fclose(file);
    memcpy(exact, at, bytes);
    free(at);
    clock_t before = clock();
    LLVMFuzzerTestOneInput(exact, bytes);
    if ((clock() - before) / CLOCKS_PER_SEC >= SECONDS)
        stop("takes more than a minute", path);
    free(exact);
    fed++;
}

static void feed(const char *path) {
    struct stat about;
    struct dirent *entry;
    char inside[PATH];
    if (stat(path, &about) != 0)
        stop("is not there", path);
    if (!S_ISDIR(about.st_mode)) {
        feed_file(path, (size_t)about.st_size);
        return;
    }
    DIR *folder = opendir(path);
    if (!folder)
        stop("cannot be read", path);
    while ((entry = readdir(folder))) {
        snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        if (stat(inside, &about) == 0 && S_ISREG(about.st_mode))
            feed_file(inside, (size_t)about.st_size);
    }
    closedir(folder);
}

int main(int count, char **arguments) {
    for (int i = 1; i < count; i++)
        feed(arguments[i]);
    printf("%d inputs\n", fed);
    return fed == 0;
}
