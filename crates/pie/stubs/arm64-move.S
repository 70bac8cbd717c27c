/*
 * The mover for arm64. Contract and numbered steps: README.md beside this file.
 *
 * In:  sp as the kernel leaves it; all other registers 0.
 * Out: sp unchanged; x27 the first page of the mover, x28 its size, for the stub to unmap; x16 where
 *      the stub starts; all else 0 or overwritten by the stub.
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

        .set MAP, 128                   /* struct prctl_mm_map, so far below the stack pointer */

        .globl start
start:
        bti     c                       /* a valid target where branches are guarded */

/* a. the load bias, in x20; the new one, in x21, is the same until the image has moved; the page
      size less one, in x22 */
        adr     x19, header
        ldr     x0, [x19, #0x08]        /* self */
        sub     x20, x19, x0
        mov     x21, x20
        ldr     x0, [sp]                /* argc */
        add     x1, sp, x0, uxtx #3
        add     x1, x1, #16             /* envp */
.Lenv:
        ldr     x0, [x1], #8
        cbnz    x0, .Lenv
        mov     x23, x1                 /* the auxiliary vector */
        mov     x22, #0xfff
.Lpage:
        ldp     x0, x2, [x1], #16
        cbz     x0, .Lask
        cmp     x0, #6                  /* AT_PAGESZ */
        b.ne    .Lpage
        sub     x22, x2, #1

/* b. whoever switched randomisation off, a debugger for one, wants the same address each time */
.Lask:
        mov     w0, #-1                 /* ask only */
        mov     x8, #92                 /* personality */
        svc     #0
        tbnz    x0, #18, .Lland         /* ADDR_NO_RANDOMIZE; also set in every error */

/* c. draw an address */
        sub     x0, sp, #16             /* buf */
        mov     x1, #8                  /* buflen */
        mov     x2, #1                  /* flags = GRND_NONBLOCK */
        mov     x8, #278                /* getrandom */
        svc     #0
        cmp     x0, #8
        b.ne    .Lland
        ldur    x24, [sp, #-16]
        stur    xzr, [sp, #-16]         /* leave nothing of it behind */
        lsr     x24, x24, #18           /* 46 bits */
.Ltry:
        bic     x24, x24, x22
        mov     x0, #0x100000000
        add     x25, x24, x0            /* above 4 GiB */
        mov     x0, x25                 /* addr */
        ldr     x1, [x19, #0x28]        /* length = image_size */
        mov     x2, #0                  /* prot = PROT_NONE */
        mov     w3, #0x4022             /* MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE */
        movk    w3, #0x10, lsl #16      /* | MAP_FIXED_NOREPLACE */
        mov     x4, #-1                 /* fd */
        mov     x5, #0                  /* offset */
        mov     x8, #222                /* mmap */
        svc     #0
/* The reservation shows that the place is free. Kernels before 4.17 take the address for a hint;
   what they map elsewhere goes the same way, and for an error munmap does nothing. */
        mov     x26, x0
        ldr     x1, [x19, #0x28]
        mov     x8, #215                /* munmap */
        svc     #0
        cmp     x26, x25
        b.eq    .Lfree
        lsr     x24, x24, #9            /* again in a smaller space: 37 bits, then give up */
        lsr     x0, x24, #29
        cbnz    x0, .Ltry
        b       .Lland

/* d. move: x27 = next piece, x28 = how many are left */
.Lfree:
        ldr     x0, [x19, #0x20]        /* image */
        sub     x21, x25, x0            /* the new bias */
        adr     x27, pieces
        ldr     x28, [x19, #0x50]       /* count */
.Lmove:
        ldp     x9, x10, [x27]          /* both ends of a piece count as a whole page */
        add     x9, x9, x22
        bic     x9, x9, x22
        add     x10, x10, x22
        bic     x10, x10, x22
        subs    x1, x10, x9             /* old_size */
        b.eq    .Lmoved
        add     x0, x9, x20             /* old_address */
        mov     x2, x1                  /* new_size */
        mov     x3, #3                  /* MREMAP_MAYMOVE | MREMAP_FIXED */
        add     x4, x9, x21             /* new_address */
        mov     x8, #216                /* mremap */
        svc     #0
        cmp     x0, x4
        b.ne    .Lunmoved
        ldr     x9, [x27, #16]
        cbz     x9, .Lmoved
/* Profilers learn of code by its being made executable, and not by its being moved. */
        mov     x2, #1                  /* prot = PROT_READ */
        mov     x8, #226                /* mprotect */
        svc     #0
        mov     x0, x4
        mov     x2, x9                  /* prot */
        svc     #0
        cbnz    x0, .Lfail
.Lmoved:
        add     x27, x27, #24
        sub     x28, x28, #1
        cbnz    x28, .Lmove

/* e. tell: the auxiliary vector, which debuggers read, has two addresses of the image */
        sub     x11, x21, x20           /* how far it moved */
        mov     x12, #0
        mov     x1, x23
.Laux:
        ldp     x0, x2, [x1]
        cmp     x0, #31                 /* AT_EXECFN: the string after the environment */
        csel    x12, x2, x12, eq
        cmp     x0, #3                  /* AT_PHDR */
        ccmp    x0, #9, #4, ne          /* AT_ENTRY */
        b.ne    .Lnext_aux
        add     x2, x2, x11
        str     x2, [x1, #8]
.Lnext_aux:
        add     x1, x1, #16
        cbnz    x0, .Laux
        sub     x13, x1, x23            /* its size */

/* f. and the kernel's own copy, with what else it notes of a program; unprivileged, and of no
      consequence if it is refused */
        sub     x14, sp, #MAP
        ldp     x0, x1, [x19, #0x30]    /* code, code_end */
        add     x0, x0, x21
        add     x1, x1, x21
        stp     x0, x1, [x14]           /* start_code, end_code */
        ldp     x0, x1, [x19, #0x40]    /* data, data_end */
        add     x0, x0, x21
        add     x1, x1, x21
        stp     x0, x1, [x14, #16]      /* start_data, end_data */
        mov     x0, #0
        mov     x8, #214                /* brk: ask only */
        svc     #0
        stp     x0, x0, [x14, #32]      /* start_brk, brk */
        mov     x0, sp
        str     x0, [x14, #48]          /* start_stack */
        ldr     x0, [sp]                /* argc */
        add     x1, sp, x0, uxtx #3
        ldr     x9, [x1, #16]           /* the first string of the environment, or 0 */
        cmp     x9, #0
        csel    x9, x12, x9, eq
        ldr     x0, [sp, #8]            /* the first argument, or 0 */
        cmp     x0, #0
        csel    x0, x9, x0, eq
        stp     x0, x9, [x14, #56]      /* arg_start, arg_end */
        stp     x9, x12, [x14, #72]     /* env_start, env_end */
        str     x23, [x14, #88]         /* auxv */
        mov     w0, #-1
        stp     w13, w0, [x14, #96]     /* auxv_size; exe_fd: keep */
        mov     x0, #35                 /* PR_SET_MM */
        mov     x1, #14                 /* PR_SET_MM_MAP */
        mov     x2, x14                 /* addr */
        mov     x3, #104                /* size */
        mov     x4, #0
        mov     x8, #167                /* prctl */
        svc     #0

/* g. land: on with the stub, in the image */
.Lland:
        bic     x27, x19, x22
        sub     x28, x19, x27
        ldr     x0, [x19, #0x10]        /* size */
        add     x28, x28, x0
        ldr     x16, [x19, #0x18]       /* stub */
        add     x16, x16, x21
        mov     x3, #0
        mov     x4, #0
        mov     x5, #0
        mov     x19, #0
        mov     x20, #0
        mov     x21, #0
        mov     x22, #0
        mov     x23, #0
        mov     x24, #0
        mov     x25, #0
        mov     x26, #0
        br      x16

/* If the first piece stays, all is as it was. If a later one does, nothing fits together. */
.Lunmoved:
        mov     x21, x20
        adr     x0, pieces
        cmp     x27, x0
        b.eq    .Lland
.Lfail:
        brk     #1
        .balign 8
pieces:                                 /* `convert` appends them: start, end, prot if executable */
