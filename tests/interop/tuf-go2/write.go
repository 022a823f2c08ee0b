package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// A tree in DIR/from as go-tuf writes it; private keys in DIR/keys, as PEM.
type tree struct {
	dir     string
	expires time.Time
	keys    map[string]crypto.Signer
}

func generate(kind string) (crypto.Signer, error) {
	switch kind {
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case "rsa":
		return rsa.GenerateKey(rand.Reader, 2048)
	default:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
}

func (t tree) generate() error {
	for name, kind := range map[string]string{
		"anna": "ed25519", "beth": "p256", "carl": "rsa", "dora": "p256", "paul": "p256", "online": "ed25519",
	} {
		key, err := generate(kind)
		if err != nil {
			return err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		block := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		if err := os.WriteFile(filepath.Join(t.dir, "keys", name+".key"), block, 0o600); err != nil {
			return err
		}
		t.keys[name] = key
	}
	return nil
}

type keyAdder interface {
	AddKey(key *metadata.Key, role string) error
}

func (t tree) allow(who keyAdder, role string, names ...string) error {
	for _, name := range names {
		key, err := metadata.KeyFromPublicKey(t.keys[name].Public())
		if err != nil {
			return err
		}
		if err := who.AddKey(key, role); err != nil {
			return err
		}
	}
	return nil
}

// save signs meta and writes it as NAME below DIR/from/metadata.
func save[T metadata.Roles](t tree, meta *metadata.Metadata[T], name string, signers ...string) error {
	for _, who := range signers {
		load := signature.LoadSigner
		if _, ok := t.keys[who].(*rsa.PrivateKey); ok {
			load = func(key crypto.PrivateKey, hash crypto.Hash) (signature.Signer, error) {
				return signature.LoadRSAPSSSigner(key.(*rsa.PrivateKey), hash, nil)
			}
		}
		signer, err := load(t.keys[who], crypto.SHA256)
		if err != nil {
			return err
		}
		if _, err := meta.Sign(signer); err != nil {
			return err
		}
	}
	return meta.ToFile(filepath.Join(t.dir, "from/metadata", name), true)
}

// Two roots: the second has another third holder; holders of both have signed it.
func (t tree) roots() error {
	for i, third := range []string{"carl", "dora"} {
		root := metadata.Root(t.expires)
		root.Signed.Version = int64(i + 1)
		for role, names := range map[string][]string{
			"root": {"anna", "beth", third}, "targets": {"beth", third}, "snapshot": {"online"}, "timestamp": {"online"},
		} {
			if err := t.allow(&root.Signed, role, names...); err != nil {
				return err
			}
		}
		root.Signed.Roles["root"].Threshold = 2
		if err := save(t, root, fmt.Sprintf("%d.root.json", i+1), "anna", "beth", third); err != nil {
			return err
		}
	}
	return nil
}

func (t tree) target(targets *metadata.TargetsType, path, text string) error {
	info, err := metadata.TargetFile().FromBytes(path, []byte(text), "sha256", "sha512")
	if err != nil {
		return err
	}
	targets.Targets[path] = info
	for _, hash := range info.Hashes {
		full := filepath.Join(t.dir, "from/targets", filepath.Dir(path), hash.String()+"."+filepath.Base(path))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (t tree) targets() error {
	targets := metadata.Targets(t.expires)
	targets.Signed.Version = 4
	targets.Signed.Delegations = &metadata.Delegations{
		Keys:  map[string]*metadata.Key{},
		Roles: []metadata.DelegatedRole{{Name: "project", Threshold: 1, Terminating: true, Paths: []string{"project-*.txt"}}},
	}
	if err := t.allow(&targets.Signed, "project", "paul"); err != nil {
		return err
	}
	if err := t.target(&targets.Signed, "top.txt", "top"); err != nil {
		return err
	}
	project := metadata.Targets(t.expires)
	if err := t.target(&project.Signed, "project-a.txt", "delegated"); err != nil {
		return err
	}
	if err := save(t, project, "1.project.json", "paul"); err != nil {
		return err
	}
	return save(t, targets, "4.targets.json", "dora")
}

func write(dir string) error {
	t := tree{dir, time.Now().UTC().Truncate(time.Second).AddDate(0, 0, 200), map[string]crypto.Signer{}}
	for _, folder := range []string{"keys", "from/metadata", "from/targets"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			return err
		}
	}
	for _, step := range []func() error{t.generate, t.roots, t.targets} {
		if err := step(); err != nil {
			return err
		}
	}
	snapshot := metadata.Snapshot(t.expires)
	snapshot.Signed.Version = 7
	snapshot.Signed.Meta["targets.json"] = metadata.MetaFile(4)
	snapshot.Signed.Meta["project.json"] = metadata.MetaFile(1)
	if err := save(t, snapshot, "7.snapshot.json", "online"); err != nil {
		return err
	}
	timestamp := metadata.Timestamp(t.expires)
	timestamp.Signed.Version = 9
	timestamp.Signed.Meta["snapshot.json"] = metadata.MetaFile(7)
	return save(t, timestamp, "timestamp.json", "online")
}
