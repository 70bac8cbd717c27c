/* The start of a program without a libc: relocates the program as rcrt1.o of musl does, and ends with
   0 if `slot` holds what the test promises of `sym`. Every other status says what is wrong. */

#pragma GCC visibility push(hidden)
extern char __ehdr_start[];
extern unsigned long _DYNAMIC[];
extern char slot[], sym[];
#pragma GCC visibility pop

typedef unsigned long word;

static void leave(long status) {
#if defined(__aarch64__)
    register long number __asm__("x8") = 93, first __asm__("x0") = status;
    __asm__ volatile("svc 0" : : "r"(number), "r"(first));
#elif defined(__riscv)
    register long number __asm__("a7") = 93, first __asm__("a0") = status;
    __asm__ volatile("ecall" : : "r"(number), "r"(first));
#elif defined(__loongarch__)
    register long number __asm__("$a7") = 93, first __asm__("$a0") = status;
    __asm__ volatile("syscall 0" : : "r"(number), "r"(first));
#elif defined(__arm__)
    register long number __asm__("r7") = 1, first __asm__("r0") = status;
    __asm__ volatile("svc 0" : : "r"(number), "r"(first));
#elif defined(__i386__)
    __asm__ volatile("int $0x80" : : "a"(1), "b"(status));
#elif defined(__x86_64__)
    __asm__ volatile("syscall" : : "a"(60), "D"(status));
#elif defined(__powerpc64__)
    register long number __asm__("r0") = 1, first __asm__("r3") = status;
    __asm__ volatile("sc" : : "r"(number), "r"(first));
#elif defined(__s390x__)
    register long first __asm__("r2") = status;
    __asm__ volatile("svc 1" : : "r"(first));
#endif
    for (;;) {
    }
}

void _start(void) {
    word base = (word)__ehdr_start;
    word rel = 0, rel_size = 0, rela = 0, rela_size = 0;
    if (base == 0)
        leave(9);
    for (word *entry = _DYNAMIC; *entry; entry += 2) {
        if (entry[0] == 7)
            rela = entry[1];
        if (entry[0] == 8)
            rela_size = entry[1];
        if (entry[0] == 17)
            rel = entry[1];
        if (entry[0] == 18)
            rel_size = entry[1];
    }
    for (word at = 0; at < rel_size; at += 2 * sizeof(word)) {
        word *one = (word *)(base + rel + at);
        if ((one[1] & 0xff) != RELATIVE)
            leave(8);
        *(word *)(base + one[0]) += base;
    }
    for (word at = 0; at < rela_size; at += 3 * sizeof(word)) {
        word *one = (word *)(base + rela + at);
        if ((one[1] & 0xffff) != RELATIVE)
            leave(8);
        *(word *)(base + one[0]) = base + one[2];
    }
    volatile FIELD *field = (volatile FIELD *)slot;
    word found = (word)(long)*field;
    if (DISTANCE)
        found += (word)slot;
    leave(found == (word)sym ? 0 : 1);
}
