package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"
)

// grace is how long requests in flight may take once we are told to stop.
// Docker kills after ten seconds; be done before.
const grace = 8 * time.Second

// serve listens, says on stdout where, and answers until ctx is done.
//
// The lines on stdout are "http ADDRESS" and "https ADDRESS" with the real
// ports; they are printed once connections are accepted, so a reader of stdout
// may connect at once.
func serve(ctx context.Context, opts options, stdout io.Writer, log *slog.Logger) error {
	server := &http.Server{
		Handler: handler(),
		// Without limits a slow client holds a connection for ever.
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	listeners, err := listen(opts)
	if err != nil {
		return err
	}

	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		fmt.Fprintln(stdout, l.scheme, l.Addr())
		go func() { failed <- server.Serve(l) }()
	}
	log.Info("serving", "version", Version)

	select {
	case err = <-failed:
	case <-ctx.Done():
		log.Info("stopping")
	}
	// ctx is done by now, so the grace period needs a fresh one.
	stopping, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	return errors.Join(err, server.Shutdown(stopping))
}

type listener struct {
	net.Listener
	scheme string
}

// listen opens all addresses or none.
func listen(opts options) (open []listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range open {
				l.Close()
			}
		}
	}()
	if opts.http != "" {
		l, err := net.Listen("tcp", opts.http)
		if err != nil {
			return open, err
		}
		open = append(open, listener{l, "http"})
	}
	if opts.https != "" {
		cert, err := certificate(opts.cert, opts.key)
		if err != nil {
			return open, err
		}
		l, err := tls.Listen("tcp", opts.https, &tls.Config{
			Certificates: []tls.Certificate{cert},
			MinVersion:   tls.VersionTLS12,
		})
		if err != nil {
			return open, err
		}
		open = append(open, listener{l, "https"})
	}
	return open, nil
}

func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		// An error here means that the client has gone; there is nobody to tell.
		_ = enc.Encode(identity())
	})
	return mux
}

// build is what /version answers.
type build struct {
	Version  string            `json:"version"`
	Module   string            `json:"module,omitempty"`
	Go       string            `json:"go"`
	Platform string            `json:"platform"`
	Settings map[string]string `json:"settings,omitempty"`
}

// identity is the stamped version and what the go command wrote into the
// binary; `go version -m` reads the same from the file.
func identity() build {
	b := build{
		Version:  Version,
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Module = info.Main.Path
	b.Settings = make(map[string]string, len(info.Settings))
	for _, s := range info.Settings {
		b.Settings[s.Key] = s.Value
	}
	return b
}
