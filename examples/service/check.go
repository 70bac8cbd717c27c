package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// check asks a server, usually this very one in the same container, whether it
// is well. Anything but 200 is an error.
//
// A health check asks "are you alive", not "who are you", and the certificate
// may be self-signed; but an unverified answer is worth something only when it
// cannot come from elsewhere. So the certificate is not verified on loopback
// addresses, and it is verified everywhere else.
func check(ctx context.Context, address string) error {
	target, err := url.Parse(address)
	if err != nil {
		return err
	}
	client := &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{
				MinVersion:         tls.VersionTLS12,
				InsecureSkipVerify: net.ParseIP(target.Hostname()).IsLoopback(),
			},
			DisableKeepAlives: true,
		},
		// A redirect could lead away from loopback: it is an answer, and a bad one.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", address, response.Status)
	}
	return nil
}
