/* A program in which every protection has something to protect. Each function is named by the
 * recipes' judge, so none may be inlined. With the argument `maps` it shows its own memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An array on the stack: wants a canary. Its size is known: FORTIFY 1 checks the copy. */
__attribute__((noinline)) int copy_name(const char *name) {
    char buffer[64];
    strcpy(buffer, name);
    return printf("hello, %s\n", buffer);
}

/* A size that only a run knows: FORTIFY 3 checks this copy, 1 and 2 do not. */
__attribute__((noinline)) char *keep_name(const char *name, size_t length) {
    char *kept = malloc(length + 1);
    if (kept) {
        memcpy(kept, name, length);
        kept[length] = 0;
    }
    return kept;
}

/* A frame of many pages: wants a probe of each (stack clash). */
__attribute__((noinline)) int many_pages(const char *name) {
    volatile char frame[65536];
    frame[0] = name[0];
    frame[sizeof frame - 1] = frame[0];
    return frame[sizeof frame - 1];
}

static int one(int n) { return n + 1; }
static int two(int n) { return n + 2; }

/* Calls through pointers: wants CFI and landing pads. */
int (*steps[])(int) = {one, two};

static int show_maps(void) {
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    if (!maps)
        return 1;
    while (fgets(line, sizeof line, maps))
        fputs(line, stdout);
    fclose(maps);
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "maps") == 0)
        return show_maps();
    char *kept = keep_name(argv[0], strlen(argv[0]));
    int length = copy_name(kept ? kept : argv[0]);
    free(kept);
    return steps[argc & 1](length) + many_pages(argv[0]) < 0;
}
