/*
 * The start-up stub for amd64. Contract and numbered steps: README.md beside this file.
 *
 * In:  rsp as the kernel leaves it; all other registers 0 (ELF_PLAT_INIT in
 *      arch/x86/include/asm/elf.h).
 * Out: rsp unchanged; rax the entry point; rbx, rcx, rdx, rsi, rdi, r11 0; in version 2 also r8, r9,
 *      r12, r13.
 * The syscall instruction overwrites rcx and r11.
 */
        .intel_syntax noprefix
        .text
header:
        .ascii "handpie"
        .byte  VERSION
self:       .quad 0
relr:       .quad 0
relr_size:  .quad 0
relro:      .quad 0
relro_size: .quad 0
entry:      .quad 0
#if VERSION == 2
moved:      .quad 0
seal_count: .quad 0
#endif

        .globl start
start:
        endbr64                         /* a valid target where indirect branches are tracked */

/* 1. find the load bias */
        lea     rbx, [rip + header]     /* where the header is */
        sub     rbx, [rip + self]       /* less where it was linked: the bias, kept in rbx */

#if VERSION == 2
/* 2. the mover that brought the image here is needed no more: r12 = its first page, r13 = its size */
        cmp     qword ptr [rip + moved], 0
        je      .Lrelocate
        mov     rdi, r12
        mov     rsi, r13
        mov     eax, 11                 /* munmap */
        syscall
.Lrelocate:
#endif

/* 3. relocate: rsi = next RELR word, rcx = end of the table, rdi = next word to relocate */
        mov     rsi, [rip + relr]
        add     rsi, rbx
        mov     rcx, [rip + relr_size]
        add     rcx, rsi
.Lnext:
        cmp     rsi, rcx
        jae     .Lprotect
        mov     rax, [rsi]
        add     rsi, 8
        test    al, 1
        jnz     .Lbitmap
        lea     rdi, [rax + rbx]        /* an even word is the address of a word to relocate */
        add     [rdi], rbx
        add     rdi, 8
        jmp     .Lnext
.Lbitmap:
        mov     rdx, rdi                /* an odd word says which of the next 63 words are */
.Lbit:
        shr     rax, 1                  /* bit 0 marked the bitmap; the lowest bit left is next */
        jz      .Lbitmap_done           /* no more bits set */
        test    al, 1
        jz      .Lskip
        add     [rdx], rbx
.Lskip:
        add     rdx, 8
        jmp     .Lbit
.Lbitmap_done:
        add     rdi, 63 * 8
        jmp     .Lnext

/* 4. protect RELRO */
.Lprotect:
        mov     rsi, [rip + relro_size] /* len, not rounded: the kernel rounds up */
        test    rsi, rsi
        jz      .Lseal
        mov     rdi, [rip + relro]      /* addr */
        add     rdi, rbx
        mov     edx, 1                  /* prot = PROT_READ */
        mov     eax, 10                 /* mprotect */
        syscall
        test    rax, rax
        jnz     .Lfail

/* 5. seal: r9 = next range, r8 = how many are left */
.Lseal:
#if VERSION == 2
        lea     r9, [rip + seals]
        mov     r8, [rip + seal_count]
.Lnext_seal:
        test    r8, r8
        jz      .Lenter
        mov     rdi, [r9]               /* addr */
        add     rdi, rbx
        mov     rsi, [r9 + 8]           /* len, not rounded: the kernel rounds up */
        xor     edx, edx                /* flags */
        mov     eax, 462                /* mseal; kernels before 6.10 do not have it */
        syscall
        add     r9, 16
        dec     r8
        jmp     .Lnext_seal
.Lenter:
        xor     r8d, r8d
        xor     r9d, r9d
        xor     r12d, r12d
        xor     r13d, r13d
#endif

/* 6. enter the program */
        mov     rax, [rip + entry]
        add     rax, rbx
        xor     ebx, ebx
        xor     ecx, ecx
        xor     edx, edx                /* no function to call at exit (psABI, "Process Initialization") */
        xor     esi, esi
        xor     edi, edi
        xor     r11d, r11d
        jmp     rax
.Lfail:
        ud2
#if VERSION == 2
        .balign 8
seals:                                  /* `convert` appends the ranges to seal: address, size */
#endif
