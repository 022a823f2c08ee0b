// Log-go reads a log as an auditor would, with published libraries only: the checkpoint and tiles
// of static-ct-api by golang.org/x/mod/sumdb, the same data over RFC 6962 by
// certificate-transparency-go, proofs by both.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	ct "github.com/google/certificate-transparency-go"
)

type options struct {
	url, key, chain, state, witness string
	tilesOnly                       bool
}

func main() {
	var o options
	flag.StringVar(&o.url, "url", "", "the log's prefix")
	flag.StringVar(&o.key, "key", "", "the log's public key, PEM")
	flag.StringVar(&o.chain, "chain", "", "a certificate with an SCT of this log, and its issuer, PEM")
	flag.StringVar(&o.state, "state", "", "file that keeps the newest checkpoint from run to run")
	flag.StringVar(&o.witness, "witness", "", "verifier key of a witness that must have cosigned")
	flag.BoolVar(&o.tilesOnly, "tiles-only", false, "do not ask for RFC 6962")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, &o); err != nil {
		fmt.Fprintf(os.Stderr, "log-go: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o *options) error {
	pem, err := os.ReadFile(o.key)
	if err != nil {
		return err
	}
	pub, id, _, err := ct.PublicKeyFromPEM(pem)
	if err != nil {
		return err
	}
	sigs, err := ct.NewSignatureVerifier(pub)
	if err != nil {
		return err
	}
	trust := &trust{id: id, sigs: sigs, witness: o.witness}
	l := &tiledLog{ctx: ctx, url: o.url, seen: map[string][]byte{}}
	text, err := l.get("checkpoint")
	if err != nil {
		return err
	}
	head, err := trust.open(text)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	fmt.Printf("checkpoint of %s: %d entries\n", head.origin, head.N)
	if err := l.follows(trust, head, o.state); err != nil {
		return err
	}
	entries, err := l.entries(head)
	if err != nil {
		return err
	}
	fmt.Printf("tiles: %d entries parse and are in the tree, %d files read\n", len(entries), len(l.seen))
	if o.chain != "" {
		if err := checkCertificate(o.chain, sigs, id, entries); err != nil {
			return fmt.Errorf("%s: %w", o.chain, err)
		}
	}
	if !o.tilesOnly {
		if err := checkRFC6962(ctx, o.url, string(pem), head, entries, l); err != nil {
			return fmt.Errorf("RFC 6962: %w", err)
		}
	}
	return os.WriteFile(o.state, text, 0o600)
}
