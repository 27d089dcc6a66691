// Package ctest compiles the C programs that tests run. Only tests import it.
package ctest

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Main runs the tests of a package that needs C programs; its TestMain calls it.
// Main calls build with a folder to compile into, runs the tests, removes the
// folder and returns the exit code. If build fails, Main prints the error and
// runs no test.
func Main(m *testing.M, build func(folder string) error) int {
	folder, err := os.MkdirTemp("", "ctest-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot make a folder to compile into:", err)
		return 1
	}
	defer os.RemoveAll(folder)
	if err := build(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Sanitize are the flags of gcc for AddressSanitizer and
// UndefinedBehaviorSanitizer. A program that misbehaves under either of them ends
// at once.
var Sanitize = []string{"-fsanitize=address,undefined", "-fno-sanitize-recover=all"}

// Compile makes the file output of the C sources with gcc, at -O1 unless the
// flags say otherwise, with warnings as errors. Libraries are given among the
// flags. The error contains the command and gcc's output.
func Compile(output string, sources []string, flags ...string) error {
	arguments := append([]string{"-Wall", "-Wextra", "-Werror", "-O1", "-g", "-o", output}, sources...)
	compiler := exec.Command("gcc", append(arguments, flags...)...)
	if printed, err := compiler.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", compiler.Args, err, printed)
	}
	return nil
}
