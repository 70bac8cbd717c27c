// Starts and ends.
package main

func main() {}
