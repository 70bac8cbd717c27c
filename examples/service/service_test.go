package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// start runs the service on free ports and returns its base URLs by scheme.
// At the end of the test it is stopped, and must stop without an error.
func start(t *testing.T) map[string]string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stdout, stdin := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-http", "127.0.0.1:0", "-https", "127.0.0.1:0"}, stdin, io.Discard)
		stdin.CloseWithError(io.EOF)
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("service ended with: %v", err)
			}
		case <-time.After(grace + time.Second):
			t.Error("service did not stop")
		}
	})
	urls := make(map[string]string)
	lines := bufio.NewScanner(stdout)
	for len(urls) < 2 && lines.Scan() {
		scheme, address, ok := strings.Cut(lines.Text(), " ")
		if !ok {
			t.Fatalf("unexpected line on stdout: %q", lines.Text())
		}
		urls[scheme] = scheme + "://" + address
	}
	if len(urls) < 2 {
		t.Fatal("service said fewer than two addresses")
	}
	return urls
}

func TestChecksItselfOverHTTPAndTLS(t *testing.T) {
	for scheme, base := range start(t) {
		if err := run(context.Background(), []string{"-check", base + "/healthz"}, io.Discard, io.Discard); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestCheckFailsOnAnythingBut200(t *testing.T) {
	base := start(t)["http"]
	err := run(context.Background(), []string{"-check", base + "/nowhere"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("want an error about 404, got %v", err)
	}
}

func TestVerifiesCertificatesOutsideLoopback(t *testing.T) {
	// "localhost" is a name, and a name may lead anywhere: the self-signed
	// certificate must not be accepted for it.
	base := strings.Replace(start(t)["https"], "127.0.0.1", "localhost", 1)
	err := run(context.Background(), []string{"-check", base + "/healthz"}, io.Discard, io.Discard)
	if err == nil {
		t.Error("a self-signed certificate was accepted for a name")
	}
}

func TestSaysItsVersion(t *testing.T) {
	defer func(old string) { Version = old }(Version)
	Version = "v1.2.3-test"
	response, err := http.Get(start(t)["http"] + "/version")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got build
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Version != Version || !strings.HasPrefix(got.Go, "go") {
		t.Errorf("unexpected answer: %+v", got)
	}
}

func TestRefusesWrongUsage(t *testing.T) {
	for _, args := range [][]string{
		{"-nonsense"},
		{"extra"},
		{"-cert", "only.pem"},
		{"-http", "", "-https", ""},
	} {
		if err := run(context.Background(), args, io.Discard, io.Discard); !errors.As(err, new(usageError)) {
			t.Errorf("%q: want a usage error, got %v", args, err)
		}
	}
}

func TestReportsAnAddressInUse(t *testing.T) {
	taken := strings.TrimPrefix(start(t)["http"], "http://")
	err := run(context.Background(), []string{"-http", taken, "-https", ""}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), taken) {
		t.Errorf("want an error naming %s, got %v", taken, err)
	}
}
