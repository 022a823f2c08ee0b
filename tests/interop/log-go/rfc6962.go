package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/client"
	"github.com/google/certificate-transparency-go/jsonclient"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

type auditor struct {
	ctx     context.Context
	log     *client.LogClient
	head    *treeHead
	entries []*entry
	hashes  tlog.HashReader
}

// CheckRFC6962: the read API tells of the same tree as the tiles.
func checkRFC6962(ctx context.Context, url, key string, head *treeHead, entries []*entry, l *tiledLog) error {
	c, err := client.New(url, http.DefaultClient, jsonclient.Options{PublicKey: key})
	if err != nil {
		return err
	}
	a := &auditor{ctx, c, head, entries, tlog.TileHashReader(head.Tree, l)}
	sth, err := c.GetSTH(ctx) // its signature is checked
	if err != nil {
		return err
	}
	if sth.TreeSize != uint64(head.N) || tlog.Hash(sth.SHA256RootHash) != head.Hash {
		return fmt.Errorf("get-sth has %d entries, the checkpoint %d", sth.TreeSize, head.N)
	}
	for _, step := range []func() error{a.getRoots, a.getEntries, a.getProofs, a.getConsistency, a.refusals} {
		if err := step(); err != nil {
			return err
		}
	}
	fmt.Printf("RFC 6962: the same %d entries, proofs of each, consistency\n", len(entries))
	return nil
}

func (a *auditor) getRoots() error {
	roots, err := a.log.GetAcceptedRoots(a.ctx)
	if err != nil {
		return err
	}
	for i, e := range a.entries {
		found := false
		for _, r := range roots {
			found = found || bytes.Equal(r.Data, e.issuers[len(e.issuers)-1].Raw)
		}
		if !found {
			return fmt.Errorf("entry %d is under none of %d roots", i, len(roots))
		}
	}
	return nil
}

// An entry of the API against the tiles' of the same number.
func (a *auditor) same(i int64, leaf *ct.LeafEntry) error {
	want := a.entries[i]
	if tlog.Hash(tlog.RecordHash(leaf.LeafInput)) != want.hash {
		return fmt.Errorf("entry %d is not the tiles'", i)
	}
	got, err := ct.RawLogEntryFromLeaf(i, leaf)
	if err != nil {
		return fmt.Errorf("entry %d: %w", i, err)
	}
	if !bytes.Equal(got.Cert.Data, want.precert.Data) || len(got.Chain) != len(want.issuers) {
		return fmt.Errorf("entry %d has another precertificate or chain", i)
	}
	for k := range got.Chain {
		if !bytes.Equal(got.Chain[k].Data, want.issuers[k].Raw) {
			return fmt.Errorf("entry %d has another chain", i)
		}
	}
	_, err = got.ToLogEntry()
	return err
}

func (a *auditor) getEntries() error {
	for i := int64(0); i < a.head.N; {
		rsp, err := a.log.GetRawEntries(a.ctx, i, a.head.N-1)
		if err != nil {
			return err
		}
		if len(rsp.Entries) == 0 || int64(len(rsp.Entries)) > a.head.N-i {
			return fmt.Errorf("%d entries from %d on", len(rsp.Entries), i)
		}
		for k := range rsp.Entries {
			if err := a.same(i, &rsp.Entries[k]); err != nil {
				return err
			}
			i++
		}
	}
	return nil
}

// Proofs of each entry in the whole tree, and of some in older ones.
func (a *auditor) getProofs() error {
	for i := int64(0); i < a.head.N; i++ {
		size := a.head.N
		if i%5 == 0 {
			size = i + 1 + (a.head.N-i-1)/3
		}
		root, err := tlog.TreeHash(size, a.hashes)
		if err != nil {
			return err
		}
		hash := a.entries[i].hash
		byHash, err := a.log.GetProofByHash(a.ctx, hash[:], uint64(size))
		if err != nil {
			return err
		}
		whole, err := a.log.GetEntryAndProof(a.ctx, uint64(i), uint64(size))
		if err != nil {
			return err
		}
		if byHash.LeafIndex != i {
			return fmt.Errorf("entry %d found at %d", i, byHash.LeafIndex)
		}
		if err := a.same(i, &ct.LeafEntry{LeafInput: whole.LeafInput, ExtraData: whole.ExtraData}); err != nil {
			return err
		}
		for _, path := range [][][]byte{byHash.AuditPath, whole.AuditPath} {
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(i), uint64(size), hash[:], path, root[:]); err != nil {
				return fmt.Errorf("entry %d in %d: %w", i, size, err)
			}
		}
	}
	return nil
}

func (a *auditor) getConsistency() error {
	for old := int64(1); old <= a.head.N; old += 1 + old/4 {
		root, err := tlog.TreeHash(old, a.hashes)
		if err != nil {
			return err
		}
		path, err := a.log.GetSTHConsistency(a.ctx, uint64(old), uint64(a.head.N))
		if err != nil {
			return err
		}
		if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(old), uint64(a.head.N), path, root[:], a.head.Hash[:]); err != nil {
			return fmt.Errorf("from %d: %w", old, err)
		}
	}
	return nil
}

// What a log has to refuse comes back as the client's error with the log's status.
func (a *auditor) refusals() error {
	status := func(err error) int {
		var rsp jsonclient.RspError
		if errors.As(err, &rsp) {
			return rsp.StatusCode
		}
		return 0
	}
	_, beyond := a.log.GetEntryAndProof(a.ctx, uint64(a.head.N), uint64(a.head.N))
	_, unknown := a.log.GetProofByHash(a.ctx, make([]byte, 32), uint64(a.head.N))
	_, foreign := a.log.AddPreChain(a.ctx, []ct.ASN1Cert{{Data: a.entries[0].precert.Data}})
	got := []int{status(beyond), status(unknown), status(foreign)}
	want := []int{http.StatusBadRequest, http.StatusNotFound, http.StatusForbidden}
	for i := range want {
		if got[i] != want[i] {
			return fmt.Errorf("refusals have status %v, want %v", got, want)
		}
	}
	return nil
}
