#include <stdio.h>
#include <string.h>

void take(const char *text) {
  char buffer[64];
  strcpy(buffer, text);
  puts(buffer);
}

int main(int argc, char **argv) {
  take(argv[argc - 1]);
  return 0;
}
