package stack

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Owner returns the process on this machine that owns the socket with these
// addresses. The local address alone may belong to several sockets. The error wraps
// fs.ErrNotExist if there is no such process or it may not be inspected.
func Owner(local, remote netip.AddrPort) (int, error) {
	inode := ""
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			return 0, fmt.Errorf("looking for the client's process: %w", err)
		}
		if found := inodeOf(string(text), local, remote); found != "" {
			inode = found
		}
	}
	if inode == "" {
		return 0, fmt.Errorf("looking for the client's process: no socket with %s: %w", local, fs.ErrNotExist)
	}
	return holder("socket:[" + inode + "]")
}

// inodeOf finds a connection in the text of /proc/net/tcp or tcp6; empty if it is
// not there.
func inodeOf(table string, local, remote netip.AddrPort) string {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 10 {
			continue
		}
		from, known := parseAddress(fields[1])
		to, alsoKnown := parseAddress(fields[2])
		if known && alsoKnown && from == local && to == remote {
			return fields[9]
		}
	}
	return ""
}

// parseAddress parses the kernel's form: 32-bit words in the machine's byte
// order, a colon and the port, all in hexadecimal digits.
func parseAddress(text string) (netip.AddrPort, bool) {
	digits, port, found := strings.Cut(text, ":")
	number, err := strconv.ParseUint(port, 16, 16)
	if !found || err != nil || len(digits)%8 != 0 {
		return netip.AddrPort{}, false
	}
	var bytes []byte
	for ; digits != ""; digits = digits[8:] {
		word, err := strconv.ParseUint(digits[:8], 16, 32)
		if err != nil {
			return netip.AddrPort{}, false
		}
		bytes = binary.NativeEndian.AppendUint32(bytes, uint32(word))
	}
	address, valid := netip.AddrFromSlice(bytes)
	return netip.AddrPortFrom(address.Unmap(), uint16(number)), valid
}

// holder returns a process that has this file open.
func holder(name string) (int, error) {
	folders, err := filepath.Glob("/proc/[0-9]*/fd")
	if err != nil {
		return 0, fmt.Errorf("looking for the client's process: %w", err)
	}
	for _, folder := range folders {
		files, err := os.ReadDir(folder)
		if err != nil {
			continue // it has ended, or belongs to another user
		}
		for _, file := range files {
			if target, err := os.Readlink(filepath.Join(folder, file.Name())); err == nil && target == name {
				return strconv.Atoi(filepath.Base(filepath.Dir(folder)))
			}
		}
	}
	return 0, fmt.Errorf("looking for the client's process: no process has %s: %w", name, fs.ErrNotExist)
}
