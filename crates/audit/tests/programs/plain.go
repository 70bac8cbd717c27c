// A program in pure Go.
package main

import "fmt"

func main() { fmt.Println("hello") }
