package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/upstream/packaging"
)

func packageCommand() *cobra.Command {
	p := packaging.Package{}
	command := &cobra.Command{
		Use:   "package FOLDER",
		Short: "Make a package of a patched libcurl, for dpkg or rpm",
		Long: "Makes a package of a libcurl that scripts/build-libcurl has built, and prints its path. The package is\n" +
			"installed in " + packaging.Root + " and does not affect the system's own libcurl. scripts/package builds the\n" +
			"library and calls this command.",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			return makePackage(command, &p, arguments[0])
		},
	}
	flags := command.Flags()
	flags.StringVar(&p.Format, "format", packaging.Deb, "`FORMAT` of the package: deb or rpm")
	flags.StringVar(&p.Prefix, "prefix", "", "`PREFIX` that scripts/build-libcurl has printed")
	flags.StringVar(&p.Release, "release", "1", "`RELEASE` number of the package, after the version")
	flags.StringVar(&p.Packager, "packager", "", "maintainer of the package: `\"NAME <ADDRESS>\"` (default: the author of the first patch)")
	return command
}

func makePackage(command *cobra.Command, p *packaging.Package, folder string) error {
	if p.Prefix == "" {
		return usage(errors.New("--prefix is needed; scripts/package gives it"))
	}
	if p.Format != packaging.Deb && p.Format != packaging.RPM {
		return usage(fmt.Errorf("--format is deb or rpm, not %q", p.Format))
	}
	found, err := checkout.Find()
	if err != nil {
		return cannotRun(err)
	}
	if err := p.TakeSeries(filepath.Join(found.Folder, "patches")); err != nil {
		return cannotRun(err)
	}
	path, err := p.Write(folder)
	if err != nil {
		return cannotRun(err)
	}
	fmt.Fprintln(command.OutOrStdout(), path)
	return nil
}
