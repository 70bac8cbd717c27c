// Listens on 127.0.0.1, talks to itself, makes garbage, panics and recovers, and stays.
package main

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"time"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		connection, _ := listener.Accept()
		io.WriteString(connection, "hello over the network\n")
		connection.Close()
	}()
	connection, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		panic(err)
	}
	text, _ := io.ReadAll(connection)
	fmt.Print(string(text))
	for i := 0; i < 8; i++ {
		go func() {
			for {
				_ = make([]byte, 1<<16)
			}
		}()
	}
	func() {
		defer func() { fmt.Println("recovered:", recover() != nil) }()
		var nowhere *int
		*nowhere = 1
	}()
	runtime.GC()
	time.Sleep(time.Hour)
}
