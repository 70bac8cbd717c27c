/*
 * The mover for riscv64. Contract and numbered steps: README.md beside this file.
 *
 * In:  sp as the kernel leaves it; all other registers 0.
 * Out: sp unchanged; s10 the first page of the mover, s11 its size, for the stub to unmap; t6 where the
 *      stub starts; all else 0 or overwritten by the stub.
 * A system call overwrites a0 alone.
 */
        .option norvc
        .option norelax
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

/* a. the load bias, in s1; the new one, in s2, is the same until the image has moved; less the page
      size, in s3 */
        auipc   s0, 0
        addi    s0, s0, -0x58           /* header */
        ld      s1, 0x08(s0)            /* self */
        sub     s1, s0, s1
        mv      s2, s1
        ld      t0, 0(sp)               /* argc */
        slli    t0, t0, 3
        add     t0, t0, sp
        addi    t0, t0, 16              /* envp */
.Lenv:
        ld      t1, 0(t0)
        addi    t0, t0, 8
        bnez    t1, .Lenv
        mv      s4, t0                  /* the auxiliary vector */
        lui     s3, 0xfffff             /* -4096 */
        li      t3, 6                   /* AT_PAGESZ */
.Lpage:
        ld      t1, 0(t0)
        ld      t2, 8(t0)
        addi    t0, t0, 16
        beqz    t1, .Lask
        bne     t1, t3, .Lpage
        neg     s3, t2

/* b. whoever switched randomisation off, a debugger for one, wants the same address each time */
.Lask:
        li      a0, -1
        srli    a0, a0, 32              /* ask only */
        li      a7, 92                  /* personality */
        ecall
        srli    t0, a0, 18
        andi    t0, t0, 1               /* ADDR_NO_RANDOMIZE; also set in every error */
        bnez    t0, .Lland

/* c. draw an address */
        addi    a0, sp, -16             /* buf */
        li      a1, 8                   /* buflen */
        li      a2, 1                   /* flags = GRND_NONBLOCK */
        li      a7, 278                 /* getrandom */
        ecall
        li      t0, 8
        bne     a0, t0, .Lland
        ld      s5, -16(sp)
        sd      zero, -16(sp)           /* leave nothing of it behind */
        srli    s5, s5, 18              /* 46 bits */
.Ltry:
        and     s5, s5, s3
        li      t0, 1
        slli    t0, t0, 32
        add     s6, s5, t0              /* above 4 GiB */
        mv      a0, s6                  /* addr */
        ld      a1, 0x28(s0)            /* length = image_size */
        li      a2, 0                   /* prot = PROT_NONE */
        lui     a3, 0x104               /* MAP_FIXED_NOREPLACE | MAP_NORESERVE */
        addi    a3, a3, 0x22            /* | MAP_PRIVATE | MAP_ANONYMOUS */
        li      a4, -1                  /* fd */
        li      a5, 0                   /* offset */
        li      a7, 222                 /* mmap */
        ecall
/* The reservation shows that the place is free. Kernels before 4.17 take the address for a hint;
   what they map elsewhere goes the same way, and for an error munmap does nothing. */
        mv      s7, a0
        li      a7, 215                 /* munmap; length is still in a1 */
        ecall
        beq     s7, s6, .Lfree
        srli    s5, s5, 9               /* again in a smaller space: 37 bits, then give up */
        srli    t0, s5, 29
        bnez    t0, .Ltry
        j       .Lland

/* d. move: s10 = next piece, s11 = how many are left */
.Lfree:
        ld      t0, 0x20(s0)            /* image */
        sub     s2, s6, t0              /* the new bias */
        ld      s11, 0x50(s0)           /* count */
        ld      t0, 0x10(s0)            /* size; its end is that of the pieces, of 24 bytes each */
        add     s10, s0, t0
        slli    t0, s11, 4
        sub     s10, s10, t0
        slli    t0, s11, 3
        sub     s10, s10, t0
.Lmove:
        ld      s5, 0(s10)              /* both ends of a piece count as a whole page */
        ld      t0, 8(s10)
        sub     s5, s5, s3
        addi    s5, s5, -1
        and     s5, s5, s3
        sub     t0, t0, s3
        addi    t0, t0, -1
        and     t0, t0, s3
        sub     a1, t0, s5              /* old_size */
        beqz    a1, .Lmoved
        add     a0, s5, s1              /* old_address */
        mv      a2, a1                  /* new_size */
        li      a3, 3                   /* MREMAP_MAYMOVE | MREMAP_FIXED */
        add     a4, s5, s2              /* new_address */
        li      a7, 216                 /* mremap */
        ecall
        bne     a0, a4, .Lunmoved
        ld      s5, 16(s10)
        beqz    s5, .Lmoved
/* Profilers learn of code by its being made executable, and not by its being moved. */
        li      a2, 1                   /* prot = PROT_READ */
        li      a7, 226                 /* mprotect */
        ecall
        mv      a0, a4
        mv      a2, s5                  /* prot */
        ecall
        bnez    a0, .Lfail
.Lmoved:
        addi    s10, s10, 24
        addi    s11, s11, -1
        bnez    s11, .Lmove

/* e. tell: the auxiliary vector, which debuggers read, has two addresses of the image */
        sub     t0, s2, s1              /* how far it moved */
        li      s5, 0
        mv      s6, s4
        li      t3, 3                   /* AT_PHDR */
        li      t4, 9                   /* AT_ENTRY */
        li      t5, 31                  /* AT_EXECFN: the string after the environment */
.Laux:
        ld      t1, 0(s6)
        ld      t2, 8(s6)
        addi    s6, s6, 16
        beq     t1, t3, .Lshift
        beq     t1, t4, .Lshift
        bne     t1, t5, .Lnext_aux
        mv      s5, t2
        j       .Lnext_aux
.Lshift:
        add     t2, t2, t0
        sd      t2, -8(s6)
.Lnext_aux:
        bnez    t1, .Laux
        sub     s6, s6, s4              /* its size */

/* f. and the kernel's own copy, with what else it notes of a program; unprivileged, and of no
      consequence if it is refused */
        ld      t0, 0x30(s0)            /* code */
        add     t0, t0, s2
        sd      t0, MAP(sp)             /* start_code */
        ld      t0, 0x38(s0)            /* code_end */
        add     t0, t0, s2
        sd      t0, MAP + 8(sp)         /* end_code */
        ld      t0, 0x40(s0)            /* data */
        add     t0, t0, s2
        sd      t0, MAP + 16(sp)        /* start_data */
        ld      t0, 0x48(s0)            /* data_end */
        add     t0, t0, s2
        sd      t0, MAP + 24(sp)        /* end_data */
        sd      sp, MAP + 48(sp)        /* start_stack */
        ld      t0, 0(sp)               /* argc */
        slli    t0, t0, 3
        add     t0, t0, sp
        ld      t1, 16(t0)              /* the first string of the environment, or 0 */
        bnez    t1, .Lenvironment
        mv      t1, s5
.Lenvironment:
        ld      t0, 8(sp)               /* the first argument, or 0 */
        bnez    t0, .Larguments
        mv      t0, t1
.Larguments:
        sd      t0, MAP + 56(sp)        /* arg_start */
        sd      t1, MAP + 64(sp)        /* arg_end */
        sd      t1, MAP + 72(sp)        /* env_start */
        sd      s5, MAP + 80(sp)        /* env_end */
        sd      s4, MAP + 88(sp)        /* auxv */
        sw      s6, MAP + 96(sp)        /* auxv_size */
        li      t0, -1
        sw      t0, MAP + 100(sp)       /* exe_fd: keep */
        li      a0, 0
        li      a7, 214                 /* brk: ask only */
        ecall
        sd      a0, MAP + 32(sp)        /* start_brk */
        sd      a0, MAP + 40(sp)        /* brk */
        li      a0, 35                  /* PR_SET_MM */
        li      a1, 14                  /* PR_SET_MM_MAP */
        addi    a2, sp, MAP             /* addr */
        li      a3, 104                 /* size */
        li      a4, 0
        li      a7, 167                 /* prctl */
        ecall

/* g. land: on with the stub, in the image */
.Lland:
        and     s10, s0, s3
        sub     s11, s0, s10
        ld      t0, 0x10(s0)            /* size */
        add     s11, s11, t0
        ld      t6, 0x18(s0)            /* stub */
        add     t6, t6, s2
        li      a3, 0
        li      s0, 0
        li      s1, 0
        li      s2, 0
        li      s3, 0
        li      s4, 0
        li      s5, 0
        li      s6, 0
        li      s7, 0
        jr      t6

/* If the first piece stays, all is as it was. If a later one does, nothing fits together. */
.Lunmoved:
        mv      s2, s1
        ld      t0, 0x50(s0)            /* count */
        beq     s11, t0, .Lland
.Lfail:
        unimp
        .balign 8                       /* `convert` appends the pieces: start, end, prot if executable */
