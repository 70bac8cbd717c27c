// A Go program with a C function that wants a canary and a checked copy.
package main

/*
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static __attribute__((noinline)) int copy_name(const char *name) {
    char buffer[64];
    strcpy(buffer, name);
    return printf("hello, %s\n", buffer);
}
*/
import "C"

import (
	"os"
	"unsafe"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "maps" {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			os.Exit(1)
		}
		os.Stdout.Write(maps)
		return
	}
	name := C.CString("Go")
	defer C.free(unsafe.Pointer(name))
	C.copy_name(name)
}
