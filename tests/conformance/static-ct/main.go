// Checkpoint opens a signed checkpoint by the published verifiers of RFC 6962 note signatures and
// of witnesses' cosignatures: checkpoint LOG-KEY WITNESS-VKEY < NOTE
package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintf(os.Stderr, "checkpoint: %v\n", err)
		os.Exit(1)
	}
}

func logVerifier(path, origin string) (note.Verifier, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM in " + path)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	vkey, err := fnote.RFC6962VerifierString(origin, key)
	if err != nil {
		return nil, err
	}
	return fnote.NewRFC6962Verifier(vkey)
}

func run(key, vkey string) error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	var c log.Checkpoint
	if _, err := c.Unmarshal(text); err != nil {
		return err
	}
	ours, err := logVerifier(key, c.Origin)
	if err != nil {
		return err
	}
	witness, err := fnote.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		return err
	}
	n, err := note.Open(text, note.VerifierList(ours, witness))
	if err != nil {
		return err
	}
	if len(n.Sigs) != 2 {
		return fmt.Errorf("%d signatures of 2", len(n.Sigs))
	}
	seen, err := fnote.CoSigV1Timestamp(n.Sigs[1])
	if err != nil {
		return err
	}
	if since := time.Since(seen); since < 0 || since > time.Minute {
		return fmt.Errorf("cosigned %v ago", since)
	}
	fmt.Printf("%s, %d entries: signed by the log, cosigned by %s\n", c.Origin, c.Size, n.Sigs[1].Name)
	return nil
}
