/* A section that is writable and executable at once, as some JIT compilers and packers leave. */
__asm__(".section .jit,\"awx\",@progbits\n"
        ".globl patched\n"
        "patched: ret\n"
        ".space 64\n"
        ".previous\n");

extern void patched(void);

int main(void) {
    patched();
    return 0;
}
