/* An address in the code that only the loader knows: a text relocation in every PIE. */
#include <stdio.h>

int value = 42;

int main(void) {
    int *pointer;
    __asm__("movabs $value, %0" : "=r"(pointer));
    return printf("%d\n", *pointer) < 0;
}
