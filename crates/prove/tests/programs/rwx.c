// Makes memory that can be written and executed, and waits.
#include <sys/mman.h>
#include <unistd.h>
int main(void) {
    mmap(0, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (;;)
        pause();
}
