/* A library with one function that wants a canary. */
#include <stdio.h>
#include <string.h>

__attribute__((noinline)) int copy_name(const char *name) {
    char buffer[64];
    strcpy(buffer, name);
    return printf("hello, %s\n", buffer);
}
