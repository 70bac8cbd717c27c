/* A library that can also be started, as glibc's own can: it has PT_INTERP and an entry point, and
 * is a library all the same. */
#include <unistd.h>

const char interpreter[] __attribute__((section(".interp"))) = "/lib64/ld-linux-x86-64.so.2";

int answer(void) { return 42; }

void start(void) {
    static const char words[] = "a library\n";
    if (write(1, words, sizeof words - 1) < 0)
        _exit(1);
    _exit(0);
}
