// Package docker_test checks the image, the compose file and the workflows of
// the hosted CI.
package docker_test

import (
	"fmt"
	"os"
	"testing"
)

// TestMain enters the folder that the tests check.
func TestMain(m *testing.M) {
	if err := os.Chdir("../../../docker"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
