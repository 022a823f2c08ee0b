// go-tuf v2: a reader, set up as cosign's client (sigstore-go) does, and a writer.
//
//	tuf-go2 refresh CACHE URL ROOT            bring the cache up to date
//	tuf-go2 read CACHE URL ROOT TARGET FILE   refresh, then download TARGET to FILE
//	tuf-go2 write DIR                         a tree in DIR/from, its private keys in DIR/keys
package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

func refresh(cache, base, root string) (*updater.Updater, error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	trusted, err := os.ReadFile(root)
	if err != nil {
		return nil, err
	}
	base = strings.TrimSuffix(base, "/")
	cfg, err := config.New(base, trusted)
	if err != nil {
		return nil, err
	}
	cfg.LocalMetadataDir = cache
	cfg.LocalTargetsDir = filepath.Join(cache, "targets")
	cfg.RemoteTargetsURL, err = url.JoinPath(base, "targets")
	if err != nil {
		return nil, err
	}
	cfg.PrefixTargetsWithHash = true
	u, err := updater.New(cfg)
	if err != nil {
		return nil, err
	}
	return u, u.Refresh()
}

func read(cache, base, root, target, file string) error {
	u, err := refresh(cache, base, root)
	if err != nil {
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

func run(args []string) error {
	switch {
	case len(args) == 6 && args[0] == "read":
		return read(args[1], args[2], args[3], args[4], args[5])
	case len(args) == 4 && args[0] == "refresh":
		_, err := refresh(args[1], args[2], args[3])
		return err
	case len(args) == 2 && args[0] == "write":
		return write(args[1])
	default:
		return errors.New("usage: tuf-go2 refresh CACHE URL ROOT | read CACHE URL ROOT TARGET FILE | write DIR")
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
