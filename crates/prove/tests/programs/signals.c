// Needs its own signals: a breakpoint instruction that it handles, and one of real time.
#include <signal.h>
#include <stdio.h>
static void handle(int signal) { printf("handled %d\n", signal == SIGTRAP ? 1 : 2); }
int main(void) {
    signal(SIGTRAP, handle);
    signal(SIGRTMIN + 3, handle);
    raise(SIGTRAP);
    raise(SIGRTMIN + 3);
    fflush(stdout);
    raise(SIGRTMIN + 4);
    return 0;
}
