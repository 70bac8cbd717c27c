// Makes RELRO read-only in a static-PIE whose libc does not: the first function that the libc's
// start-up code calls. `cargo xtask stubs` compiles it for each CPU to src/startup/<cpu>.rs.
//
// It runs after the libc has relocated the program and set itself up, and before everything that
// the program's author wrote. It uses no library, no stack protector and no thread-local storage.
//
// The size of a page is not asked for: the range is tried with pages of 4, 16 and 64 KiB, and the
// kernel refuses (EINVAL) a start that is no multiple of its own. The end is rounded down: behind it
// may be data that is written to. Any other failure stops the program with an illegal instruction:
// to run on would break a promise that the file makes.

typedef unsigned long word;

struct header {
  unsigned char ident[16];
  unsigned short type, machine;
  unsigned int version;
  word entry, phoff, shoff;
  unsigned int flags;
  unsigned short ehsize, phentsize, phnum;
};

struct segment {
#if __SIZEOF_POINTER__ == 8
  unsigned int type, flags;
  word offset, vaddr, paddr, filesz, memsz, align;
#else
  unsigned int type;
  word offset, vaddr, paddr, filesz, memsz;
  unsigned int flags;
  word align;
#endif
};

enum { PT_LOAD = 1, PT_GNU_RELRO = 0x6474e552, PROT_READ = 1, EINVAL = 22 };

// The linker defines it as the address of the ELF header, which is the program's first byte.
extern const struct header __ehdr_start __attribute__((visibility("hidden")));

static inline long mprotect(word start, word size, long protection) {
#if defined(__x86_64__)
  long result = 10;
  __asm__ volatile("syscall" : "+a"(result) : "D"(start), "S"(size), "d"(protection)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__i386__)
  long result = 125;
  __asm__ volatile("int $0x80" : "+a"(result) : "b"(start), "c"(size), "d"(protection) : "memory");
  return result;
#elif defined(__aarch64__)
  register word x0 __asm__("x0") = start;
  register word x1 __asm__("x1") = size;
  register long x2 __asm__("x2") = protection;
  register long x8 __asm__("x8") = 226;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x8) : "memory");
  return (long)x0;
#elif defined(__arm__)
  register word r0 __asm__("r0") = start;
  register word r1 __asm__("r1") = size;
  register long r2 __asm__("r2") = protection;
  register long r7 __asm__("r7") = 125;
  __asm__ volatile("svc 0" : "+r"(r0) : "r"(r1), "r"(r2), "r"(r7) : "memory");
  return (long)r0;
#elif defined(__riscv) || defined(__loongarch64)
  register word a0 __asm__("a0") = start;
  register word a1 __asm__("a1") = size;
  register long a2 __asm__("a2") = protection;
  register long a7 __asm__("a7") = 226;
#if defined(__riscv)
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
#else
  __asm__ volatile("syscall 0" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7)
                   : "$t0", "$t1", "$t2", "$t3", "$t4", "$t5", "$t6", "$t7", "$t8", "memory");
#endif
  return (long)a0;
#elif defined(__powerpc64__)
  register long r0 __asm__("r0") = 125;
  register word r3 __asm__("r3") = start;
  register word r4 __asm__("r4") = size;
  register long r5 __asm__("r5") = protection;
  // An error is positive, and the summary overflow bit of cr0 says that it is one.
  __asm__ volatile("sc; bns+ 1f; neg %1, %1; 1:" : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5)
                   :: "cr0", "ctr", "xer", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "memory");
  return (long)r3;
#elif defined(__s390x__)
  register long r1 __asm__("r1") = 125;
  register word r2 __asm__("r2") = start;
  register word r3 __asm__("r3") = size;
  register long r4 __asm__("r4") = protection;
  __asm__ volatile("svc 0" : "+d"(r2) : "d"(r1), "d"(r3), "d"(r4) : "memory");
  return (long)r2;
#else
#error "no system calls for this CPU"
#endif
}

__attribute__((section(".text.handpie"))) static void protect_relro(void) {
  const struct header *header = &__ehdr_start;
  // The first byte of the program is at the address 0 of its link, or at that of its first segment.
  word base = (word)header;
  const struct segment *segments = (const struct segment *)(base + header->phoff);
  for (int i = 0; i < header->phnum; i++)
    if (segments[i].type == PT_LOAD) {
      base -= segments[i].vaddr - segments[i].offset;
      break;
    }
  for (int i = 0; i < header->phnum; i++) {
    if (segments[i].type != PT_GNU_RELRO)
      continue;
    for (word page = 0x1000;; page <<= 2) {
      word start = (base + segments[i].vaddr) & -page;
      word end = (base + segments[i].vaddr + segments[i].memsz) & -page;
      if (end <= start)
        break;
      long result = mprotect(start, end - start, PROT_READ);
      if (result == 0)
        break;
      if (result != -EINVAL || page == 0x10000)
        __builtin_trap();
    }
  }
}

// Functions of smaller numbers run first.
__attribute__((used, section(".init_array.00000"))) static void (*const first)(void) = protect_relro;

// What C++ hands to `__cxa_atexit`, and crtbeginS.o has; zig comes without start files of that name.
__attribute__((weak, visibility("hidden"))) void *const __dso_handle = 0;

// What `handpie check` knows it by, in stripped programs too: the owner's name, and type 1.
__attribute__((used, section(".note.handpie"), aligned(4))) static const struct {
  unsigned int name_size, size, type;
  char name[8];
} note = {8, 0, 1, "handpie"};
