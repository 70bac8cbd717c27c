#include <stdio.h>
#ifdef SIZE
// Makes the program larger than a huge page.
static const volatile char filler[SIZE] = {1};
#endif
int main(int argc, char **argv) {
#ifdef SIZE
    argc += filler[argc];
#endif
    puts("hello");
    return 0;
}
