// Writes to an address that nothing is mapped at.
#include <stdio.h>
int main(void) {
    fprintf(stderr, "about to die\n");
    *(volatile int *)0x1234 = 1;
    return 0;
}
