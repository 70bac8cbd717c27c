// Asks for a name: with cgo, libc's resolver does it, without cgo or with netgo, Go's own.
package main

import (
	"net"
	"os"
	"os/user"
)

func main() {
	addresses, _ := net.LookupHost("localhost")
	me, _ := user.Current()
	if len(addresses) == 0 && me == nil {
		os.Exit(1)
	}
	println(len(addresses))
}
