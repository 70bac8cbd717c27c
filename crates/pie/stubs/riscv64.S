/*
 * The start-up stub for riscv64. Contract and numbered steps: README.md beside this file.
 *
 * In:  sp as the kernel leaves it; all other registers 0 (start_thread in
 *      arch/riscv/kernel/process.c).
 * Out: sp unchanged; a0 argc and a1 argv, as Go's `main` takes them; t6 the entry point; t0 to t5,
 *      a2, a4, a5, a7 0; in version 2 also s10, s11 and ra.
 * Programs for this CPU are linked by handpie, and the only symbol that Go's linker leaves to start
 * at is `main`, which takes what C's `main` takes.
 * No compressed instructions, and nothing left for a linker to relax: the bytes are the program.
 */
        .option norvc
        .option norelax
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
        auipc   t0, 0
#if VERSION == 1
        addi    t0, t0, -0x38           /* where the header is, kept in t0 */
#else
        addi    t0, t0, -0x48
#endif
        ld      t1, 8(t0)               /* where it was linked */
        sub     t1, t0, t1              /* the bias, kept in t1 */

#if VERSION == 2
/* 2. the mover that brought the image here is needed no more: s10 = its first page, s11 = its size */
        ld      a0, 0x38(t0)            /* moved */
        beqz    a0, .Lrelocate
        mv      a0, s10
        mv      a1, s11
        li      a7, 215                 /* munmap */
        ecall
.Lrelocate:
#endif

/* 3. relocate: t2 = next RELR word, t3 = end of the table, t6 = next word to relocate */
        ld      t2, 16(t0)              /* relr */
        add     t2, t2, t1
        ld      t3, 24(t0)              /* relr_size */
        add     t3, t3, t2
.Lnext:
        bgeu    t2, t3, .Lprotect
        ld      t4, 0(t2)
        addi    t2, t2, 8
        andi    t5, t4, 1
        bnez    t5, .Lbitmap
        add     t6, t4, t1              /* an even word is the address of a word to relocate */
        ld      a4, 0(t6)
        add     a4, a4, t1
        sd      a4, 0(t6)
        addi    t6, t6, 8
        j       .Lnext
.Lbitmap:
        mv      a5, t6                  /* an odd word says which of the next 63 words are */
.Lbit:
        srli    t4, t4, 1               /* bit 0 marked the bitmap; the lowest bit left is next */
        beqz    t4, .Lbitmap_done       /* no more bits set */
        andi    t5, t4, 1
        beqz    t5, .Lskip
        ld      a4, 0(a5)
        add     a4, a4, t1
        sd      a4, 0(a5)
.Lskip:
        addi    a5, a5, 8
        j       .Lbit
.Lbitmap_done:
        addi    t6, t6, 63 * 8
        j       .Lnext

/* 4. protect RELRO */
.Lprotect:
        ld      a1, 40(t0)              /* len, not rounded: the kernel rounds up */
        beqz    a1, .Lseal
        ld      a0, 32(t0)              /* addr */
        add     a0, a0, t1
        li      a2, 1                   /* prot = PROT_READ */
        li      a7, 226                 /* mprotect */
        ecall
        bnez    a0, .Lfail

/* 5. seal: s10 = next range, s11 = how many are left */
.Lseal:
#if VERSION == 2
        ld      s11, 0x40(t0)           /* seal_count */
        jal     ra, .Lseals
.Lnext_seal:
        beqz    s11, .Lenter
        ld      a0, 0(s10)              /* addr */
        add     a0, a0, t1
        ld      a1, 8(s10)              /* len, not rounded: the kernel rounds up */
        li      a2, 0                   /* flags */
        li      a7, 462                 /* mseal; kernels before 6.10 do not have it */
        ecall
        addi    s10, s10, 16
        addi    s11, s11, -1
        j       .Lnext_seal
.Lenter:
        li      s10, 0
        li      s11, 0
        li      ra, 0
#endif

/* 6. enter the program */
        ld      t6, 48(t0)              /* entry */
        add     t6, t6, t1
        ld      a0, 0(sp)               /* argc */
        addi    a1, sp, 8               /* argv */
        li      a2, 0
        li      a4, 0
        li      a5, 0
        li      a7, 0
        li      t0, 0
        li      t1, 0
        li      t2, 0
        li      t3, 0
        li      t4, 0
        li      t5, 0
        jr      t6
.Lfail:
        unimp
#if VERSION == 2
        .balign 8
.Lseals:
        auipc   s10, 0
        addi    s10, s10, 16            /* what stands behind these four instructions */
        jr      ra
        nop
                                        /* `convert` appends the ranges to seal: address, size */
#endif
