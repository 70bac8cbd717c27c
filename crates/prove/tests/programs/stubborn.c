// Asks to be traced, closes every file, leaves a busy child in another session, and stops itself.
#include <signal.h>
#include <sys/ptrace.h>
#include <unistd.h>
int main(void) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    for (int i = 0; i < 1024; i++)
        close(i);
    if (fork() == 0) {
        setsid();
        for (;;)
            ;
    }
    for (;;)
        kill(getpid(), SIGSTOP);
}
