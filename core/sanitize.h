/* Which sanitizer this library is being built with. Compiled programs are instrumented with the
 * same one, so that code of both kinds shares one shadow memory. */
#ifndef EDDY_CORE_SANITIZE_H
#define EDDY_CORE_SANITIZE_H

typedef enum sanitize { SANITIZE_NONE, SANITIZE_ADDRESS, SANITIZE_THREAD } sanitize;

#if defined(__has_feature)
#    define SANITIZE_HAS(x) __has_feature(x)
#else
#    define SANITIZE_HAS(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || SANITIZE_HAS(address_sanitizer)
#    define SANITIZE_BUILD   SANITIZE_ADDRESS
#    define SANITIZE_POISONS 1 /* <sanitizer/asan_interface.h> can be used */
#elif defined(__SANITIZE_THREAD__) || SANITIZE_HAS(thread_sanitizer)
#    define SANITIZE_BUILD   SANITIZE_THREAD
#    define SANITIZE_POISONS 0
#else
#    define SANITIZE_BUILD   SANITIZE_NONE
#    define SANITIZE_POISONS 0
#endif

#endif
