// siglog-go read URL ORIGIN KEY: Rekor's own reader, and tessera's of entry bundles, read a whole log:
// every tile and entry leads to the root that the checkpoint signs. Prints the size.
//
// siglog-go enter URL ORIGIN KEY: Rekor's own writer enters a signature of a new key, and its verifier
// checks the answer: checkpoint and inclusion proof.
//
// siglog-go verify TRUSTED-ROOT BUNDLE ARTIFACT IDENTITY ISSUER: sigstore-go verifies a bundle, with
// an entry, a timestamp and an SCT.
package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	pbs "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/rekor-tiles/v2/pkg/client/read"
	"github.com/sigstore/rekor-tiles/v2/pkg/client/write"
	pb "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	"github.com/sigstore/rekor-tiles/v2/pkg/note"
	rekor "github.com/sigstore/rekor-tiles/v2/pkg/verify"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
)

func verifierOf(file string) (signature.Verifier, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	key, err := cryptoutils.UnmarshalPEMToPublicKey(text)
	if err != nil {
		return nil, err
	}
	return signature.LoadVerifier(key, crypto.SHA256)
}

func width(size, index uint64) uint8 { // 0: a full tile
	if size-index*256 >= 256 {
		return 0
	}
	return uint8(size - index*256)
}

// A level's tile holds what the leaves below it hash to.
func checkTile(ctx context.Context, c read.Client, index uint64, w uint8, hashes [][]byte) error {
	tile, err := c.ReadTile(ctx, 0, index, w)
	if err != nil {
		return err
	}
	var t api.HashTile
	if err := t.UnmarshalText(tile); err != nil {
		return err
	}
	for i, h := range hashes {
		if i >= len(t.Nodes) || string(t.Nodes[i]) != string(h) {
			return fmt.Errorf("tile %d: hash %d is not the entry's", index, i)
		}
	}
	return nil
}

func readLog(url, origin, key string) error {
	ctx := context.Background()
	v, err := verifierOf(key)
	if err != nil {
		return err
	}
	c, err := read.NewReader(url, origin, v)
	if err != nil {
		return err
	}
	head, _, err := c.ReadCheckpoint(ctx)
	if err != nil {
		return err
	}
	tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for i := uint64(0); i*256 < head.Size; i++ {
		w := width(head.Size, i)
		text, err := c.ReadEntryBundle(ctx, i, w)
		if err != nil {
			return err
		}
		var b api.EntryBundle
		if err := b.UnmarshalText(text); err != nil {
			return err
		}
		var hashes [][]byte
		for _, entry := range b.Entries {
			h := rfc6962.DefaultHasher.HashLeaf(entry)
			hashes = append(hashes, h)
			if err := tree.Append(h, nil); err != nil {
				return err
			}
		}
		if err := checkTile(ctx, c, i, w, hashes); err != nil {
			return err
		}
	}
	got, err := tree.GetRootHash(nil)
	if err != nil {
		return err
	}
	if tree.End() != head.Size || string(got) != string(head.Hash) {
		return fmt.Errorf("%d entries of %d, and another root", tree.End(), head.Size)
	}
	fmt.Println("entries", head.Size)
	return nil
}

func enter(url, origin, key string) error {
	v, err := verifierOf(key)
	if err != nil {
		return err
	}
	noteVerifier, err := note.NewNoteVerifier(origin, v)
	if err != nil {
		return err
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(time.Now().String()))
	sig, err := ecdsa.SignASN1(rand.Reader, signer, digest[:])
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return err
	}
	w, err := write.NewWriter(url)
	if err != nil {
		return err
	}
	entry, err := w.Add(context.Background(), &pb.HashedRekordRequestV002{
		Digest: digest[:],
		Signature: &pb.Signature{Content: sig, Verifier: &pb.Verifier{
			Verifier:   &pb.Verifier_PublicKey{PublicKey: &pb.PublicKey{RawBytes: der}},
			KeyDetails: pbs.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256}},
	})
	if err != nil {
		return err
	}
	if err := rekor.VerifyLogEntry(entry, noteVerifier); err != nil {
		return err
	}
	fmt.Println("entered", entry.LogIndex)
	return nil
}

func verifyBundle(rootFile, bundleFile, artifact, identity, issuer string) error {
	trusted, err := root.NewTrustedRootFromPath(rootFile)
	if err != nil {
		return err
	}
	b, err := bundle.LoadJSONFromPath(bundleFile)
	if err != nil {
		return err
	}
	v, err := verify.NewVerifier(trusted, verify.WithTransparencyLog(1), verify.WithSignedTimestamps(1),
		verify.WithSignedCertificateTimestamps(1))
	if err != nil {
		return err
	}
	who, err := verify.NewShortCertificateIdentity(issuer, "", identity, "")
	if err != nil {
		return err
	}
	file, err := os.Open(artifact)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = v.Verify(b, verify.NewPolicy(verify.WithArtifact(file), verify.WithCertificateIdentity(who)))
	if err == nil {
		fmt.Println("sigstore-go accepted", identity)
	}
	return err
}

func run(args []string) error {
	switch {
	case len(args) == 4 && args[0] == "read":
		return readLog(args[1], args[2], args[3])
	case len(args) == 4 && args[0] == "enter":
		return enter(args[1], args[2], args[3])
	case len(args) == 6 && args[0] == "verify":
		return verifyBundle(args[1], args[2], args[3], args[4], args[5])
	}
	return errors.New("usage: siglog-go read|enter|verify …")
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "siglog-go:", err)
		os.Exit(1)
	}
}
