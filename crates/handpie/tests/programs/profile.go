// Burns time for half a second and writes a CPU profile of it to the file that is named.
package main

import (
	"os"
	"runtime/pprof"
	"time"
)

func main() {
	file, err := os.Create(os.Args[1])
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		panic(err)
	}
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
		burn()
	}
	pprof.StopCPUProfile()
	if err := file.Close(); err != nil {
		panic(err)
	}
}

//go:noinline
func burn() (sum int) {
	for i := range 1 << 20 {
		sum += i * i
	}
	return sum
}
