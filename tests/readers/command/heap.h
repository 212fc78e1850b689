/* Memory that a reader of the command leaves where it fails. */
#ifndef EDDY_TESTS_READERS_HEAP_H
#define EDDY_TESTS_READERS_HEAP_H

#include <stdbool.h>

/* From here on, whatever is asked for is noted. */
void heap_begin(void);
/* Ends that. A reader that failed has left what it then had, and here it is given back; what one
 * that did not fail has left is a leak, and left to be seen as one. */
void heap_end(bool failed);

#endif
