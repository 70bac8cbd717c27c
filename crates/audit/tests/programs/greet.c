/* A program with a buffer to protect, for compilers that have no headers of the other system. */
extern char *strcpy(char *, const char *);
extern int puts(const char *);

#ifdef LARGE
/* So much that reading all of it would be noticed; for macOS. */
__attribute__((section("__TEXT,__table"))) const char large[4 << 20] = {1};
#endif

int main(int argc, char **argv) {
  char name[32];
  strcpy(name, argc > 1 ? argv[1] : "nobody");
  return puts(name);
}
