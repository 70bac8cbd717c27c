/* Exits with 42 if it is entered as the kernel enters a program: registers, stack, relocation. */
        .intel_syntax noprefix
        .globl _start
        .text
_start:
        mov     rdi, 1
        test    rdx, rdx                /* no function to call at exit */
        jnz     exit
        mov     rdi, 2
        mov     rcx, rbx
        or      rcx, rsi
        or      rcx, rbp
        or      rcx, r12
        or      rcx, r15
        jnz     exit
        mov     rdi, 3
        cmp     qword ptr [rsp], 2      /* argc: the test gives one argument */
        jne     exit
        mov     rdi, 4
        mov     rcx, [rsp + 16]
        cmp     byte ptr [rcx], 'x'     /* argv[1] */
        jne     exit
        mov     rdi, 5
        cmp     qword ptr [rsp - 8], 0  /* nobody has pushed: a fresh stack is zero below */
        jne     exit
        mov     rdi, 6
        lea     rcx, [rip + _start]
        cmp     rcx, [rip + pointer]    /* relocated */
        jne     exit
        mov     rdi, 42
exit:
        mov     eax, 231
        syscall

        .data
        .balign 8
pointer:
        .quad   _start
        .section .note.GNU-stack, "", @progbits
