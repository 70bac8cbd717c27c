// The first process of an emulated machine: runs the programs beside it, looks where the kernel has
// put them, and switches the machine off. Its lines are read by `cargo xtask boot`.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math/bits"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

const runs = 24

func main() {
	must(os.MkdirAll("/proc", 0o755))
	must(syscall.Mount("proc", "/proc", "proc", 0, ""))
	must(syscall.Mount("dev", "/dev", "devtmpfs", 0, ""))
	must(loopbackUp())
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	must(err)
	fmt.Printf("BOOT %s %d\n", strings.TrimSpace(string(release)), os.Getpagesize())
	plain := output("/plain")
	for _, name := range []string{"/kernel", "/full"} {
		same := output(name) == plain && strings.Contains(plain, "TLS: ")
		all, none, right := uint64(0), ^uint64(0), true
		distances := map[uint64]bool{}
		for range runs {
			at := start(name)
			all |= at.code
			none &= at.code
			distances[at.code-at.vdso] = true
			right = right && at.headers >= at.code && at.headers < at.codeEnd
		}
		varying := bits.OnesCount64(all &^ none)
		fmt.Printf("PROGRAM %s same=%v bits=%d distances=%d auxv=%v\n", name, same, varying, len(distances), right)
	}
	fmt.Println("DONE")
	must(syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF))
}

func output(name string) string {
	out, err := exec.Command(name, "alone").CombinedOutput()
	if err != nil {
		fmt.Printf("FAILED %s: %v\n%s\n", name, err, out)
	}
	return string(out)
}

// Where things are in one run of a program.
type places struct {
	code, codeEnd uint64
	vdso          uint64
	headers       uint64 // AT_PHDR in the kernel's copy of the auxiliary vector
}

func start(name string) (at places) {
	cmd := exec.Command(name, "spin")
	stdout, err := cmd.StdoutPipe()
	must(err)
	must(cmd.Start())
	// Once it has said something, it has moved.
	_, err = bufio.NewReader(stdout).ReadString('\n')
	must(err)
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", cmd.Process.Pid))
	must(err)
	auxv, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", cmd.Process.Pid))
	must(err)
	for _, line := range strings.Split(string(maps), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 6 {
			continue
		}
		from, to, _ := strings.Cut(fields[0], "-")
		switch {
		case fields[5] == "[vdso]":
			at.vdso = hex(from)
		case fields[5] == name && fields[1] == "r-xp" && at.code == 0:
			at.code, at.codeEnd = hex(from), hex(to)
		}
	}
	const phdr = 3
	for ; len(auxv) >= 16; auxv = auxv[16:] {
		if binary.NativeEndian.Uint64(auxv) == phdr {
			at.headers = binary.NativeEndian.Uint64(auxv[8:])
		}
	}
	must(cmd.Process.Kill())
	_ = cmd.Wait()
	return at
}

func hex(text string) uint64 {
	number, err := strconv.ParseUint(text, 16, 64)
	must(err)
	return number
}

// netdevice(7): the flags of an interface.
func loopbackUp() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	request := struct {
		name  [16]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP | syscall.IFF_RUNNING}
	copy(request.name[:], "lo")
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return errno
	}
	return nil
}

func must(err error) {
	if err != nil {
		fmt.Println("FAILED", err)
		_ = syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	}
}
