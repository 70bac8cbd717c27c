// A program that goes to C and back, from several threads, and that uses net and os/user.
package main

// int digits(const char *text);
// int twice(int value);
// void *overflow(int length);
import "C"

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"sync"
)

//export doubled
func doubled(value C.int) C.int { return 2 * value }

func main() {
	if len(os.Args) > 2 && os.Args[1] == "overflow" {
		length, _ := strconv.Atoi(os.Args[2])
		C.overflow(C.int(length))
		return
	}
	fmt.Println("digits", C.digits(C.CString("a1b2c3")))
	var all sync.WaitGroup
	sum := make([]C.int, 8)
	for at := range sum {
		all.Add(1)
		go func(at int) {
			defer all.Done()
			runtime.LockOSThread()
			sum[at] = C.twice(C.int(at))
		}(at)
	}
	all.Wait()
	fmt.Println("doubled", sum)
	_, err := net.ResolveTCPAddr("tcp", "127.0.0.1:80")
	fmt.Println("address", err)
	me, err := user.Current()
	fmt.Println("user", err == nil && me.Uid == strconv.Itoa(os.Getuid()))
}
