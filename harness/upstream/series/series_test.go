package series

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const patchMail = "From: A <a@b.example>\nDate: Mon, 23 Nov 2026 12:00:00 +0000\nSubject: [PATCH] http: do it\nBug: https://github.com/curl/curl/issues/764\n\nwhy\nso\n---\n a | 1 +\n"

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	return folder
}

func TestRead(t *testing.T) {
	folder := write(t, map[string]string{
		"series": "0101-a.patch\n0203-b.patch\n", "0101-a.patch": patchMail, "0203-b.patch": patchMail,
		"proof": "# words\n0101 x/perform z.c/perform y/socket\n0203 none: cannot be seen\n",
	})
	list, err := Read(folder)
	require.NoError(t, err)
	require.Equal(t, Patch{
		Number: 101, Name: "0101-a.patch", Path: filepath.Join(folder, "0101-a.patch"), Author: "A <a@b.example>",
		Date: "Mon, 23 Nov 2026 12:00:00 +0000", Subject: "http: do it", Bug: "https://github.com/curl/curl/issues/764",
		Message: "why\nso", Scenarios: []string{"x/perform", "y/socket"}, Programs: []string{"z.c/perform"},
	}, list[0])
	require.Equal(t, []string{"x/perform", "y/socket", "z.c/perform"}, list[0].Proofs())
	require.Equal(t, "cannot be seen", list[1].Unproven)
}

func TestRefused(t *testing.T) {
	for word, change := range map[string]map[string]string{
		"series cannot be read":             {"series": ""},
		"0101-a.patch":                      {"0101-a.patch": ""},
		"not a mail":                        {"0101-a.patch": "Subject: x\n\nno diff"},
		"series names no patch":             {"series": "\n"},
		"0203-b.patch follows 0301-a.patch": {"series": "0301-a.patch\n0203-b.patch\n", "0301-a.patch": patchMail, "0203-b.patch": patchMail},
		"begins with its number":            {"series": "a.patch\n"},
		"no line \"Bug:\"":                  {"0101-a.patch": "From: A\nDate: B\nSubject: C\n\nx\n---\n"},
		"neither what proves":               {"proof": "# nothing\n"},
		"a line is the number":              {"proof": "0102 x/perform\n"},
		"has a line already":                {"proof": "0101 x/perform\n0101 none: x\n"},
		"what proves the patches":           {"proof": ""},
	} {
		files := map[string]string{"series": "0101-a.patch\n", "0101-a.patch": patchMail, "proof": "0101 x/perform\n"}
		for name, text := range change {
			if text == "" {
				delete(files, name)
			} else {
				files[name] = text
			}
		}
		_, err := Read(write(t, files))
		require.ErrorContains(t, err, word)
	}
}

// TestOwnSeries reads the series of this repository.
func TestOwnSeries(t *testing.T) {
	list, err := Read("../../../patches")
	require.NoError(t, err)
	require.NotEmpty(t, list)
	for _, p := range list {
		require.Regexp(t, fmt.Sprintf("^%04d-", p.Number), p.Name)
	}
}
