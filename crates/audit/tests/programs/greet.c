/* A program with a buffer to protect, for compilers that have no headers of the other system. */
extern char *strcpy(char *, const char *);
extern int puts(const char *);

int main(int argc, char **argv) {
  char name[32];
  strcpy(name, argc > 1 ? argv[1] : "nobody");
  return puts(name);
}
