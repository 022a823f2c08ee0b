// policy-controller's own code on a TrustRoot manifest of ours: its strict types, its validation, and
// what its reconciler does next with the one of three forms that the manifest has.
//
//	policy-controller MANIFEST WANTED   WANTED: the trusted_root.json that must come of it
package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/sigstore/policy-controller/pkg/apis/config"
	"github.com/sigstore/policy-controller/pkg/apis/policy/v1alpha1"
	"github.com/sigstore/policy-controller/pkg/tuf"
	pbtrustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"github.com/theupdateframework/go-tuf/client"
	"google.golang.org/protobuf/encoding/protojson"
	"sigs.k8s.io/yaml"
)

type download struct{ bytes.Buffer }

func (d *download) Delete() error { return nil }

func fromTUF(c *client.Client, wanted []byte) error {
	var got download
	if err := c.Download("trusted_root.json", &got); err != nil {
		return err
	}
	if !bytes.Equal(got.Bytes(), wanted) {
		return errors.New("another trusted_root.json")
	}
	return protojson.Unmarshal(got.Bytes(), &pbtrustroot.TrustedRoot{})
}

func fromKeys(ctx context.Context, keys *v1alpha1.SigstoreKeys, wanted []byte) error {
	got, err := config.ConvertSigstoreKeys(ctx, keys)
	if err != nil {
		return err
	}
	var want pbtrustroot.TrustedRoot
	if err := protojson.Unmarshal(wanted, &want); err != nil {
		return err
	}
	counts := func(r *pbtrustroot.TrustedRoot) [4]int {
		return [4]int{len(r.CertificateAuthorities), len(r.Tlogs), len(r.Ctlogs), len(r.TimestampAuthorities)}
	}
	if counts(got) != counts(&want) {
		return fmt.Errorf("%v authorities, logs, CT logs, timestamp authorities, not %v", counts(got), counts(&want))
	}
	for i, log := range got.Tlogs { // its ids are hexadecimal text, of the key alone
		if string(log.LogId.KeyId) != hex.EncodeToString(want.Tlogs[i].LogId.KeyId) {
			return errors.New("another log of signatures")
		}
	}
	return nil
}

func run(manifest, wantedFile string) error {
	text, err := os.ReadFile(manifest)
	if err != nil {
		return err
	}
	wanted, err := os.ReadFile(wantedFile)
	if err != nil {
		return err
	}
	var r v1alpha1.TrustRoot
	if err := yaml.UnmarshalStrict(text, &r); err != nil {
		return err
	}
	ctx := context.Background()
	r.SetDefaults(ctx)
	if err := r.Validate(ctx); err != nil {
		return err
	}
	switch {
	case r.Spec.SigstoreKeys != nil:
		return fromKeys(ctx, r.Spec.SigstoreKeys, wanted)
	case r.Spec.Repository != nil:
		s := r.Spec.Repository
		c, err := tuf.ClientFromSerializedMirror(ctx, s.MirrorFS, s.Root, s.Targets, v1alpha1.DefaultTUFRepoPrefix)
		if err != nil {
			return err
		}
		return fromTUF(c, wanted)
	default:
		s := r.Spec.Remote
		c, err := tuf.ClientFromRemote(ctx, s.Mirror.String(), s.Root, s.Targets)
		if err != nil {
			return err
		}
		return fromTUF(c, wanted)
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: policy-controller MANIFEST WANTED")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "policy-controller:", err)
		os.Exit(1)
	}
}
