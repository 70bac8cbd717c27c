/* Needs a loader only to be relocated: exits with 42 if the pointers in its data are right. */
static int answer = 42;
static int *volatile first = &answer;
static int *volatile *volatile second = &first;
static char padding[4096] = {1};
static char *volatile far_away[] = {padding, padding + 1, padding + 2};

void _start(void)
{
    int status = far_away[2] - far_away[0] == 2 ? **second : 1;
#ifdef __x86_64__
    __asm__ volatile("syscall" : : "a"(231), "D"(status) : "rcx", "r11", "memory");
#else
    register long x8 __asm__("x8") = 94;
    register long x0 __asm__("x0") = status;
    __asm__ volatile("svc #0" : : "r"(x8), "r"(x0) : "memory");
#endif
    __builtin_unreachable();
}
