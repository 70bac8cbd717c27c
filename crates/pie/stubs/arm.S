/*
 * The start-up stub for arm, in ARM mode, for ARMv5 and newer. Contract and numbered steps:
 * README.md beside this file.
 *
 * In:  sp as the kernel leaves it; all other registers 0 (ELF_PLAT_INIT and start_thread in
 *      arch/arm/include/asm).
 * Out: sp unchanged; r0 argc and r1 argv, as Go's `main` takes them; r12 the entry point; r2 to
 *      r11 0.
 * Programs for this CPU are linked by handpie, and the only symbol that Go's linker leaves to start
 * at is `main`, which takes what C's `main` takes.
 * The header has fields of eight bytes on every CPU; here their low halves count.
 * The code is ARM, so its address has bit 0 clear, and so has Go's; `bx` keeps to the mode.
 */
        .syntax unified
        .arm
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
        sub     r4, pc, #0x40           /* pc is two instructions ahead: the header, kept in r4 */
        ldr     r5, [r4, #8]            /* where it was linked */
        sub     r5, r4, r5              /* the bias, kept in r5 */

/* 3. relocate: r6 = next RELR word, r8 = end of the table, r10 = next word to relocate */
        ldr     r6, [r4, #16]           /* relr */
        add     r6, r6, r5
        ldr     r8, [r4, #24]           /* relr_size */
        add     r8, r8, r6
.Lnext:
        cmp     r6, r8
        bhs     .Lprotect
        ldr     r9, [r6], #4
        tst     r9, #1
        bne     .Lbitmap
        add     r10, r9, r5             /* an even word is the address of a word to relocate */
        ldr     r11, [r10]
        add     r11, r11, r5
        str     r11, [r10], #4
        b       .Lnext
.Lbitmap:
        mov     r3, r10                 /* an odd word says which of the next 31 words are */
.Lbit:
        lsrs    r9, r9, #1              /* bit 0 marked the bitmap; the lowest bit left is next */
        beq     .Lbitmap_done           /* no more bits set */
        tst     r9, #1
        ldrne   r11, [r3]
        addne   r11, r11, r5
        strne   r11, [r3]
        add     r3, r3, #4
        b       .Lbit
.Lbitmap_done:
        add     r10, r10, #(31 * 4)
        b       .Lnext

/* 4. protect RELRO */
.Lprotect:
        ldr     r1, [r4, #40]           /* len, not rounded: the kernel rounds up */
        cmp     r1, #0
        beq     .Lenter
        ldr     r0, [r4, #32]           /* addr */
        add     r0, r0, r5
        mov     r2, #1                  /* prot = PROT_READ */
        mov     r7, #125                /* mprotect */
        svc     #0
        cmp     r0, #0
        bne     .Lfail

/* 6. enter the program */
.Lenter:
        ldr     r12, [r4, #48]          /* entry */
        add     r12, r12, r5
        ldr     r0, [sp]                /* argc */
        add     r1, sp, #4              /* argv */
        mov     r2, #0
        mov     r3, #0
        mov     r4, #0
        mov     r5, #0
        mov     r6, #0
        mov     r7, #0
        mov     r8, #0
        mov     r9, #0
        mov     r10, #0
        mov     r11, #0
        bx      r12
.Lfail:
        udf     #0
