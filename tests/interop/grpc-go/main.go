// A client of the CA made of Fulcio's own generated code and grpc-go: certificates, bundle, configuration,
// health, errors, deadlines, gzip, many calls at once on one connection, and a server that stops.
package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	fulcio "github.com/sigstore/fulcio/pkg/generated/protobuf"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func must(err error) {
	if err != nil {
		fmt.Println("FAIL", err)
		os.Exit(1)
	}
}

func check(ok bool, format string, args ...interface{}) {
	if !ok {
		must(fmt.Errorf(format, args...))
	}
}

type signer struct {
	key   *ecdsa.PrivateKey
	pem   string
	proof []byte
}

func newSigner(subject string) signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	must(err)
	digest := sha256.Sum256([]byte(subject))
	proof, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	must(err)
	return signer{key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), proof}
}

func (s signer) request(token string) *fulcio.CreateSigningCertificateRequest {
	r := &fulcio.CreateSigningCertificateRequest{
		Key: &fulcio.CreateSigningCertificateRequest_PublicKeyRequest{
			PublicKeyRequest: &fulcio.PublicKeyRequest{
				PublicKey: &fulcio.PublicKey{Algorithm: fulcio.PublicKeyAlgorithm_ECDSA, Content: s.pem},
				ProofOfPossession: s.proof,
			}}}
	if token != "" {
		r.Credentials = &fulcio.Credentials{
			Credentials: &fulcio.Credentials_OidcIdentityToken{OidcIdentityToken: token}}
	}
	return r
}

func parse(text string) *x509.Certificate {
	block, _ := pem.Decode([]byte(text))
	check(block != nil, "no PEM: %q", text)
	cert, err := x509.ParseCertificate(block.Bytes)
	must(err)
	return cert
}

// What was issued is for this key, and chains to the bundle.
func (s signer) verify(r *fulcio.SigningCertificate, bundle *fulcio.TrustBundle) {
	chain := r.GetSignedCertificateEmbeddedSct().GetChain().GetCertificates()
	check(len(chain) >= 2, "%d certificates with an embedded SCT", len(chain))
	check(!strings.HasSuffix(chain[0], "\n"), "a final line end")
	leaf := parse(chain[0])
	check(s.key.PublicKey.Equal(leaf.PublicKey), "another's key")
	roots := x509.NewCertPool()
	for _, c := range bundle.Chains[0].Certificates {
		roots.AddCert(parse(c))
	}
	leaf.UnhandledCriticalExtensions = nil
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}})
	must(err)
}

func refused(err error, code codes.Code, words string) {
	s, ok := status.FromError(err)
	check(err != nil && ok && s.Code() == code && strings.Contains(s.Message(), words),
		"want %v '%s', got %v", code, words, err)
}

func untilStopped(ca fulcio.CAClient, token string, s signer) {
	var good, unavailable int32
	var wg sync.WaitGroup
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				_, err := ca.CreateSigningCertificate(ctx, s.request(token))
				cancel()
				if err == nil {
					atomic.AddInt32(&good, 1)
					continue
				}
				// Nobody listens any more: the call was never begun.
				words := "connection refused"
				if strings.Contains(err.Error(), "server preface") {
					words = "server preface"
				}
				refused(err, codes.Unavailable, words)
				atomic.AddInt32(&unavailable, 1)
				return
			}
		}()
	}
	wg.Wait()
	fmt.Printf("%d certificates before the end\n", good)
}

func main() {
	addr := flag.String("addr", "", "HOST:PORT")
	caFile := flag.String("tls", "", "TLS with this CA certificate")
	tokenFile := flag.String("token", "", "file")
	subject := flag.String("subject", "", "of the token")
	drain := flag.Bool("drain", false, "ask until the server has stopped")
	flag.Parse()
	raw, err := os.ReadFile(*tokenFile)
	must(err)
	token := strings.TrimSpace(string(raw))
	creds := insecure.NewCredentials()
	if *caFile != "" {
		creds, err = credentials.NewClientTLSFromFile(*caFile, "localhost")
		must(err)
	}
	conn, err := grpc.Dial(*addr, grpc.WithTransportCredentials(creds),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second}))
	must(err)
	ca := fulcio.NewCAClient(conn)
	s := newSigner(*subject)
	if *drain {
		untilStopped(ca, token, s)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()

	h := health.NewHealthClient(conn)
	watch, err := h.Watch(ctx, &health.HealthCheckRequest{})
	must(err)
	for {
		r, err := watch.Recv()
		must(err)
		if r.Status == health.HealthCheckResponse_SERVING {
			break
		}
	}
	r, err := h.Check(ctx, &health.HealthCheckRequest{Service: "dev.sigstore.fulcio.v2.CA"})
	must(err)
	check(r.Status == health.HealthCheckResponse_SERVING, "not serving")
	_, err = h.Check(ctx, &health.HealthCheckRequest{Service: "nobody"})
	refused(err, codes.NotFound, "unknown service")

	bundle, err := ca.GetTrustBundle(ctx, &fulcio.GetTrustBundleRequest{})
	must(err)
	config, err := ca.GetConfiguration(ctx, &fulcio.GetConfigurationRequest{})
	must(err)
	check(len(config.Issuers) == 1 && config.Issuers[0].Audience == "sigstore", "%v", config)

	one, err := ca.CreateSigningCertificate(ctx, s.request(token))
	must(err)
	s.verify(one, bundle)
	one, err = ca.CreateSigningCertificate(ctx, s.request(token), grpc.UseCompressor(gzip.Name))
	must(err)
	s.verify(one, bundle)
	byMetadata := metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	one, err = ca.CreateSigningCertificate(byMetadata, s.request(""))
	must(err)
	s.verify(one, bundle)

	_, err = ca.CreateSigningCertificate(ctx, s.request("a.b.c"))
	refused(err, codes.InvalidArgument, "There was an error processing the identity token")
	_, err = ca.CreateSigningCertificate(ctx, newSigner("somebody else").request(token))
	refused(err, codes.InvalidArgument, "The signature supplied in the request could not be verified")
	_, err = ca.CreateSigningCertificate(ctx, s.request(strings.Repeat("x", 300000)))
	refused(err, codes.ResourceExhausted, "request body too large")
	refused(conn.Invoke(ctx, "/dev.sigstore.fulcio.v2.CA/Other", one, one), codes.Unimplemented, "")
	short, cancelShort := context.WithTimeout(ctx, time.Microsecond)
	_, err = ca.CreateSigningCertificate(short, s.request(token))
	cancelShort()
	refused(err, codes.DeadlineExceeded, "")

	var wg sync.WaitGroup
	for i := 0; i < 200; i++ { // more than one connection has streams: the client waits for a place
		wg.Add(1)
		go func() {
			defer wg.Done()
			mine := newSigner(*subject)
			r, err := ca.CreateSigningCertificate(ctx, mine.request(token))
			must(err)
			mine.verify(r, bundle)
		}()
	}
	wg.Wait()
	must(conn.Close())
	fmt.Println("ok")
}
