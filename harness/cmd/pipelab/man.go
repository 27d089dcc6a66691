package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/curlpipe/curlpipe/harness/show/report"
)

// manSection is the section of user commands.
const manSection = "1"

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man FOLDER",
		Short: "Write the manual pages",
		Long: "Writes a manual page for pipelab and for each of its commands into a folder, which is created if necessary.\n" +
			"man(1) finds pages in ~/.local/share/man/man1, for one user, and in /usr/local/share/man/man1, for all.\n" +
			"It shows a page in any other folder if you give the path of the page.",
		Example: "  pipelab man ~/.local/share/man/man1\n" +
			"  man pipelab-run",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			if err := os.MkdirAll(arguments[0], 0o755); err != nil {
				return cannotRun(fmt.Errorf("making the folder of the manual pages: %w", err))
			}
			return writeManual(command.Root(), arguments[0])
		},
	}
}

// writeManual writes the pages of a command and of its subcommands.
func writeManual(command *cobra.Command, folder string) error {
	for _, sub := range command.Commands() {
		if !sub.IsAvailableCommand() {
			continue
		}
		if err := writeManual(sub, folder); err != nil {
			return err
		}
	}
	header := doc.GenManHeader{Section: manSection, Source: "curlpipe", Manual: "pipelab"}
	path := filepath.Join(folder, strings.ReplaceAll(command.CommandPath(), " ", "-")+"."+manSection)
	// GenMan inherits this setting only from parent commands.
	command.DisableAutoGenTag = true
	if err := report.WriteFile(path, func(w io.Writer) error { return doc.GenMan(command, &header, w) }); err != nil {
		return cannotRun(err)
	}
	return nil
}
