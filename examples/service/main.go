// Service is a small HTTP and TLS server in the shape of many real ones. It
// needs no file at run time, so it serves from an image that holds nothing but
// itself; it is also its own health check, since such an image has no curl.
//
// What is not here: routing, storage, metrics. It exists to be built, converted
// to a static-PIE and proven.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Version is set at link time: -ldflags "-X main.Version=v1.2.3".
// `handpie build` does that from `git describe`.
var Version = "unknown"

// options is what the command line says.
type options struct {
	http, https string // addresses to listen on; empty means off
	cert, key   string // PEM files; empty means a self-signed certificate
	check       string // a URL to ask instead of serving
}

func main() {
	// A container runtime stops its container with SIGTERM, a terminal with SIGINT.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()

	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.As(err, new(usageError)):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}

// run is main without the process around it, so that a test can call it.
// It returns when ctx is done or a listener failed.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	opts, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if opts.check != "" {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return check(ctx, opts.check)
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	return serve(ctx, opts, stdout, log)
}

// usageError is a wrong command line, which package flag has already reported.
type usageError struct{ error }

func parse(args []string, stderr io.Writer) (options, error) {
	var opts options
	flags := flag.NewFlagSet("service", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&opts.http, "http", ":8080", "`address` for HTTP; port 0 picks a free one, empty turns it off")
	flags.StringVar(&opts.https, "https", ":8443", "`address` for HTTPS; port 0 picks a free one, empty turns it off")
	flags.StringVar(&opts.cert, "cert", "", "PEM `file` with the certificate; a self-signed one is made when absent")
	flags.StringVar(&opts.key, "key", "", "PEM `file` with the certificate's key")
	flags.StringVar(&opts.check, "check", "", "ask this `URL`, exit 0 if it answers 200, and serve nothing")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return opts, err
	case err != nil:
		return opts, usageError{err}
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case (opts.cert == "") != (opts.key == ""):
		err = errors.New("-cert and -key belong together")
	case opts.http == "" && opts.https == "" && opts.check == "":
		err = errors.New("nothing to serve: -http and -https are both empty")
	default:
		return opts, nil
	}
	fmt.Fprintln(stderr, "service:", err)
	return opts, usageError{err}
}
