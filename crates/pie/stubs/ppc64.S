/*
 * The start-up stub for ppc64 and ppc64le: the same instructions, in the byte order of the target.
 * Contract and numbered steps: README.md beside this file.
 *
 * In:  r1 the stack pointer as the kernel leaves it; r13 0; all else 0 or unspecified (start_thread
 *      in arch/powerpc/kernel/process.c).
 * Out: r1 unchanged; r12 and ctr the entry point, as a function of ELFv2 expects at its global entry
 *      point (64-bit ELFv2 ABI, "Function Prologue"); r0, r3 to r5, r14 to r22 and lr 0.
 * r13 is left alone: a value there tells Go that a libc has set up thread-local storage
 * (runtime/rt0_linux_ppc64le.s).
 */
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
        bcl     20, 31, .Lhere          /* a branch to the next instruction that keeps the link stack */
.Lhere:
        mflr    14
        addi    14, 14, header - .Lhere /* where the header is, kept in r14 */
        ld      15, 8(14)               /* where it was linked */
        subf    15, 15, 14              /* the bias, kept in r15 */

/* 3. relocate: r16 = next RELR word, r17 = end of the table, r20 = next word to relocate */
        ld      16, 16(14)              /* relr */
        add     16, 16, 15
        ld      17, 24(14)              /* relr_size */
        add     17, 17, 16
.Lnext:
        cmpld   16, 17
        bge     .Lprotect
        ld      18, 0(16)
        addi    16, 16, 8
        andi.   19, 18, 1
        bne     .Lbitmap
        add     20, 18, 15              /* an even word is the address of a word to relocate */
        ld      21, 0(20)
        add     21, 21, 15
        std     21, 0(20)
        addi    20, 20, 8
        b       .Lnext
.Lbitmap:
        mr      22, 20                  /* an odd word says which of the next 63 words are */
.Lbit:
        srdi    18, 18, 1               /* bit 0 marked the bitmap; the lowest bit left is next */
        cmpldi  18, 0
        beq     .Lbitmap_done           /* no more bits set */
        andi.   19, 18, 1
        beq     .Lskip
        ld      21, 0(22)
        add     21, 21, 15
        std     21, 0(22)
.Lskip:
        addi    22, 22, 8
        b       .Lbit
.Lbitmap_done:
        addi    20, 20, 63 * 8
        b       .Lnext

/* 4. protect RELRO */
.Lprotect:
        ld      4, 40(14)               /* len, not rounded: the kernel rounds up */
        cmpldi  4, 0
        beq     .Lenter
        ld      3, 32(14)               /* addr */
        add     3, 3, 15
        li      5, 1                    /* prot = PROT_READ */
        li      0, 125                  /* mprotect */
        sc
        bso     .Lfail                  /* summary overflow marks an error */

/* 6. enter the program */
.Lenter:
        ld      12, 48(14)              /* entry */
        add     12, 12, 15
        mtctr   12
        li      0, 0
        mtlr    0
        li      3, 0
        li      4, 0
        li      5, 0
        li      14, 0
        li      15, 0
        li      16, 0
        li      17, 0
        li      18, 0
        li      19, 0
        li      20, 0
        li      21, 0
        li      22, 0
        bctr
.Lfail:
        trap
