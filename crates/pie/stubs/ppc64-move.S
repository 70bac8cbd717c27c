/*
 * The mover for ppc64 and ppc64le: the same instructions, in the byte order of the target.
 * Contract and numbered steps: README.md beside this file.
 *
 * In:  r1 the stack pointer as the kernel leaves it; r13 0; all else 0 or unspecified.
 * Out: r1 unchanged; r30 the first page of the mover, r31 its size, for the stub to unmap; ctr where
 *      the stub starts; r13 as it was; all else 0 or overwritten by the stub.
 * A system call overwrites r0 and r3 to r12.
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

/* a. the load bias, in r15; the new one, in r16, is the same until the image has moved; the page
      size less one, in r17 */
        bcl     20, 31, .Lhere          /* a branch to the next instruction that keeps the link stack */
.Lhere:
        mflr    14
        addi    14, 14, header - .Lhere
        ld      15, 0x08(14)            /* self */
        subf    15, 15, 14
        mr      16, 15
        ld      3, 0(1)                 /* argc */
        sldi    3, 3, 3
        add     3, 3, 1
        addi    3, 3, 16                /* envp */
.Lenv:
        ld      4, 0(3)
        addi    3, 3, 8
        cmpdi   4, 0
        bne     .Lenv
        mr      18, 3                   /* the auxiliary vector */
        li      17, 0xfff
.Lpage:
        ld      4, 0(3)
        ld      5, 8(3)
        addi    3, 3, 16
        cmpdi   4, 0
        beq     .Lask
        cmpdi   4, 6                    /* AT_PAGESZ */
        bne     .Lpage
        addi    17, 5, -1

/* b. whoever switched randomisation off, a debugger for one, wants the same address each time */
.Lask:
        li      3, -1
        clrldi  3, 3, 32                /* ask only */
        li      0, 136                  /* personality */
        sc
        bso     .Lland
        andis.  4, 3, 4                 /* ADDR_NO_RANDOMIZE */
        bne     .Lland

/* c. draw an address */
        addi    3, 1, -16               /* buf */
        li      4, 8                    /* buflen */
        li      5, 1                    /* flags = GRND_NONBLOCK */
        li      0, 359                  /* getrandom */
        sc
        bso     .Lland
        cmpdi   3, 8
        bne     .Lland
        ld      19, -16(1)
        li      4, 0
        std     4, -16(1)               /* leave nothing of it behind */
        srdi    19, 19, 18              /* 46 bits */
.Ltry:
        andc    19, 19, 17
        li      4, 1
        sldi    4, 4, 32
        add     20, 19, 4               /* above 4 GiB */
        mr      3, 20                   /* addr */
        ld      4, 0x28(14)             /* length = image_size */
        li      5, 0                    /* prot = PROT_NONE */
        lis     6, 0x10                 /* MAP_FIXED_NOREPLACE */
        ori     6, 6, 0x62              /* | MAP_NORESERVE | MAP_ANONYMOUS | MAP_PRIVATE */
        li      7, -1                   /* fd */
        li      8, 0                    /* offset */
        li      0, 90                   /* mmap */
        sc
        bso     .Lagain
/* The reservation shows that the place is free. Kernels before 4.17 take the address for a hint;
   what they map elsewhere goes the same way. */
        mr      21, 3
        ld      4, 0x28(14)
        li      0, 91                   /* munmap */
        sc
        cmpld   21, 20
        beq     .Lfree
.Lagain:
        srdi    19, 19, 9               /* again in a smaller space: 37 bits, then give up */
        srdi    4, 19, 29
        cmpdi   4, 0
        bne     .Ltry
        b       .Lland

/* d. move: r21 = next piece, r22 = how many are left */
.Lfree:
        ld      4, 0x20(14)             /* image */
        subf    16, 4, 20               /* the new bias */
        addi    21, 14, pieces - header
        ld      22, 0x50(14)            /* count */
.Lmove:
        ld      23, 0(21)               /* both ends of a piece count as a whole page */
        ld      24, 8(21)
        add     23, 23, 17
        andc    23, 23, 17
        add     24, 24, 17
        andc    24, 24, 17
        subf.   24, 23, 24              /* old_size */
        beq     .Lmoved
        add     25, 23, 16              /* new_address */
        add     3, 23, 15               /* old_address */
        mr      4, 24
        mr      5, 24                   /* new_size */
        li      6, 3                    /* MREMAP_MAYMOVE | MREMAP_FIXED */
        mr      7, 25
        li      0, 163                  /* mremap */
        sc
        bso     .Lunmoved
        ld      23, 16(21)
        cmpdi   23, 0
        beq     .Lmoved
/* Profilers learn of code by its being made executable, and not by its being moved. */
        mr      3, 25
        mr      4, 24
        li      5, 1                    /* prot = PROT_READ */
        li      0, 125                  /* mprotect */
        sc
        mr      3, 25
        mr      4, 24
        mr      5, 23                   /* prot */
        li      0, 125
        sc
        bso     .Lfail
.Lmoved:
        addi    21, 21, 24
        addi    22, 22, -1
        cmpdi   22, 0
        bne     .Lmove

/* e. tell: the auxiliary vector, which debuggers read, has two addresses of the image */
        subf    23, 15, 16              /* how far it moved */
        li      24, 0
        mr      25, 18
.Laux:
        ld      3, 0(25)
        ld      4, 8(25)
        addi    25, 25, 16
        cmpdi   3, 3                    /* AT_PHDR */
        beq     .Lshift
        cmpdi   3, 9                    /* AT_ENTRY */
        beq     .Lshift
        cmpdi   3, 31                   /* AT_EXECFN: the string after the environment */
        bne     .Lnext_aux
        mr      24, 4
        b       .Lnext_aux
.Lshift:
        add     4, 4, 23
        std     4, -8(25)
.Lnext_aux:
        cmpdi   3, 0
        bne     .Laux
        subf    25, 18, 25              /* its size */

/* f. and the kernel's own copy, with what else it notes of a program; unprivileged, and of no
      consequence if it is refused */
        ld      3, 0x30(14)             /* code */
        add     3, 3, 16
        std     3, MAP(1)               /* start_code */
        ld      3, 0x38(14)             /* code_end */
        add     3, 3, 16
        std     3, MAP + 8(1)           /* end_code */
        ld      3, 0x40(14)             /* data */
        add     3, 3, 16
        std     3, MAP + 16(1)          /* start_data */
        ld      3, 0x48(14)             /* data_end */
        add     3, 3, 16
        std     3, MAP + 24(1)          /* end_data */
        std     1, MAP + 48(1)          /* start_stack */
        ld      3, 0(1)                 /* argc */
        sldi    3, 3, 3
        add     3, 3, 1
        ld      4, 16(3)                /* the first string of the environment, or 0 */
        cmpdi   4, 0
        bne     .Lenvironment
        mr      4, 24
.Lenvironment:
        ld      3, 8(1)                 /* the first argument, or 0 */
        cmpdi   3, 0
        bne     .Larguments
        mr      3, 4
.Larguments:
        std     3, MAP + 56(1)          /* arg_start */
        std     4, MAP + 64(1)          /* arg_end */
        std     4, MAP + 72(1)          /* env_start */
        std     24, MAP + 80(1)         /* env_end */
        std     18, MAP + 88(1)         /* auxv */
        stw     25, MAP + 96(1)         /* auxv_size */
        li      3, -1
        stw     3, MAP + 100(1)         /* exe_fd: keep */
        li      3, 0
        li      0, 45                   /* brk: ask only */
        sc
        std     3, MAP + 32(1)          /* start_brk */
        std     3, MAP + 40(1)          /* brk */
        li      3, 35                   /* PR_SET_MM */
        li      4, 14                   /* PR_SET_MM_MAP */
        addi    5, 1, MAP               /* addr */
        li      6, 104                  /* size */
        li      7, 0
        li      0, 171                  /* prctl */
        sc

/* g. land: on with the stub, in the image */
.Lland:
        andc    30, 14, 17
        subf    31, 30, 14
        ld      3, 0x10(14)             /* size */
        add     31, 31, 3
        ld      3, 0x18(14)             /* stub */
        add     3, 3, 16
        mtctr   3
        li      0, 0
        mtlr    0
        li      6, 0
        li      7, 0
        li      8, 0
        li      23, 0
        li      24, 0
        li      25, 0
        bctr

/* If the first piece stays, all is as it was. If a later one does, nothing fits together. */
.Lunmoved:
        mr      16, 15
        ld      3, 0x50(14)             /* count */
        cmpd    22, 3
        beq     .Lland
.Lfail:
        trap
        .balign 8
pieces:                                 /* `convert` appends them: start, end, prot if executable */
