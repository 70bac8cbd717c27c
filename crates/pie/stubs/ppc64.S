/*
 * The start-up stub for ppc64 and ppc64le: the same instructions, in the byte order of the target.
 * Contract and numbered steps: README.md beside this file.
 *
 * In:  r1 the stack pointer as the kernel leaves it; r13 0; all else 0 or unspecified (start_thread
 *      in arch/powerpc/kernel/process.c).
 * Out: r1 unchanged; r12 and ctr the entry point, as a function of ELFv2 expects at its global entry
 *      point (64-bit ELFv2 ABI, "Function Prologue"); r0, r3 to r5, r14 to r22 and lr 0; in version 2 also r30 and r31.
 * r13 is left alone: a value there tells Go that a libc has set up thread-local storage
 * (runtime/rt0_linux_ppc64le.s).
 */
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

/* 1. find the load bias */
        bcl     20, 31, .Lhere          /* a branch to the next instruction that keeps the link stack */
.Lhere:
        mflr    14
        addi    14, 14, header - .Lhere /* where the header is, kept in r14 */
        ld      15, 8(14)               /* where it was linked */
        subf    15, 15, 14              /* the bias, kept in r15 */

#if VERSION == 2
/* 2. the mover that brought the image here is needed no more: r30 = its first page, r31 = its size */
        ld      3, 0x38(14)             /* moved */
        cmpdi   3, 0
        beq     .Lrelocate
        mr      3, 30
        mr      4, 31
        li      0, 91                   /* munmap */
        sc
.Lrelocate:
#endif

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
        beq     .Lseal
        ld      3, 32(14)               /* addr */
        add     3, 3, 15
        li      5, 1                    /* prot = PROT_READ */
        li      0, 125                  /* mprotect */
        sc
        bso     .Lfail                  /* summary overflow marks an error */

/* 5. seal: r16 = next range, r17 = how many are left */
.Lseal:
#if VERSION == 2
        addi    16, 14, seals - header
        ld      17, 0x40(14)            /* seal_count */
.Lnext_seal:
        cmpdi   17, 0
        beq     .Lenter
        ld      3, 0(16)                /* addr */
        add     3, 3, 15
        ld      4, 8(16)                /* len, not rounded: the kernel rounds up */
        li      5, 0                    /* flags */
        li      0, 462                  /* mseal; kernels before 6.10 do not have it */
        sc
        addi    16, 16, 16
        addi    17, 17, -1
        b       .Lnext_seal
.Lenter:
        li      30, 0
        li      31, 0
#endif

/* 6. enter the program */
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
#if VERSION == 2
        .balign 8
seals:                                  /* `convert` appends the ranges to seal: address, size */
#endif
