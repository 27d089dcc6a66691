package submission

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/curlpipe/curlpipe/harness/upstream/series"
)

// BuildFirst builds libcurl with the first n patches of a series, by
// scripts/build-libcurl of a checkout with the further arguments. Finished builds
// come from the cache.
func BuildFirst(checkout, patches string, n int, arguments []string) error {
	variant := []string{"--variant", "stock"}
	if n > 0 {
		list, err := series.Read(patches)
		if err != nil {
			return err
		}
		shorter, err := os.MkdirTemp("", "curlpipe-series-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(shorter)
		var names strings.Builder
		for _, p := range list[:n] {
			names.WriteString(p.Name + "\n")
			if err := os.Symlink(p.Path, filepath.Join(shorter, p.Name)); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(shorter, "series"), []byte(names.String()), 0o600); err != nil {
			return err
		}
		variant = []string{"--variant", "patched", "--patches", shorter}
	}
	said, err := exec.Command(filepath.Join(checkout, "scripts", "build-libcurl"), append(variant, arguments...)...).CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(said)), "\n")
		return errors.New(lines[len(lines)-1] + " (" + strconv.Itoa(n) + " patches)")
	}
	return nil
}
