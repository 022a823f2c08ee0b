// go-tuf v2 as a reader, set up as cosign's client (sigstore-go) does.
//
//	tuf-go2 read CACHE URL ROOT TARGET FILE   refresh, then download TARGET to FILE
package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

func read(cache, base, root, target, file string) error {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	trusted, err := os.ReadFile(root)
	if err != nil {
		return err
	}
	base = strings.TrimSuffix(base, "/")
	cfg, err := config.New(base, trusted)
	if err != nil {
		return err
	}
	cfg.LocalMetadataDir = cache
	cfg.LocalTargetsDir = filepath.Join(cache, "targets")
	cfg.RemoteTargetsURL, err = url.JoinPath(base, "targets")
	if err != nil {
		return err
	}
	cfg.PrefixTargetsWithHash = true
	u, err := updater.New(cfg)
	if err != nil {
		return err
	}
	if err = u.Refresh(); err != nil {
		return err
	}
	info, err := u.GetTargetInfo(target)
	if err != nil {
		return err
	}
	_, data, err := u.DownloadTarget(info, file, "")
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

func main() {
	if len(os.Args) != 7 || os.Args[1] != "read" {
		fmt.Fprintln(os.Stderr, "usage: tuf-go2 read CACHE URL ROOT TARGET FILE")
		os.Exit(2)
	}
	if err := read(os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
