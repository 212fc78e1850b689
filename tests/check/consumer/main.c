/* The smallest outside program: it proves that the header is found and the library loads. */
#include <eddy.h>
#include <stdio.h>

int main(void) {
    return puts(eddy_version_string()) < 0;
}
