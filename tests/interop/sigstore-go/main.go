// sigstore-go as a program of its own would use it: nothing but a TUF root and its mirror.
//
//	sigstore-go sign CACHE MIRROR ROOT TOKEN-FILE FILE BUNDLE     signs FILE
//	sigstore-go attest CACHE MIRROR ROOT TOKEN-FILE FILE BUNDLE   FILE is an in-toto statement
//	sigstore-go verify CACHE MIRROR ROOT BUNDLE ARTIFACT IDENTITY ISSUER
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"github.com/sigstore/sigstore-go/pkg/tuf"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"google.golang.org/protobuf/encoding/protojson"
)

func open(cache, mirror, rootFile string) (*tuf.Client, error) {
	trusted, err := os.ReadFile(rootFile)
	if err != nil {
		return nil, err
	}
	return tuf.New(tuf.DefaultOptions().WithRoot(trusted).WithRepositoryBaseURL(mirror).WithCachePath(cache))
}

// services adds what the signing configuration names to o.
func services(client *tuf.Client, token string, o *sign.BundleOptions) error {
	config, err := root.GetSigningConfig(client)
	if err != nil {
		return err
	}
	now := time.Now()
	ca, err := root.SelectService(config.FulcioCertificateAuthorityURLs(), sign.FulcioAPIVersions, now)
	if err != nil {
		return err
	}
	o.CertificateProvider = sign.NewFulcio(&sign.FulcioOptions{BaseURL: ca.URL, Timeout: 30 * time.Second})
	o.CertificateProviderOptions = &sign.CertificateProviderOptions{IDToken: token}
	tsas, err := root.SelectServices(config.TimestampAuthorityURLs(), config.TimestampAuthorityURLsConfig(),
		sign.TimestampAuthorityAPIVersions, now)
	if err != nil {
		return err
	}
	for _, s := range tsas {
		tsa := sign.NewTimestampAuthority(&sign.TimestampAuthorityOptions{URL: s.URL, Timeout: 30 * time.Second})
		o.TimestampAuthorities = append(o.TimestampAuthorities, tsa)
	}
	logs, err := root.SelectServices(config.RekorLogURLs(), config.RekorLogURLsConfig(), sign.RekorAPIVersions, now)
	if err != nil {
		return err
	}
	for _, s := range logs {
		log := sign.NewRekor(&sign.RekorOptions{BaseURL: s.URL, Timeout: 60 * time.Second, Version: s.MajorAPIVersion})
		o.TransparencyLogs = append(o.TransparencyLogs, log)
	}
	return nil
}

func signFile(client *tuf.Client, attest bool, tokenFile, file, out string) error {
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var content sign.Content = &sign.PlainData{Data: data}
	if attest {
		content = &sign.DSSEData{Data: data, PayloadType: "application/vnd.in-toto+json"}
	}
	keypair, err := sign.NewEphemeralKeypair(nil)
	if err != nil {
		return err
	}
	o := sign.BundleOptions{}
	if o.TrustedRoot, err = root.GetTrustedRoot(client); err != nil {
		return err
	}
	if err := services(client, string(bytes.TrimSpace(token)), &o); err != nil {
		return err
	}
	b, err := sign.Bundle(content, keypair, o) // it verifies what it made
	if err != nil {
		return err
	}
	text, err := protojson.Marshal(b)
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644)
}

func verifyFile(client *tuf.Client, bundleFile, artifact, identity, issuer string) error {
	trusted, err := root.GetTrustedRoot(client)
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
	data, err := os.ReadFile(artifact)
	if err != nil {
		return err
	}
	_, err = v.Verify(b, verify.NewPolicy(verify.WithArtifact(bytes.NewReader(data)), verify.WithCertificateIdentity(who)))
	return err
}

func run(args []string) error {
	if len(args) < 7 {
		return errors.New("usage: sigstore-go sign|attest|verify CACHE MIRROR ROOT …")
	}
	client, err := open(args[1], args[2], args[3])
	if err != nil {
		return err
	}
	switch {
	case len(args) == 7 && (args[0] == "sign" || args[0] == "attest"):
		return signFile(client, args[0] == "attest", args[4], args[5], args[6])
	case len(args) == 8 && args[0] == "verify":
		return verifyFile(client, args[4], args[5], args[6], args[7])
	default:
		return errors.New("usage: sigstore-go sign|attest|verify CACHE MIRROR ROOT …")
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sigstore-go:", err)
		os.Exit(1)
	}
}
