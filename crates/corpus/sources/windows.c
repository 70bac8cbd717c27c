/* A program for Windows without any library, with a call through a pointer that has to be
 * relocated. With GUARD it has the load configuration that makes the flag for CFG more than a
 * word; usually the C run-time brings it. */
static int one(int n) { return n + 1; }

int (*step)(int) = one;

int start(void) { return step(1); }

#ifdef GUARD
__asm__(".section .rdata,\"dr\"\n"
        ".globl __guard_dispatch_icall_fptr\n"
        "__guard_check_icall_fptr: .quad 0\n"
        "__guard_dispatch_icall_fptr: .quad 0\n"
        ".globl _load_config_used\n"
        ".balign 8\n"
        "_load_config_used:\n"
        ".long 256\n" /* its size */
        ".fill 108, 1, 0\n"
        ".quad __guard_check_icall_fptr\n"
        ".quad __guard_dispatch_icall_fptr\n"
        ".quad __guard_fids_table\n"
        ".quad __guard_fids_count\n"
        ".long __guard_flags\n"
        ".fill 108, 1, 0\n");
#endif
