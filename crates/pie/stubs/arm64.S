/*
 * The start-up stub for arm64. Contract and numbered steps: README.md beside this file.
 *
 * In:  sp as the kernel leaves it; all other registers 0 (start_thread in
 *      arch/arm64/include/asm/processor.h).
 * Out: sp unchanged; x16 the entry point; x0 to x2 and x8 to x15 0; in version 2 also x27 and
 *      x28.
 * x16 is the register from which a branch may enter a function that is guarded by BTI.
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
        bti     c                       /* a valid target where branches are guarded */

/* 1. find the load bias */
        adr     x9, header              /* where the header is, kept in x9 */
        ldr     x10, [x9, #8]           /* where it was linked */
        sub     x10, x9, x10            /* the bias, kept in x10 */

#if VERSION == 2
/* 2. the mover that brought the image here is needed no more: x27 = its first page, x28 = its size */
        ldr     x0, [x9, #0x38]         /* moved */
        cbz     x0, .Lrelocate
        mov     x0, x27
        mov     x1, x28
        mov     x8, #215                /* munmap */
        svc     #0
.Lrelocate:
#endif

/* 3. relocate: x11 = next RELR word, x12 = end of the table, x14 = next word to relocate */
        ldp     x11, x12, [x9, #16]     /* relr, relr_size */
        add     x11, x11, x10
        add     x12, x12, x11
.Lnext:
        cmp     x11, x12
        b.hs    .Lprotect
        ldr     x13, [x11], #8
        tbnz    x13, #0, .Lbitmap
        add     x14, x13, x10           /* an even word is the address of a word to relocate */
        ldr     x15, [x14]
        add     x15, x15, x10
        str     x15, [x14], #8
        b       .Lnext
.Lbitmap:
        mov     x16, x14                /* an odd word says which of the next 63 words are */
.Lbit:
        lsr     x13, x13, #1            /* bit 0 marked the bitmap; the lowest bit left is next */
        cbz     x13, .Lbitmap_done      /* no more bits set */
        tbz     x13, #0, .Lskip
        ldr     x15, [x16]
        add     x15, x15, x10
        str     x15, [x16]
.Lskip:
        add     x16, x16, #8
        b       .Lbit
.Lbitmap_done:
        add     x14, x14, #(63 * 8)
        b       .Lnext

/* 4. protect RELRO */
.Lprotect:
        ldp     x0, x1, [x9, #32]       /* addr; len, not rounded: the kernel rounds up */
        cbz     x1, .Lseal
        add     x0, x0, x10
        mov     x2, #1                  /* prot = PROT_READ */
        mov     x8, #226                /* mprotect */
        svc     #0
        cbnz    x0, .Lfail

/* 5. seal: x11 = next range, x12 = how many are left */
.Lseal:
#if VERSION == 2
        adr     x11, seals
        ldr     x12, [x9, #0x40]        /* seal_count */
.Lnext_seal:
        cbz     x12, .Lenter
        ldp     x0, x1, [x11], #16      /* addr; len, not rounded: the kernel rounds up */
        add     x0, x0, x10
        mov     x2, #0                  /* flags */
        mov     x8, #462                /* mseal; kernels before 6.10 do not have it */
        svc     #0
        sub     x12, x12, #1
        b       .Lnext_seal
.Lenter:
        mov     x27, #0
        mov     x28, #0
#endif

/* 6. enter the program */
        ldr     x16, [x9, #48]          /* entry */
        add     x16, x16, x10
        mov     x0, #0
        mov     x1, #0
        mov     x2, #0
        mov     x8, #0
        mov     x9, #0
        mov     x10, #0
        mov     x11, #0
        mov     x12, #0
        mov     x13, #0
        mov     x14, #0
        mov     x15, #0
        br      x16
.Lfail:
        brk     #1
#if VERSION == 2
        .balign 8
seals:                                  /* `convert` appends the ranges to seal: address, size */
#endif
