// Hello is the smallest program worth converting. It says which version it
// is and where it lies in memory: run it twice, and the address must differ.
package main

import "fmt"

// version is set at link time: -ldflags "-X main.version=v1.2.3".
var version = "unknown"

func main() {
	fmt.Printf("hello, version %s, main.main at %p\n", version, main)
}
