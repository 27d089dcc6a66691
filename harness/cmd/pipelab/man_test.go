package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// eachCommand calls a function for a command and all commands below it.
func eachCommand(command *cobra.Command, do func(*cobra.Command)) {
	do(command)
	for _, sub := range command.Commands() {
		eachCommand(sub, do)
	}
}

// Each command has a page that names each of its flags, and there is no other
// page.
func TestManualPages(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "man", "man1")
	code, stdout, stderr := pipelab("man", folder)
	require.Equal(t, exitExpected, code, stderr)
	require.Empty(t, stdout+stderr)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	found := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		require.NoError(t, err)
		found[e.Name()] = string(text)
	}
	root := rootCommand()
	root.InitDefaultCompletionCmd()
	commands := 0
	eachCommand(root, func(command *cobra.Command) {
		commands++
		page := found[strings.ReplaceAll(command.CommandPath(), " ", "-")+".1"]
		require.Contains(t, page, command.Short)
		command.Flags().VisitAll(func(f *pflag.Flag) {
			require.Contains(t, page, `\fB--`+f.Name+`\fP`, command.CommandPath())
		})
		if command.HasParent() {
			require.Contains(t, found[strings.ReplaceAll(command.Parent().CommandPath(), " ", "-")+".1"],
				strings.ReplaceAll(command.CommandPath(), " ", "-")+"(1)")
		}
	})
	require.Len(t, found, commands)
}

func TestManualPagesHaveNowhereToGo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	code, stdout, stderr := pipelab("man", filepath.Join(file, "man1"))
	require.Equal(t, exitCannotRun, code)
	requireOneLine(t, stdout, stderr)
	require.Contains(t, stderr, "making the folder of the manual pages")
}

// cobra provides completion and the version.
func TestCompletionAndVersion(t *testing.T) {
	for _, shell := range []string{"bash", "fish", "zsh"} {
		code, stdout, stderr := pipelab("completion", shell)
		require.Equal(t, exitExpected, code, stderr)
		require.Contains(t, stdout, "pipelab")
	}
	code, stdout, stderr := pipelab("--version")
	require.Equal(t, exitExpected, code, stderr)
	require.Regexp(t, `^pipelab version .*go1\.`, stdout)
}
