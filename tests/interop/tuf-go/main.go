// A peer of tenmint-tuf and tenmint trust, built on go-tuf.
//
//	tuf-go read CACHE URL ROOT TARGET FILE   refresh, then download TARGET to FILE
//	tuf-go write DIR                         a repository in DIR/repository, or its next version
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	tuf "github.com/theupdateframework/go-tuf"
	"github.com/theupdateframework/go-tuf/client"
	filejsonstore "github.com/theupdateframework/go-tuf/client/filejsonstore"
	"github.com/theupdateframework/go-tuf/data"
	"github.com/theupdateframework/go-tuf/pkg/keys"
	"github.com/theupdateframework/go-tuf/pkg/targets"
)

type destination struct{ *os.File }

func (d destination) Delete() error { return os.Remove(d.Name()) }

// open gives a client that knows ROOT, or what its cache knows from an earlier run.
func open(cache, url, root string) (*client.Client, error) {
	local, err := filejsonstore.NewFileJSONStore(cache)
	if err != nil {
		return nil, err
	}
	remote, err := client.HTTPRemoteStore(url, nil, nil)
	if err != nil {
		return nil, err
	}
	c := client.NewClient(local, remote)
	known, err := local.GetMeta()
	if err != nil || known["root.json"] != nil {
		return c, err
	}
	first, err := os.ReadFile(root)
	if err != nil {
		return nil, err
	}
	return c, c.Init(first)
}

func read(cache, url, root, target, file string) error {
	c, err := open(cache, url, root)
	if err != nil {
		return err
	}
	if _, err = c.Update(); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err = c.Download(target, destination{f}); err != nil {
		return err
	}
	return f.Close()
}

type repository struct {
	*tuf.Repo
	store tuf.LocalStore
	dir   string
}

func (r repository) stage(path, text string) error {
	full := filepath.Join(r.dir, "staged", "targets", filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return err
	}
	return os.WriteFile(full, []byte(text), 0o644)
}

// commit signs what is staged for the online roles, and publishes.
func (r repository) commit() error {
	if err := r.Snapshot(); err != nil {
		return err
	}
	if err := r.Timestamp(); err != nil {
		return err
	}
	return r.Commit()
}

func (r repository) delegate(role data.DelegatedRole, signer keys.Signer) error {
	if err := r.store.SaveSigner(role.Name, signer); err != nil {
		return err
	}
	public := signer.PublicData()
	role.KeyIDs = public.IDs()
	return r.AddDelegatedRole("targets", role, []*data.PublicKey{public})
}

// first: every kind of key, a threshold, a delegation by paths, sixteen hash bins.
func (r repository) first() error {
	if err := r.Init(true); err != nil {
		return err
	}
	for _, k := range []struct {
		role   string
		scheme data.KeyScheme
	}{
		{"root", data.KeySchemeEd25519},
		{"root", data.KeySchemeECDSA_SHA2_P256},
		{"targets", data.KeySchemeRSASSA_PSS_SHA256},
		{"snapshot", data.KeySchemeECDSA_SHA2_P256},
		{"timestamp", data.KeySchemeEd25519},
	} {
		if _, err := r.GenKeyWithSchemeAndExpires(k.role, data.DefaultExpires(k.role), k.scheme); err != nil {
			return err
		}
	}
	if err := r.SetThreshold("root", 2); err != nil {
		return err
	}
	if err := r.stage("top.txt", "top"); err != nil {
		return err
	}
	if err := r.AddTarget("top.txt", json.RawMessage(`{"note": "é\n"}`)); err != nil {
		return err
	}
	project, err := keys.GenerateEcdsaKey()
	if err != nil {
		return err
	}
	role := data.DelegatedRole{Name: "project", Paths: []string{"project/*.txt"}, Threshold: 1, Terminating: true}
	if err := r.delegate(role, project); err != nil {
		return err
	}
	if err := r.bins(); err != nil {
		return err
	}
	paths := map[string]string{"project/a.txt": "delegated"}
	for i := 0; i < 40; i++ {
		path := fmt.Sprintf("bins/%d", i)
		paths[path] = path
	}
	for path, text := range paths {
		if err := r.stage(path, text); err != nil {
			return err
		}
		if err := r.AddTarget(path, nil); err != nil {
			return err
		}
	}
	return r.commit()
}

func (r repository) bins() error {
	bins, err := targets.NewHashBins("bin-", 4)
	if err != nil {
		return err
	}
	signer, err := keys.GenerateEd25519Key()
	if err != nil {
		return err
	}
	for i := uint64(0); i < bins.NumBins(); i++ {
		bin := bins.GetBin(i)
		role := data.DelegatedRole{Name: bin.RoleName(), PathHashPrefixes: bin.HashPrefixes(), Threshold: 1}
		if err := r.delegate(role, signer); err != nil {
			return err
		}
	}
	return nil
}

// next: a root key goes, another comes, and a target changes.
func (r repository) next() error {
	old, err := r.RootKeys()
	if err != nil {
		return err
	}
	if _, err := r.GenKeyWithSchemeAndExpires("root", data.DefaultExpires("root"), data.KeySchemeRSASSA_PSS_SHA256); err != nil {
		return err
	}
	if err := r.RevokeKey("root", old[0].IDs()[0]); err != nil {
		return err
	}
	if err := r.stage("top.txt", "newer"); err != nil {
		return err
	}
	if err := r.AddTargetToPreferredRole("top.txt", nil, "targets"); err != nil {
		return err
	}
	return r.commit()
}

func write(dir string) error {
	store := tuf.FileSystemStore(dir, nil)
	repo, err := tuf.NewRepoIndent(store, "", " ")
	if err != nil {
		return err
	}
	r := repository{repo, store, dir}
	if _, err := os.Stat(filepath.Join(dir, "repository", "timestamp.json")); err == nil {
		return r.next()
	}
	return r.first()
}

func run(args []string) error {
	switch {
	case len(args) == 6 && args[0] == "read":
		return read(args[1], args[2], args[3], args[4], args[5])
	case len(args) == 2 && args[0] == "write":
		return write(args[1])
	}
	return errors.New("usage: tuf-go read CACHE URL ROOT TARGET FILE | tuf-go write DIR")
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "tuf-go:", err)
		os.Exit(1)
	}
}
