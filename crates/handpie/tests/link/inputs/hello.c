#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int target = 7;
// In .data.rel.ro: relocated when the program starts, and read-only from then on.
int *const relocated[] = {&target, &target};

static __thread int counter = 40;

static void *count(void *by) {
  counter += *(int *)by;
  printf("thread %d\n", counter);
  return NULL;
}

// How the page of an address is mapped, as in /proc/self/maps.
static const char *protection(const void *address) {
  static char line[512], mode[5];
  FILE *maps = fopen("/proc/self/maps", "r");
  if (maps == NULL)
    return "unknown";
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long start, end;
    if (sscanf(line, "%lx-%lx %4s", &start, &end, mode) == 3 && start <= (unsigned long)address &&
        (unsigned long)address < end) {
      fclose(maps);
      return mode;
    }
  }
  fclose(maps);
  return "unmapped";
}

int main(int argc, char **argv) {
  pthread_t thread;
  counter += *relocated[argc > 5];
  if (pthread_create(&thread, NULL, count, relocated[0]) != 0 || pthread_join(thread, NULL) != 0)
    return 1;
  printf("main %d\n", counter);
  printf("relro %s\n", protection(&relocated[0]));
  printf("words %s\n", argc > 1 ? argv[1] : "none");
  return 0;
}
