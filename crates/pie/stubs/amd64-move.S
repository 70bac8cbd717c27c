/*
 * The mover for amd64. Contract and numbered steps: README.md beside this file.
 *
 * In:  rsp as the kernel leaves it; all other registers 0.
 * Out: rsp unchanged; r12 the first page of the mover, r13 its size, for the stub to unmap; rax where
 *      the stub starts; all else 0 or overwritten by the stub.
 * The syscall instruction overwrites rcx and r11.
 */
        .intel_syntax noprefix
        .text
header:
        .ascii "handmove"
self:       .quad 0
size:       .quad 0
stub:       .quad 0
image:      .quad 0
image_size: .quad 0
code:       .quad 0
code_end:   .quad 0
data:       .quad 0
data_end:   .quad 0
count:      .quad 0

        .set PAGE, 4096
        .set MAP, -128                  /* struct prctl_mm_map, below the stack pointer */

        .globl start
start:
        endbr64                         /* a valid target where indirect branches are tracked */

/* a. the load bias, in rbx; the new one, in rbp, is the same until the image has moved */
        lea     rbx, [rip + header]
        sub     rbx, [rip + self]
        mov     rbp, rbx

/* b. whoever switched randomisation off, a debugger for one, wants the same address each time */
        mov     edi, -1                 /* ask only */
        mov     eax, 135                /* personality */
        syscall
        bt      eax, 18                 /* ADDR_NO_RANDOMIZE; also set in every error */
        jc      .Lland

/* c. draw an address */
        lea     rdi, [rsp - 8]          /* buf */
        mov     esi, 8                  /* buflen */
        mov     edx, 1                  /* flags = GRND_NONBLOCK */
        mov     eax, 318                /* getrandom */
        syscall
        cmp     rax, 8
        jne     .Lland
        mov     r14, [rsp - 8]
        mov     [rsp - 8], rdi          /* leave nothing of it behind */
        shr     r14, 18                 /* 46 bits: 34 bits of pages in the lower half of user space */
.Ltry:
        and     r14, -PAGE
        mov     eax, 1
        shl     rax, 32
        lea     r12, [r14 + rax]        /* above 4 GiB */
        mov     rdi, r12                /* addr */
        mov     rsi, [rip + image_size] /* length */
        xor     edx, edx                /* prot = PROT_NONE */
        mov     r10d, 0x104022          /* MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE */
        mov     r8, -1                  /* fd */
        xor     r9d, r9d                /* offset */
        mov     eax, 9                  /* mmap */
        syscall
/* The reservation shows that the place is free. Kernels before 4.17 take the address for a hint;
   what they map elsewhere goes the same way, and for an error munmap does nothing. */
        mov     rdi, rax
        mov     rsi, [rip + image_size]
        mov     r15, rax
        mov     eax, 11                 /* munmap */
        syscall
        cmp     r15, r12
        je      .Lfree
        shr     r14, 9                  /* again in a smaller space: 37 bits, then give up */
        mov     rax, r14
        shr     rax, 29
        jnz     .Ltry
        jmp     .Lland

/* d. move: r13 = next piece, r14 = how many are left */
.Lfree:
        mov     rbp, r12
        sub     rbp, [rip + image]      /* the new bias */
        lea     r13, [rip + pieces]
        mov     r14, [rip + count]
.Lmove:
        mov     rdi, [r13]              /* both ends of a piece count as a whole page */
        add     rdi, PAGE - 1
        and     rdi, -PAGE
        mov     rsi, [r13 + 8]
        add     rsi, PAGE - 1
        and     rsi, -PAGE
        sub     rsi, rdi                /* old_size */
        jz      .Lmoved
        mov     rdx, rsi                /* new_size */
        lea     r8, [rdi + rbp]         /* new_address */
        add     rdi, rbx                /* old_address */
        mov     r10d, 3                 /* MREMAP_MAYMOVE | MREMAP_FIXED */
        mov     eax, 25                 /* mremap */
        syscall
        cmp     rax, r8
        jne     .Lunmoved
        cmp     qword ptr [r13 + 16], 0
        je      .Lmoved
/* Profilers learn of code by its being made executable, and not by its being moved. */
        mov     rdi, r8
        mov     edx, 1                  /* prot = PROT_READ */
        mov     eax, 10                 /* mprotect */
        syscall
        mov     rdx, [r13 + 16]         /* prot */
        mov     eax, 10                 /* mprotect */
        syscall
        test    eax, eax
        jnz     .Lfail
.Lmoved:
        add     r13, 24
        dec     r14
        jnz     .Lmove

/* e. tell: the auxiliary vector, which debuggers read, has two addresses of the image */
        mov     rdx, rbp
        sub     rdx, rbx                /* how far it moved */
        mov     rax, [rsp]              /* argc */
        lea     rsi, [rsp + rax*8 + 16] /* envp */
        mov     r9, [rsi]               /* the first string of the environment, or 0 */
.Lenv:
        mov     rax, [rsi]
        add     rsi, 8
        test    rax, rax
        jnz     .Lenv
        mov     r8, rsi                 /* the auxiliary vector */
.Laux:
        mov     rax, [rsi]
        cmp     eax, 3                  /* AT_PHDR */
        je      .Lshift
        cmp     eax, 9                  /* AT_ENTRY */
        je      .Lshift
        cmp     eax, 31                 /* AT_EXECFN: the string after the environment */
        jne     .Lnext_aux
        mov     r14, [rsi + 8]
        jmp     .Lnext_aux
.Lshift:
        add     [rsi + 8], rdx
.Lnext_aux:
        add     rsi, 16
        test    rax, rax
        jnz     .Laux
        sub     rsi, r8                 /* its size */

/* f. and the kernel's own copy, with what else it notes of a program; unprivileged, and of no
      consequence if it is refused */
        lea     rdi, [rsp + MAP]
        mov     rax, [rip + code]
        add     rax, rbp
        mov     [rdi], rax              /* start_code */
        mov     rax, [rip + code_end]
        add     rax, rbp
        mov     [rdi + 8], rax          /* end_code */
        mov     rax, [rip + data]
        add     rax, rbp
        mov     [rdi + 16], rax         /* start_data */
        mov     rax, [rip + data_end]
        add     rax, rbp
        mov     [rdi + 24], rax         /* end_data */
        mov     [rdi + 48], rsp         /* start_stack */
        test    r9, r9
        cmovz   r9, r14                 /* without environment */
        mov     rax, [rsp + 8]          /* the first argument */
        test    rax, rax
        cmovz   rax, r9
        mov     [rdi + 56], rax         /* arg_start */
        mov     [rdi + 64], r9          /* arg_end */
        mov     [rdi + 72], r9          /* env_start */
        mov     [rdi + 80], r14         /* env_end */
        mov     [rdi + 88], r8          /* auxv */
        mov     [rdi + 96], esi         /* auxv_size */
        or      eax, -1
        mov     [rdi + 100], eax        /* exe_fd: keep */
        mov     rdx, rdi                /* addr */
        xor     edi, edi
        mov     eax, 12                 /* brk: ask only */
        syscall
        mov     [rdx + 32], rax         /* start_brk */
        mov     [rdx + 40], rax         /* brk */
        mov     edi, 35                 /* PR_SET_MM */
        mov     esi, 14                 /* PR_SET_MM_MAP */
        mov     r10d, 104               /* size */
        xor     r8d, r8d
        mov     eax, 157                /* prctl */
        syscall

/* g. land: on with the stub, in the image */
.Lland:
        lea     r12, [rip + header]
        mov     r13, r12
        and     r12, -PAGE
        sub     r13, r12
        add     r13, [rip + size]
        mov     rax, [rip + stub]
        add     rax, rbp
        xor     edx, edx
        xor     ebp, ebp
        xor     r10d, r10d
        xor     r14d, r14d
        xor     r15d, r15d
        jmp     rax

/* If the first piece stays, all is as it was. If a later one does, nothing fits together. */
.Lunmoved:
        mov     rbp, rbx
        lea     rax, [rip + pieces]
        cmp     r13, rax
        je      .Lland
.Lfail:
        ud2
        .balign 8
pieces:                                 /* `convert` appends them: start, end, prot if executable */
