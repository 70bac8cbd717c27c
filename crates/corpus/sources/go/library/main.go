// A library in Go for programs in C.
package main

import "C"

//export Answer
func Answer() C.int { return 42 }

func main() {}
