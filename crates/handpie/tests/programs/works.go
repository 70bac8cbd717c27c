// Uses what a wrong load address, a missed relocation or a lost loader would break, and prints the
// same lines in every build. `works spin` runs until it is stopped, for debuggers and profilers;
// `works alone` starts no child, for an emulator that cannot.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"reflect"
	"regexp"
	"runtime"
	"sort"
	"strings"
	"sync"
	"syscall"
	"text/template"
	"time"
)

type shape interface{ Area() float64 }

type square struct{ Side float64 }

func (s square) Area() float64 { return s.Side * s.Side }

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "spin":
			fmt.Println("spinning")
			spin(time.Hour)
		case "child":
			fmt.Println("child of", len(os.Args), "arguments")
		case "alone":
			work(false)
		}
		return
	}
	work(true)
}

func work(startChild bool) {
	step("interfaces and reflection", reflection)
	step("encoding", encoding)
	step("goroutines and garbage", goroutines)
	step("a deep stack", func() string { return fmt.Sprint(depth(200_000)) })
	step("a fault becomes a panic", fault)
	step("signals", signals)
	if startChild {
		step("a child process", child)
	}
	step("TLS", handshake)
}

func step(name string, work func() string) { fmt.Printf("%s: %s\n", name, work()) }

func reflection() string {
	var s shape = square{3}
	method := reflect.ValueOf(s).MethodByName("Area")
	type pair struct {
		Key   string
		Value any
	}
	kinds := []string{}
	for _, v := range []any{1, "a", pair{"k", 2}, []int{1}, map[string]shape{"s": s}, main} {
		kinds = append(kinds, reflect.TypeOf(v).Kind().String())
	}
	return fmt.Sprint(method.Call(nil)[0], kinds)
}

func encoding() string {
	var text, zipped bytes.Buffer
	t := template.Must(template.New("").Parse(`{{range $i, $x := .}}{{$i}}={{$x.Area}};{{end}}`))
	must(t.Execute(&text, []shape{square{1}, square{2}}))
	z := gzip.NewWriter(&zipped)
	must(gob.NewEncoder(z).Encode(map[string]int{"one": 1}))
	must(z.Close())
	r, err := gzip.NewReader(&zipped)
	must(err)
	var back map[string]int
	must(gob.NewDecoder(r).Decode(&back))
	j, err := json.Marshal(map[string]any{"a": []int{1, 2}, "b": back})
	must(err)
	words := regexp.MustCompile(`[a-z]+=\d`).FindAllString("x=1 y=2 zz", -1)
	sort.Strings(words)
	return fmt.Sprint(text.String(), string(j), words, strings.Repeat("ab", 2))
}

func goroutines() string {
	var group sync.WaitGroup
	sums := make([]int, 64)
	for i := range sums {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			tree := map[int][]byte{}
			for n := 0; n < 200; n++ {
				tree[n] = make([]byte, 1024+n)
			}
			for _, leaf := range tree {
				sums[i] += len(leaf)
			}
		}(i)
	}
	group.Wait()
	runtime.GC()
	total := 0
	for _, sum := range sums {
		total += sum
	}
	return fmt.Sprint(total)
}

func depth(n int) int {
	if n == 0 {
		return 0
	}
	return 1 + depth(n-1)
}

func fault() (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	var nothing *square
	return fmt.Sprint(nothing.Side)
}

func signals() string {
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGUSR1)
	must(syscall.Kill(os.Getpid(), syscall.SIGUSR1))
	return (<-got).String()
}

func child() string {
	self, err := os.Executable()
	must(err)
	out, err := exec.Command(self, "child", "x").Output()
	must(err)
	return strings.TrimSpace(string(out))
}

func handshake() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(err)
	certificate, err := x509.ParseCertificate(der)
	must(err)
	roots := x509.NewCertPool()
	roots.AddCert(certificate)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%x", sha256.Sum256([]byte(r.URL.Path)))
		}),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
	}
	go server.ServeTLS(listener, "", "")
	client := http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"},
	}}
	response, err := client.Get("https://" + listener.Addr().String() + "/path")
	must(err)
	body, err := io.ReadAll(response.Body)
	must(err)
	return string(body[:16])
}

func spin(limit time.Duration) {
	for end := time.Now().Add(limit); time.Now().Before(end); {
		burn(1 << 16)
	}
}

//go:noinline
func burn(n int) (sum int) {
	for i := 0; i < n; i++ {
		sum += i * i
	}
	return sum
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
