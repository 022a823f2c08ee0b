package main

import (
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	"github.com/google/certificate-transparency-go/x509"
)

func readChain(path string) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if x509.IsFatal(err) {
			return nil, err
		}
		chain = append(chain, c)
	}
	if len(chain) < 2 {
		return nil, errors.New("no certificate with its issuer")
	}
	return chain, nil
}

// CheckCertificate: the SCT in a certificate that was handed out is the log's, and the entry that
// it promises is in the tree where it says.
func checkCertificate(path string, sigs *ct.SignatureVerifier, id [32]byte, entries []*entry) error {
	chain, err := readChain(path)
	if err != nil {
		return err
	}
	if len(chain[0].SCTList.SCTList) != 1 {
		return fmt.Errorf("%d SCTs", len(chain[0].SCTList.SCTList))
	}
	var sct ct.SignedCertificateTimestamp
	rest, err := tls.Unmarshal(chain[0].SCTList.SCTList[0].Val, &sct)
	if err != nil || len(rest) != 0 {
		return fmt.Errorf("SCT: %v, %d more bytes", err, len(rest))
	}
	leaf, err := ct.MerkleTreeLeafForEmbeddedSCT(chain, sct.Timestamp)
	if err != nil {
		return err
	}
	leaf.TimestampedEntry.Extensions = sct.Extensions
	if err := sigs.VerifySCTSignature(sct, ct.LogEntry{Leaf: *leaf}); err != nil {
		return err
	}
	hash, err := leafHash(leaf.TimestampedEntry)
	if err != nil {
		return err
	}
	i, err := leafIndex(sct.Extensions)
	if err != nil {
		return err
	}
	if sct.LogID.KeyID != id || i >= int64(len(entries)) || entries[i].hash != hash {
		return fmt.Errorf("entry %d is another", i)
	}
	fmt.Printf("the SCT that was handed out is the log's, and entry %d is its certificate\n", i)
	return nil
}
