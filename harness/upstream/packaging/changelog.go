package packaging

import (
	"fmt"
	"net/mail"
	"path/filepath"

	"github.com/goreleaser/chglog"

	"github.com/curlpipe/curlpipe/harness/build/library"
)

// changeLog writes the change log in nfpm's format, and returns the path of the
// file. It has one entry, the release with its patches, newest first.
func (p *Package) changeLog(manifest *library.Manifest, folder string) (string, error) {
	if _, err := mail.ParseAddress(p.Packager); err != nil {
		return "", fmt.Errorf("the packager %q is not of the form \"Name <address>\": %w", p.Packager, err)
	}
	entry := &chglog.ChangeLog{Semver: packageVersion(manifest), Packager: p.Packager}
	for _, c := range p.Changes {
		if c.Date.After(entry.Date) {
			entry.Date = c.Date
		}
		entry.Changes = append(entry.Changes, &chglog.ChangeLogChange{Note: c.Subject})
	}
	path := filepath.Join(folder, "changelog.yaml")
	entries := chglog.ChangeLogEntries{entry}
	if err := entries.Save(path); err != nil {
		return "", fmt.Errorf("writing the change log of a package: %w", err)
	}
	return path, nil
}
