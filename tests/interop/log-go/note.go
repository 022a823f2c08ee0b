package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type treeHead struct {
	origin string
	tlog.Tree
}

type trust struct {
	id      [32]byte
	sigs    *ct.SignatureVerifier
	witness string
}

// The key's number in a note (C2SP signed-note).
func keyHash(name string, kind byte, key []byte) uint32 {
	h := sha256.Sum256(append(append([]byte(name+"\n"), kind), key...))
	return binary.BigEndian.Uint32(h[:])
}

type verifier struct {
	name   string
	hash   uint32
	verify func(msg, sig []byte) bool
}

func (v *verifier) Name() string                { return v.name }
func (v *verifier) KeyHash() uint32             { return v.hash }
func (v *verifier) Verify(msg, sig []byte) bool { return v.verify(msg, sig) }

// RFC 6962 note signature: a time stamp, and the signature of the tree head with that time.
func (t *trust) log(origin string) note.Verifier {
	return &verifier{origin, keyHash(origin, 5, t.id[:]), func(msg, sig []byte) bool {
		head, err := parseHead(string(msg))
		if err != nil || len(sig) < 8 {
			return false
		}
		var ds ct.DigitallySigned
		rest, err := tls.Unmarshal(sig[8:], (*tls.DigitallySigned)(&ds))
		return err == nil && len(rest) == 0 && t.sigs.VerifySTHSignature(ct.SignedTreeHead{
			TreeSize:          uint64(head.N),
			Timestamp:         binary.BigEndian.Uint64(sig),
			SHA256RootHash:    ct.SHA256Hash(head.Hash),
			TreeHeadSignature: ds,
		}) == nil
	}}
}

// A witness by its verifier key, "name+hash+base64(0x04 || public key)" (C2SP tlog-cosignature).
func cosigner(vkey string) (note.Verifier, error) {
	part := strings.SplitN(vkey, "+", 3)
	if len(part) != 3 {
		return nil, errors.New("not a verifier key")
	}
	key, err := base64.StdEncoding.DecodeString(part[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return nil, errors.New("not a cosigner's verifier key")
	}
	hash := keyHash(part[0], 4, key[1:])
	if fmt.Sprintf("%08x", hash) != part[1] {
		return nil, errors.New("the verifier key's number is wrong")
	}
	return &verifier{part[0], hash, func(msg, sig []byte) bool {
		if len(sig) != 8+ed25519.SignatureSize {
			return false
		}
		signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
		return ed25519.Verify(key[1:], []byte(signed), sig[8:])
	}}, nil
}

func parseHead(text string) (treeHead, error) {
	line := strings.Split(text, "\n")
	if len(line) < 4 {
		return treeHead{}, errors.New("not a checkpoint")
	}
	size, err := strconv.ParseInt(line[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != line[1] {
		return treeHead{}, errors.New("its size is no number")
	}
	root, err := tlog.ParseHash(line[2])
	return treeHead{line[0], tlog.Tree{N: size, Hash: root}}, err
}

// Open verifies the log's signature, and the witness's where one is wanted.
func (t *trust) open(text []byte) (*treeHead, error) {
	head, err := parseHead(string(text))
	if err != nil {
		return nil, err
	}
	known := []note.Verifier{t.log(head.origin)}
	if t.witness != "" {
		w, err := cosigner(t.witness)
		if err != nil {
			return nil, err
		}
		known = append(known, w)
	}
	n, err := note.Open(text, note.VerifierList(known...))
	if err != nil {
		return nil, err
	}
	if len(n.Sigs) != len(known) {
		return nil, fmt.Errorf("%d of %d signatures that are wanted", len(n.Sigs), len(known))
	}
	return &head, nil
}
