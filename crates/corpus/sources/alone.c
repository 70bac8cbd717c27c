/* A program without any libc: it ends at once. */

/* Saves its return address, which PAC signs. */
__attribute__((noinline)) int twice(int (*step)(int), int n) { return step(step(n)); }

static int one(int n) { return n + 1; }

void _start(void) {
    twice(one, 1);
#ifdef __aarch64__
    __asm__ volatile("mov x8, #93\n"
                     "mov x0, #0\n"
                     "svc #0");
#else
    __asm__ volatile("mov $60, %eax\n"
                     "xor %edi, %edi\n"
                     "syscall");
#endif
    __builtin_unreachable();
}
