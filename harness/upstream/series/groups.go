package series

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Group is a group of the series, as in the file "groups".
type Group struct {
	Number      string // the first digits of its patches' numbers: "01"
	First, Last string // releases that it supports
	Name        string
}

// Groups reads the groups of the series in a folder, in order.
func Groups(folder string) ([]Group, error) {
	path := filepath.Join(folder, "groups")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the groups of the patch series cannot be read: %w", err)
	}
	var list []Group
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) < 4 {
			return nil, fmt.Errorf("%s: %q is not a number, two releases and a name", path, strings.TrimSpace(line))
		}
		list = append(list, Group{Number: words[0], First: words[1], Last: words[2], Name: strings.Join(words[3:], " ")})
	}
	return list, nil
}
