/*
 * The start-up stub for 386. Contract and numbered steps: README.md beside this file.
 *
 * In:  esp as the kernel leaves it; all other registers 0 (ELF_PLAT_INIT in
 *      arch/x86/include/asm/elf.h).
 * Out: esp three words lower: a return address of 0, argc, argv, as Go's `main` takes them; ebx the
 *      entry point; eax, ecx, edx, esi, edi, ebp 0.
 * Programs for this CPU are linked by handpie, and the only symbol that Go's linker leaves to start
 * at is `main`, which takes what C's `main` takes: on this CPU, on the stack. Go's own entry point
 * (`_rt0_386`) puts the same words there. The CPU cannot tell where it is but by a call, so one
 * word below the kernel's is written for step 1 too; nothing can be there yet.
 * No `endbr32`: Linux does not track branches of 32-bit programs, and the oldest CPUs that Go runs
 * on do not know the instruction.
 * The header has fields of eight bytes on every CPU; here their low halves count.
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

/* 1. find the load bias */
        call    .Lhere
.Lhere:
        pop     ebp
        sub     ebp, 0x3d               /* where the header is, kept in ebp */
        mov     ebx, ebp
        sub     ebx, [ebp + 8]          /* less where it was linked: the bias, kept in ebx */

/* 3. relocate: esi = next RELR word, ecx = end of the table, edi = next word to relocate */
        mov     esi, [ebp + 16]         /* relr */
        add     esi, ebx
        mov     ecx, [ebp + 24]         /* relr_size */
        add     ecx, esi
.Lnext:
        cmp     esi, ecx
        jae     .Lprotect
        mov     eax, [esi]
        add     esi, 4
        test    al, 1
        jnz     .Lbitmap
        lea     edi, [eax + ebx]        /* an even word is the address of a word to relocate */
        add     [edi], ebx
        add     edi, 4
        jmp     .Lnext
.Lbitmap:
        mov     edx, edi                /* an odd word says which of the next 31 words are */
.Lbit:
        shr     eax, 1                  /* bit 0 marked the bitmap; the lowest bit left is next */
        jz      .Lbitmap_done           /* no more bits set */
        test    al, 1
        jz      .Lskip
        add     [edx], ebx
.Lskip:
        add     edx, 4
        jmp     .Lbit
.Lbitmap_done:
        add     edi, 31 * 4
        jmp     .Lnext

/* 4. protect RELRO */
.Lprotect:
        mov     ecx, [ebp + 40]         /* len, not rounded: the kernel rounds up */
        test    ecx, ecx
        jz      .Lenter
        mov     edi, ebx                /* the system call takes ebx */
        add     ebx, [ebp + 32]         /* addr */
        mov     edx, 1                  /* prot = PROT_READ */
        mov     eax, 125                /* mprotect */
        int     0x80
        test    eax, eax
        jnz     .Lfail
        mov     ebx, edi

/* 6. enter the program */
.Lenter:
        add     ebx, [ebp + 48]         /* entry */
        mov     eax, [esp]              /* argc */
        lea     ecx, [esp + 4]          /* argv */
        push    ecx
        push    eax
        push    0                       /* nowhere to return to */
        xor     eax, eax
        xor     ecx, ecx
        xor     edx, edx
        xor     esi, esi
        xor     edi, edi
        xor     ebp, ebp
        jmp     ebx
.Lfail:
        ud2
