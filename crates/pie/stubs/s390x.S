/*
 * The start-up stub for s390x. Contract and numbered steps: README.md beside this file.
 *
 * In:  r15 the stack pointer as the kernel leaves it; all other registers 0 or unspecified
 *      (start_thread in arch/s390/include/asm/processor.h).
 * Out: r15 unchanged; r1 the entry point; r0, r2 to r4, r6 and r8 to r10 0; in version 2 also r12 and
 *      r13.
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
        larl    %r6, header             /* where the header is, kept in r6 */
        lgr     %r8, %r6
        sg      %r8, 8(%r6)             /* less where it was linked: the bias, kept in r8 */

#if VERSION == 2
/* 2. the mover that brought the image here is needed no more: r12 = its first page, r13 = its size */
        lg      %r1, 0x38(%r6)          /* moved */
        ltgr    %r1, %r1
        je      .Lrelocate
        lgr     %r2, %r12
        lgr     %r3, %r13
        svc     91                      /* munmap */
.Lrelocate:
#endif

/* 3. relocate: r9 = next RELR word, r10 = end of the table, r2 = next word to relocate */
        lg      %r9, 16(%r6)            /* relr */
        agr     %r9, %r8
        lg      %r10, 24(%r6)           /* relr_size */
        agr     %r10, %r9
.Lnext:
        clgr    %r9, %r10
        jhe     .Lprotect
        lg      %r1, 0(%r9)
        aghi    %r9, 8
        tmll    %r1, 1
        jo      .Lbitmap
        la      %r2, 0(%r1, %r8)        /* an even word is the address of a word to relocate */
        lg      %r3, 0(%r2)
        agr     %r3, %r8
        stg     %r3, 0(%r2)
        aghi    %r2, 8
        j       .Lnext
.Lbitmap:
        lgr     %r4, %r2                /* an odd word says which of the next 63 words are */
.Lbit:
        srlg    %r1, %r1, 1             /* bit 0 marked the bitmap; the lowest bit left is next */
        ltgr    %r1, %r1
        je      .Lbitmap_done           /* no more bits set */
        tmll    %r1, 1
        je      .Lskip
        lg      %r3, 0(%r4)
        agr     %r3, %r8
        stg     %r3, 0(%r4)
.Lskip:
        aghi    %r4, 8
        j       .Lbit
.Lbitmap_done:
        aghi    %r2, 63 * 8
        j       .Lnext

/* 4. protect RELRO */
.Lprotect:
        lg      %r3, 40(%r6)            /* len, not rounded: the kernel rounds up */
        ltgr    %r3, %r3
        je      .Lseal
        lg      %r2, 32(%r6)            /* addr */
        agr     %r2, %r8
        lghi    %r4, 1                  /* prot = PROT_READ */
        svc     125                     /* mprotect */
        ltgr    %r2, %r2
        jne     .Lfail

/* 5. seal: r9 = next range, r10 = how many are left */
.Lseal:
#if VERSION == 2
        larl    %r9, seals
        lg      %r10, 0x40(%r6)         /* seal_count */
.Lnext_seal:
        ltgr    %r10, %r10
        je      .Lenter
        lg      %r2, 0(%r9)             /* addr */
        agr     %r2, %r8
        lg      %r3, 8(%r9)             /* len, not rounded: the kernel rounds up */
        lghi    %r4, 0                  /* flags */
        lghi    %r1, 462                /* mseal; kernels before 6.10 do not have it */
        svc     0
        la      %r9, 16(%r9)
        aghi    %r10, -1
        j       .Lnext_seal
.Lenter:
        lghi    %r12, 0
        lghi    %r13, 0
#endif

/* 6. enter the program */
        lg      %r1, 48(%r6)            /* entry */
        agr     %r1, %r8
        lghi    %r0, 0
        lghi    %r2, 0
        lghi    %r3, 0
        lghi    %r4, 0
        lghi    %r6, 0
        lghi    %r8, 0
        lghi    %r9, 0
        lghi    %r10, 0
        br      %r1
.Lfail:
        .short  0                       /* never an instruction: it traps */
#if VERSION == 2
        .balign 8
seals:                                  /* `convert` appends the ranges to seal: address, size */
#endif
