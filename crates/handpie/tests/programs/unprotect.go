// Tries to make its own code writable, as an attacker would, and says what came of it.
package main

import (
	"fmt"
	"os"
	"reflect"
	"syscall"
)

func main() {
	page := reflect.ValueOf(main).Pointer() &^ uintptr(os.Getpagesize()-1)
	const everything = syscall.PROT_READ | syscall.PROT_WRITE | syscall.PROT_EXEC
	_, _, errno := syscall.Syscall(syscall.SYS_MPROTECT, page, uintptr(os.Getpagesize()), everything)
	if errno != 0 {
		fmt.Println("code stays as it is:", errno)
		return
	}
	fmt.Println("code can be written")
}
