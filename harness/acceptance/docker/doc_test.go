// Package docker_test holds the image, the compose file and the workflows of
// the hosted CI to what they are for.
package docker_test

import (
	"fmt"
	"os"
	"testing"
)

// TestMain goes to the folder that the tests are about.
func TestMain(m *testing.M) {
	if err := os.Chdir("../../../docker"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
