// A Go program without C. With the argument maps it shows its own memory.
package main

import "os"

// Version is what `-X main.Version` sets.
var Version = "unset"

func main() {
	if len(os.Args) > 1 && os.Args[1] == "maps" {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			os.Exit(1)
		}
		os.Stdout.Write(maps)
		return
	}
	os.Stdout.WriteString("hello, version " + Version + "\n")
}
