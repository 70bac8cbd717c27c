# An object without .note.GNU-stack: GNU ld then asks for an executable stack.
        .globl  unmarked
unmarked:
        ret
