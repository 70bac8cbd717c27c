/*
 * The mover for s390x. Contract and numbered steps: README.md beside this file.
 *
 * In:  r15 the stack pointer as the kernel leaves it; all other registers 0 or unspecified.
 * Out: r15 unchanged; r12 the first page of the mover, r13 its size, for the stub to unmap; r1 where
 *      the stub starts; all else 0 or overwritten by the stub.
 * A system call overwrites r2 alone. mmap takes its arguments from memory.
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
        .set ARGS, -64                  /* struct mmap_arg_struct, below the stack pointer */

        .globl start
start:

/* a. the load bias, in r13; the new one, in r8, is the same until the image has moved */
        larl    %r14, header
        lgr     %r13, %r14
        sg      %r13, 0x08(%r14)        /* self */
        lgr     %r8, %r13
        lg      %r1, 0(%r15)            /* argc */
        sllg    %r1, %r1, 3
        la      %r1, 16(%r1, %r15)      /* envp */
.Lenv:
        lg      %r2, 0(%r1)
        la      %r1, 8(%r1)
        ltgr    %r2, %r2
        jne     .Lenv
        lgr     %r9, %r1                /* the auxiliary vector */

/* b. whoever switched randomisation off, a debugger for one, wants the same address each time */
        llilf   %r2, 0xffffffff         /* ask only */
        svc     136                     /* personality */
        tmlh    %r2, 4                  /* ADDR_NO_RANDOMIZE; also set in every error */
        jne     .Lland

/* c. draw an address */
        lay     %r2, -16(%r15)          /* buf */
        lghi    %r3, 8                  /* buflen */
        lghi    %r4, 1                  /* flags = GRND_NONBLOCK */
        lghi    %r1, 349                /* getrandom */
        svc     0
        cghi    %r2, 8
        jne     .Lland
        lg      %r10, -16(%r15)
        lghi    %r1, 0
        stg     %r1, -16(%r15)          /* leave nothing of it behind */
        srlg    %r10, %r10, 18          /* 46 bits */
.Ltry:
        nill    %r10, 0xf000
        llihl   %r11, 1
        agr     %r11, %r10              /* above 4 GiB */
        stg     %r11, ARGS(%r15)        /* addr */
        lg      %r1, 0x28(%r14)
        stg     %r1, ARGS + 8(%r15)     /* length = image_size */
        lghi    %r1, 0
        stg     %r1, ARGS + 16(%r15)    /* prot = PROT_NONE */
        stg     %r1, ARGS + 40(%r15)    /* offset */
        llilf   %r1, 0x104022           /* MAP_FIXED_NOREPLACE | MAP_NORESERVE | MAP_ANONYMOUS | MAP_PRIVATE */
        stg     %r1, ARGS + 24(%r15)    /* flags */
        lghi    %r1, -1
        stg     %r1, ARGS + 32(%r15)    /* fd */
        lay     %r2, ARGS(%r15)
        svc     90                      /* mmap */
/* The reservation shows that the place is free. Kernels before 4.17 take the address for a hint;
   what they map elsewhere goes the same way, and for an error munmap does nothing. */
        lgr     %r12, %r2
        lg      %r3, 0x28(%r14)
        svc     91                      /* munmap */
        cgr     %r12, %r11
        je      .Lfree
        srlg    %r10, %r10, 9           /* again in a smaller space: 37 bits, then give up */
        srlg    %r1, %r10, 29
        ltgr    %r1, %r1
        jne     .Ltry
        j       .Lland

/* d. move: r12 = next piece, r0 = how many are left */
.Lfree:
        lgr     %r8, %r11
        sg      %r8, 0x20(%r14)         /* less image: the new bias */
        larl    %r12, pieces
        lg      %r0, 0x50(%r14)         /* count */
.Lmove:
        lg      %r10, 0(%r12)           /* both ends of a piece count as a whole page */
        aghi    %r10, 4095
        nill    %r10, 0xf000
        lg      %r3, 8(%r12)
        aghi    %r3, 4095
        nill    %r3, 0xf000
        sgr     %r3, %r10               /* old_size */
        je      .Lmoved
        la      %r2, 0(%r10, %r13)      /* old_address */
        lgr     %r4, %r3                /* new_size */
        lghi    %r5, 3                  /* MREMAP_MAYMOVE | MREMAP_FIXED */
        la      %r6, 0(%r10, %r8)       /* new_address */
        svc     163                     /* mremap */
        cgr     %r2, %r6
        jne     .Lunmoved
        lg      %r10, 16(%r12)
        ltgr    %r10, %r10
        je      .Lmoved
/* Profilers learn of code by its being made executable, and not by its being moved. */
        lghi    %r4, 1                  /* prot = PROT_READ */
        svc     125                     /* mprotect */
        lgr     %r2, %r6
        lgr     %r4, %r10               /* prot */
        svc     125
        ltgr    %r2, %r2
        jne     .Lfail
.Lmoved:
        la      %r12, 24(%r12)
        aghi    %r0, -1
        jne     .Lmove

/* e. tell: the auxiliary vector, which debuggers read, has two addresses of the image */
        lgr     %r10, %r8
        sgr     %r10, %r13              /* how far it moved */
        lghi    %r11, 0
        lgr     %r12, %r9
.Laux:
        lg      %r2, 0(%r12)
        la      %r12, 16(%r12)
        cghi    %r2, 3                  /* AT_PHDR */
        je      .Lshift
        cghi    %r2, 9                  /* AT_ENTRY */
        je      .Lshift
        cghi    %r2, 31                 /* AT_EXECFN: the string after the environment */
        jne     .Lnext_aux
        lg      %r11, -8(%r12)
        j       .Lnext_aux
.Lshift:
        lg      %r1, -8(%r12)
        agr     %r1, %r10
        stg     %r1, -8(%r12)
.Lnext_aux:
        ltgr    %r2, %r2
        jne     .Laux
        sgr     %r12, %r9               /* its size */

/* f. and the kernel's own copy, with what else it notes of a program; unprivileged, and of no
      consequence if it is refused */
        lg      %r1, 0x30(%r14)         /* code */
        agr     %r1, %r8
        stg     %r1, MAP(%r15)          /* start_code */
        lg      %r1, 0x38(%r14)         /* code_end */
        agr     %r1, %r8
        stg     %r1, MAP + 8(%r15)      /* end_code */
        lg      %r1, 0x40(%r14)         /* data */
        agr     %r1, %r8
        stg     %r1, MAP + 16(%r15)     /* start_data */
        lg      %r1, 0x48(%r14)         /* data_end */
        agr     %r1, %r8
        stg     %r1, MAP + 24(%r15)     /* end_data */
        stg     %r15, MAP + 48(%r15)    /* start_stack */
        lg      %r1, 0(%r15)            /* argc */
        sllg    %r1, %r1, 3
        lg      %r3, 16(%r1, %r15)      /* the first string of the environment, or 0 */
        ltgr    %r3, %r3
        jne     .Lenvironment
        lgr     %r3, %r11
.Lenvironment:
        lg      %r1, 8(%r15)            /* the first argument, or 0 */
        ltgr    %r1, %r1
        jne     .Larguments
        lgr     %r1, %r3
.Larguments:
        stg     %r1, MAP + 56(%r15)     /* arg_start */
        stg     %r3, MAP + 64(%r15)     /* arg_end */
        stg     %r3, MAP + 72(%r15)     /* env_start */
        stg     %r11, MAP + 80(%r15)    /* env_end */
        stg     %r9, MAP + 88(%r15)     /* auxv */
        sty     %r12, MAP + 96(%r15)    /* auxv_size */
        lghi    %r1, -1
        sty     %r1, MAP + 100(%r15)    /* exe_fd: keep */
        lghi    %r2, 0
        svc     45                      /* brk: ask only */
        stg     %r2, MAP + 32(%r15)     /* start_brk */
        stg     %r2, MAP + 40(%r15)     /* brk */
        lghi    %r2, 35                 /* PR_SET_MM */
        lghi    %r3, 14                 /* PR_SET_MM_MAP */
        lay     %r4, MAP(%r15)          /* addr */
        lghi    %r5, 104                /* size */
        lghi    %r6, 0
        svc     172                     /* prctl */

/* g. land: on with the stub, in the image */
.Lland:
        lgr     %r12, %r14
        nill    %r12, 0xf000
        lgr     %r13, %r14
        sgr     %r13, %r12
        ag      %r13, 0x10(%r14)        /* size */
        lg      %r1, 0x18(%r14)         /* stub */
        agr     %r1, %r8
        lghi    %r5, 0
        lghi    %r11, 0
        lghi    %r14, 0
        br      %r1

/* If the first piece stays, all is as it was. If a later one does, nothing fits together. */
.Lunmoved:
        lgr     %r8, %r13
        cg      %r0, 0x50(%r14)         /* count */
        je      .Lland
.Lfail:
        .short  0                       /* never an instruction: it traps */
        .balign 8
pieces:                                 /* `convert` appends them: start, end, prot if executable */
