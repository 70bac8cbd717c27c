/*
 * The start-up stub for loong64. Contract and numbered steps: README.md beside this file.
 *
 * In:  $sp as the kernel leaves it; all other registers 0 or unspecified (start_thread in
 *      arch/loongarch/kernel/process.c).
 * Out: $sp unchanged; $t0 the entry point; $s0, $s1, $a0 to $a2, $a7 and $t1 to $t8 0; in
 *      version 2 also $s7, $s8 and $ra.
 * A system call overwrites $t0 to $t8, so that what is needed after it is kept in $s0 and $s1.
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
        pcaddi  $s0, 0                  /* where this instruction is */
#if VERSION == 1
        addi.d  $s0, $s0, -0x38         /* where the header is, kept in $s0 */
#else
        addi.d  $s0, $s0, -0x48
#endif
        ld.d    $s1, $s0, 8             /* where it was linked */
        sub.d   $s1, $s0, $s1           /* the bias, kept in $s1 */

#if VERSION == 2
/* 2. the mover that brought the image here is needed no more: $s7 = its first page, $s8 = its size */
        ld.d    $t0, $s0, 0x38          /* moved */
        beqz    $t0, .Lrelocate
        move    $a0, $s7
        move    $a1, $s8
        ori     $a7, $zero, 215         /* munmap */
        syscall 0
.Lrelocate:
#endif

/* 3. relocate: $t2 = next RELR word, $t3 = end of the table, $t6 = next word to relocate */
        ld.d    $t2, $s0, 16            /* relr */
        add.d   $t2, $t2, $s1
        ld.d    $t3, $s0, 24            /* relr_size */
        add.d   $t3, $t3, $t2
.Lnext:
        bgeu    $t2, $t3, .Lprotect
        ld.d    $t4, $t2, 0
        addi.d  $t2, $t2, 8
        andi    $t5, $t4, 1
        bnez    $t5, .Lbitmap
        add.d   $t6, $t4, $s1           /* an even word is the address of a word to relocate */
        ld.d    $t7, $t6, 0
        add.d   $t7, $t7, $s1
        st.d    $t7, $t6, 0
        addi.d  $t6, $t6, 8
        b       .Lnext
.Lbitmap:
        move    $t8, $t6                /* an odd word says which of the next 63 words are */
.Lbit:
        srli.d  $t4, $t4, 1             /* bit 0 marked the bitmap; the lowest bit left is next */
        beqz    $t4, .Lbitmap_done      /* no more bits set */
        andi    $t5, $t4, 1
        beqz    $t5, .Lskip
        ld.d    $t7, $t8, 0
        add.d   $t7, $t7, $s1
        st.d    $t7, $t8, 0
.Lskip:
        addi.d  $t8, $t8, 8
        b       .Lbit
.Lbitmap_done:
        addi.d  $t6, $t6, 63 * 8
        b       .Lnext

/* 4. protect RELRO */
.Lprotect:
        ld.d    $a1, $s0, 40            /* len, not rounded: the kernel rounds up */
        beqz    $a1, .Lseal
        ld.d    $a0, $s0, 32            /* addr */
        add.d   $a0, $a0, $s1
        ori     $a2, $zero, 1           /* prot = PROT_READ */
        ori     $a7, $zero, 226         /* mprotect */
        syscall 0
        bnez    $a0, .Lfail

/* 5. seal: $s7 = next range, $s8 = how many are left */
.Lseal:
#if VERSION == 2
        ld.d    $s8, $s0, 0x40          /* seal_count */
        bl      .Lseals
.Lnext_seal:
        beqz    $s8, .Lenter
        ld.d    $a0, $s7, 0             /* addr */
        add.d   $a0, $a0, $s1
        ld.d    $a1, $s7, 8             /* len, not rounded: the kernel rounds up */
        move    $a2, $zero              /* flags */
        ori     $a7, $zero, 462         /* mseal; kernels before 6.10 do not have it */
        syscall 0
        addi.d  $s7, $s7, 16
        addi.d  $s8, $s8, -1
        b       .Lnext_seal
.Lenter:
        move    $s7, $zero
        move    $s8, $zero
        move    $ra, $zero
#endif

/* 6. enter the program */
        ld.d    $t0, $s0, 48            /* entry */
        add.d   $t0, $t0, $s1
        move    $s0, $zero
        move    $s1, $zero
        move    $a0, $zero
        move    $a1, $zero
        move    $a2, $zero
        move    $a7, $zero
        move    $t1, $zero
        move    $t2, $zero
        move    $t3, $zero
        move    $t4, $zero
        move    $t5, $zero
        move    $t6, $zero
        move    $t7, $zero
        move    $t8, $zero
        jr      $t0
.Lfail:
        break   0
#if VERSION == 2
        .balign 8
.Lseals:
        pcaddi  $s7, 2                  /* what stands behind the next instruction */
        jr      $ra
                                        /* `convert` appends the ranges to seal: address, size */
#endif
