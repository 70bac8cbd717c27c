/*
 * The start-up stub for amd64. Contract and numbered steps: README.md beside this file.
 *
 * In:  rsp as the kernel leaves it; all other registers 0 (ELF_PLAT_INIT in
 *      arch/x86/include/asm/elf.h).
 * Out: rsp unchanged; rax the entry point; rbx, rcx, rdx, rsi, rdi, r11 0.
 * The syscall instruction overwrites rcx and r11.
 */
        .intel_syntax noprefix
        .text
header:
        .ascii "handpie"
        .byte  1
self:       .quad 0
relr:       .quad 0
relr_size:  .quad 0
relro:      .quad 0
relro_size: .quad 0
entry:      .quad 0

        .globl start
start:
        endbr64                         /* a valid target where indirect branches are tracked */

/* 1. find the load bias */
        lea     rbx, [rip + header]     /* where the header is */
        sub     rbx, [rip + self]       /* less where it was linked: the bias, kept in rbx */

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
        jz      .Lenter
        mov     rdi, [rip + relro]      /* addr */
        add     rdi, rbx
        mov     edx, 1                  /* prot = PROT_READ */
        mov     eax, 10                 /* mprotect */
        syscall
        test    rax, rax
        jnz     .Lfail

/* 6. enter the program */
.Lenter:
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
