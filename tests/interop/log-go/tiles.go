package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	"github.com/google/certificate-transparency-go/x509"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

// A log over static-ct-api, as a tlog.TileReader.
type tiledLog struct {
	ctx  context.Context
	url  string
	seen map[string][]byte
}

func (l *tiledLog) get(name string) ([]byte, error) {
	if data, ok := l.seen[name]; ok && name != "checkpoint" {
		return data, nil
	}
	req, err := http.NewRequestWithContext(l.ctx, http.MethodGet, l.url+"/"+name, nil)
	if err != nil {
		return nil, err
	}
	rsp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer rsp.Body.Close()
	if rsp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", name, rsp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(rsp.Body, 64<<20))
	l.seen[name] = data
	return data, err
}

// The Go checksum database has the height in a tile's name, static-ct-api has not.
func tileName(t tlog.Tile) string {
	return strings.Replace(t.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
}

func (l *tiledLog) Height() int                     { return tileHeight }
func (l *tiledLog) SaveTiles([]tlog.Tile, [][]byte) {}
func (l *tiledLog) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		data, err := l.get(tileName(t))
		if err != nil {
			return nil, err
		}
		if len(data) != t.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", tileName(t), len(data))
		}
		all = append(all, data)
	}
	return all, nil
}

// Follows proves that the tree grew out of the one that was seen last.
func (l *tiledLog) follows(t *trust, head *treeHead, state string) error {
	text, err := os.ReadFile(state)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	old, err := t.open(text)
	if err != nil {
		return fmt.Errorf("%s: %w", state, err)
	}
	if old.origin != head.origin || old.N >= head.N {
		return fmt.Errorf("no growth from %d to %d", old.N, head.N)
	}
	proof, err := tlog.ProveTree(head.N, old.N, tlog.TileHashReader(head.Tree, l))
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, head.N, head.Hash, old.N, old.Hash); err != nil {
		return fmt.Errorf("from %d to %d: %w", old.N, head.N, err)
	}
	fmt.Printf("consistent with the checkpoint of %d entries\n", old.N)
	return nil
}

// What a data tile holds of an entry, in its order (static-ct-api, "Log entries").
type entry struct {
	timestamped ct.TimestampedEntry
	precert     ct.ASN1Cert
	chain       fingerprints
	hash        tlog.Hash
	issuers     []*x509.Certificate
}

type fingerprints struct {
	List [][32]byte `tls:"minlen:0,maxlen:65535"`
}

func takeEntry(data []byte) (*entry, []byte, error) {
	var e entry
	rest, err := tls.Unmarshal(data, &e.timestamped)
	if err == nil && e.timestamped.EntryType == ct.PrecertLogEntryType {
		rest, err = tls.Unmarshal(rest, &e.precert)
	}
	if err == nil {
		rest, err = tls.Unmarshal(rest, &e.chain)
	}
	if err != nil {
		return nil, nil, err
	}
	e.hash, err = leafHash(&e.timestamped)
	return &e, rest, err
}

func leafHash(t *ct.TimestampedEntry) (tlog.Hash, error) {
	h, err := ct.LeafHashForLeaf(&ct.MerkleTreeLeaf{
		Version: ct.V1, LeafType: ct.TimestampedEntryLeafType, TimestampedEntry: t})
	return tlog.Hash(h), err
}

// The extension of static-ct-api: type 0, two bytes of length, 40 bits.
func leafIndex(extensions []byte) (int64, error) {
	if len(extensions) != 8 || !bytes.Equal(extensions[:3], []byte{0, 0, 5}) {
		return 0, errors.New("no leaf_index")
	}
	n := int64(0)
	for _, b := range extensions[3:] {
		n = n<<8 | int64(b)
	}
	return n, nil
}

// Entries reads every data tile and proves each entry's place in the tree.
func (l *tiledLog) entries(head *treeHead) ([]*entry, error) {
	var all []*entry
	hashes := tlog.TileHashReader(head.Tree, l)
	for int64(len(all)) < head.N {
		first := int64(len(all))
		t := tlog.Tile{H: tileHeight, L: -1, N: first >> tileHeight, W: 1 << tileHeight}
		if head.N-first < int64(t.W) {
			t.W = int(head.N - first)
		}
		data, err := l.get(tileName(t))
		if err != nil {
			return nil, err
		}
		for i := first; i < first+int64(t.W); i++ {
			var e *entry
			if e, data, err = takeEntry(data); err == nil {
				err = l.check(e, i, head, hashes)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: entry %d: %w", tileName(t), i, err)
			}
			all = append(all, e)
		}
		if len(data) != 0 {
			return nil, fmt.Errorf("%s: %d more bytes", tileName(t), len(data))
		}
	}
	return all, nil
}

func (l *tiledLog) check(e *entry, i int64, head *treeHead, hashes tlog.HashReader) error {
	if n, err := leafIndex(e.timestamped.Extensions); err != nil || n != i {
		return fmt.Errorf("leaf_index %d: %v", n, err)
	}
	proof, err := tlog.ProveRecord(head.N, i, hashes)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(proof, head.N, head.Hash, i, e.hash); err != nil {
		return err
	}
	for _, f := range e.chain.List {
		c, err := l.issuer(f)
		if err != nil {
			return err
		}
		e.issuers = append(e.issuers, c)
	}
	return e.checkPrecert()
}

func (l *tiledLog) issuer(f [32]byte) (*x509.Certificate, error) {
	der, err := l.get("issuer/" + hex.EncodeToString(f[:]))
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(der) != f {
		return nil, errors.New("an issuer is not what its name says")
	}
	return x509.ParseCertificate(der)
}

// The precertificate is signed by the issuer that the entry names, and without its poison it is
// what was logged.
func (e *entry) checkPrecert() error {
	if e.timestamped.EntryType != ct.PrecertLogEntryType || len(e.issuers) == 0 {
		return errors.New("not a precertificate with its issuers")
	}
	c, err := x509.ParseCertificate(e.precert.Data)
	if x509.IsFatal(err) {
		return err
	}
	if err := c.CheckSignatureFrom(e.issuers[0]); err != nil {
		return err
	}
	tbs, err := x509.BuildPrecertTBS(c.RawTBSCertificate, nil)
	if err != nil {
		return err
	}
	logged := e.timestamped.PrecertEntry
	if !bytes.Equal(tbs, logged.TBSCertificate) ||
		sha256.Sum256(e.issuers[0].RawSubjectPublicKeyInfo) != logged.IssuerKeyHash {
		return errors.New("the entry is not its precertificate's")
	}
	return nil
}
