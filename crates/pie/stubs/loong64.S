/*
 * The start-up stub for loong64. Contract and numbered steps: README.md beside this file.
 *
 * In:  $sp as the kernel leaves it; all other registers 0 or unspecified (start_thread in
 *      arch/loongarch/kernel/process.c).
 * Out: $sp unchanged; $t0 the entry point; $s0, $s1, $a0 to $a2, $a7 and $t1 to $t8 0.
 * A system call overwrites $t0 to $t8, so that what is needed after it is kept in $s0 and $s1.
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
        pcaddi  $s0, 0                  /* where this instruction is */
        addi.d  $s0, $s0, -0x38         /* where the header is, kept in $s0 */
        ld.d    $s1, $s0, 8             /* where it was linked */
        sub.d   $s1, $s0, $s1           /* the bias, kept in $s1 */

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
        beqz    $a1, .Lenter
        ld.d    $a0, $s0, 32            /* addr */
        add.d   $a0, $a0, $s1
        ori     $a2, $zero, 1           /* prot = PROT_READ */
        ori     $a7, $zero, 226         /* mprotect */
        syscall 0
        bnez    $a0, .Lfail

/* 6. enter the program */
.Lenter:
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
