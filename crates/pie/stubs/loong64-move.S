/*
 * The mover for loong64. Contract and numbered steps: README.md beside this file.
 *
 * In:  $sp as the kernel leaves it; all other registers 0 or unspecified.
 * Out: $sp unchanged; $s7 the first page of the mover, $s8 its size, for the stub to unmap; $t0 where
 *      the stub starts; all else 0 or overwritten by the stub.
 * A system call overwrites $t0 to $t8 and $a0.
 */
        .text
header:
        .ascii "handmove"
self:       .quad 0
size:       .quad 0
stub:       .quad 0
image:      .quad 0
image_size: .quad 0
code:       .quad 0
code_end:   .quad 0
data:       .quad 0
data_end:   .quad 0
count:      .quad 0

        .set MAP, -128                  /* struct prctl_mm_map, below the stack pointer */

        .globl start
start:

/* a. the load bias, in $s1; the new one, in $s2, is the same until the image has moved; the page
      size less one, in $s3 */
        pcaddi  $s0, 0
        addi.d  $s0, $s0, -0x58         /* header */
        ld.d    $s1, $s0, 0x08          /* self */
        sub.d   $s1, $s0, $s1
        move    $s2, $s1
        ld.d    $t0, $sp, 0             /* argc */
        slli.d  $t0, $t0, 3
        add.d   $t0, $t0, $sp
        addi.d  $t0, $t0, 16            /* envp */
.Lenv:
        ld.d    $t1, $t0, 0
        addi.d  $t0, $t0, 8
        bnez    $t1, .Lenv
        move    $s4, $t0                /* the auxiliary vector */
        ori     $s3, $zero, 0xfff
        ori     $t3, $zero, 6           /* AT_PAGESZ */
.Lpage:
        ld.d    $t1, $t0, 0
        ld.d    $t2, $t0, 8
        addi.d  $t0, $t0, 16
        beqz    $t1, .Lask
        bne     $t1, $t3, .Lpage
        addi.d  $s3, $t2, -1

/* b. whoever switched randomisation off, a debugger for one, wants the same address each time */
.Lask:
        addi.w  $a0, $zero, -1
        bstrpick.d $a0, $a0, 31, 0      /* ask only */
        ori     $a7, $zero, 92          /* personality */
        syscall 0
        bstrpick.d $t0, $a0, 18, 18     /* ADDR_NO_RANDOMIZE; also set in every error */
        bnez    $t0, .Lland

/* c. draw an address */
        addi.d  $a0, $sp, -16           /* buf */
        ori     $a1, $zero, 8           /* buflen */
        ori     $a2, $zero, 1           /* flags = GRND_NONBLOCK */
        ori     $a7, $zero, 278         /* getrandom */
        syscall 0
        ori     $t0, $zero, 8
        bne     $a0, $t0, .Lland
        ld.d    $s5, $sp, -16
        st.d    $zero, $sp, -16         /* leave nothing of it behind */
        srli.d  $s5, $s5, 18            /* 46 bits */
.Ltry:
        andn    $s5, $s5, $s3
        ori     $t0, $zero, 1
        slli.d  $t0, $t0, 32
        add.d   $s6, $s5, $t0           /* above 4 GiB */
        move    $a0, $s6                /* addr */
        ld.d    $a1, $s0, 0x28          /* length = image_size */
        move    $a2, $zero              /* prot = PROT_NONE */
        lu12i.w $a3, 0x104              /* MAP_FIXED_NOREPLACE | MAP_NORESERVE */
        ori     $a3, $a3, 0x22          /* | MAP_PRIVATE | MAP_ANONYMOUS */
        addi.d  $a4, $zero, -1          /* fd */
        move    $a5, $zero              /* offset */
        ori     $a7, $zero, 222         /* mmap */
        syscall 0
/* The reservation shows that the place is free; what is mapped elsewhere goes the same way, and for
   an error munmap does nothing. */
        move    $s7, $a0
        ori     $a7, $zero, 215         /* munmap; length is still in $a1 */
        syscall 0
        beq     $s7, $s6, .Lfree
        srli.d  $s5, $s5, 9             /* again in a smaller space: 37 bits, then give up */
        srli.d  $t0, $s5, 29
        bnez    $t0, .Ltry
        b       .Lland

/* d. move: $s7 = next piece, $s8 = how many are left */
.Lfree:
        ld.d    $t0, $s0, 0x20          /* image */
        sub.d   $s2, $s6, $t0           /* the new bias */
        ld.d    $s8, $s0, 0x50          /* count */
        ld.d    $t0, $s0, 0x10          /* size; its end is that of the pieces, of 24 bytes each */
        add.d   $s7, $s0, $t0
        slli.d  $t0, $s8, 4
        sub.d   $s7, $s7, $t0
        slli.d  $t0, $s8, 3
        sub.d   $s7, $s7, $t0
.Lmove:
        ld.d    $s5, $s7, 0             /* both ends of a piece count as a whole page */
        ld.d    $t0, $s7, 8
        add.d   $s5, $s5, $s3
        andn    $s5, $s5, $s3
        add.d   $t0, $t0, $s3
        andn    $t0, $t0, $s3
        sub.d   $a1, $t0, $s5           /* old_size */
        beqz    $a1, .Lmoved
        add.d   $a0, $s5, $s1           /* old_address */
        move    $a2, $a1                /* new_size */
        ori     $a3, $zero, 3           /* MREMAP_MAYMOVE | MREMAP_FIXED */
        add.d   $a4, $s5, $s2           /* new_address */
        ori     $a7, $zero, 216         /* mremap */
        syscall 0
        bne     $a0, $a4, .Lunmoved
        ld.d    $s5, $s7, 16
        beqz    $s5, .Lmoved
/* Profilers learn of code by its being made executable, and not by its being moved. */
        ori     $a2, $zero, 1           /* prot = PROT_READ */
        ori     $a7, $zero, 226         /* mprotect */
        syscall 0
        move    $a0, $a4
        move    $a2, $s5                /* prot */
        syscall 0
        bnez    $a0, .Lfail
.Lmoved:
        addi.d  $s7, $s7, 24
        addi.d  $s8, $s8, -1
        bnez    $s8, .Lmove

/* e. tell: the auxiliary vector, which debuggers read, has two addresses of the image */
        sub.d   $t0, $s2, $s1           /* how far it moved */
        move    $s5, $zero
        move    $s6, $s4
        ori     $t3, $zero, 3           /* AT_PHDR */
        ori     $t4, $zero, 9           /* AT_ENTRY */
        ori     $t5, $zero, 31          /* AT_EXECFN: the string after the environment */
.Laux:
        ld.d    $t1, $s6, 0
        ld.d    $t2, $s6, 8
        addi.d  $s6, $s6, 16
        beq     $t1, $t3, .Lshift
        beq     $t1, $t4, .Lshift
        bne     $t1, $t5, .Lnext_aux
        move    $s5, $t2
        b       .Lnext_aux
.Lshift:
        add.d   $t2, $t2, $t0
        st.d    $t2, $s6, -8
.Lnext_aux:
        bnez    $t1, .Laux
        sub.d   $s6, $s6, $s4           /* its size */

/* f. and the kernel's own copy, with what else it notes of a program; unprivileged, and of no
      consequence if it is refused */
        ld.d    $t0, $s0, 0x30          /* code */
        add.d   $t0, $t0, $s2
        st.d    $t0, $sp, MAP           /* start_code */
        ld.d    $t0, $s0, 0x38          /* code_end */
        add.d   $t0, $t0, $s2
        st.d    $t0, $sp, MAP + 8       /* end_code */
        ld.d    $t0, $s0, 0x40          /* data */
        add.d   $t0, $t0, $s2
        st.d    $t0, $sp, MAP + 16      /* start_data */
        ld.d    $t0, $s0, 0x48          /* data_end */
        add.d   $t0, $t0, $s2
        st.d    $t0, $sp, MAP + 24      /* end_data */
        st.d    $sp, $sp, MAP + 48      /* start_stack */
        ld.d    $t0, $sp, 0             /* argc */
        slli.d  $t0, $t0, 3
        add.d   $t0, $t0, $sp
        ld.d    $t1, $t0, 16            /* the first string of the environment, or 0 */
        bnez    $t1, .Lenvironment
        move    $t1, $s5
.Lenvironment:
        ld.d    $t0, $sp, 8             /* the first argument, or 0 */
        bnez    $t0, .Larguments
        move    $t0, $t1
.Larguments:
        st.d    $t0, $sp, MAP + 56      /* arg_start */
        st.d    $t1, $sp, MAP + 64      /* arg_end */
        st.d    $t1, $sp, MAP + 72      /* env_start */
        st.d    $s5, $sp, MAP + 80      /* env_end */
        st.d    $s4, $sp, MAP + 88      /* auxv */
        st.w    $s6, $sp, MAP + 96      /* auxv_size */
        addi.w  $t0, $zero, -1
        st.w    $t0, $sp, MAP + 100     /* exe_fd: keep */
        move    $a0, $zero
        ori     $a7, $zero, 214         /* brk: ask only */
        syscall 0
        st.d    $a0, $sp, MAP + 32      /* start_brk */
        st.d    $a0, $sp, MAP + 40      /* brk */
        ori     $a0, $zero, 35          /* PR_SET_MM */
        ori     $a1, $zero, 14          /* PR_SET_MM_MAP */
        addi.d  $a2, $sp, MAP           /* addr */
        ori     $a3, $zero, 104         /* size */
        move    $a4, $zero
        ori     $a7, $zero, 167         /* prctl */
        syscall 0

/* g. land: on with the stub, in the image */
.Lland:
        andn    $s7, $s0, $s3
        sub.d   $s8, $s0, $s7
        ld.d    $t0, $s0, 0x10          /* size */
        add.d   $s8, $s8, $t0
        ld.d    $t0, $s0, 0x18          /* stub */
        add.d   $t0, $t0, $s2
        move    $a3, $zero
        move    $a4, $zero
        move    $a5, $zero
        move    $s2, $zero
        move    $s3, $zero
        move    $s4, $zero
        move    $s5, $zero
        move    $s6, $zero
        jr      $t0

/* If the first piece stays, all is as it was. If a later one does, nothing fits together. */
.Lunmoved:
        move    $s2, $s1
        ld.d    $t0, $s0, 0x50          /* count */
        beq     $s8, $t0, .Lland
.Lfail:
        break   0
        .balign 8                       /* `convert` appends the pieces: start, end, prot if executable */
