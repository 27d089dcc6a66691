package curlpipe

import (
	"fmt"
	"net/http"
	"net/textproto"
	"strings"
)

// parseFields reads a header or trailer section (RFC 9112, section 5).
func parseFields(section string) (http.Header, error) {
	// The empty line at the end is no field. A map of up to eight is one
	// allocation.
	most := max(0, strings.Count(section, "\n")-1)
	header := make(http.Header, most)
	values := make([]string, 0, most) // one allocation holds most values
	for section != "" {
		var line string
		var folded bool
		line, section, folded = cutLine(section)
		if line == "" {
			continue
		}
		colon := strings.IndexByte(line, ':')
		if colon < 0 {
			return nil, fmt.Errorf("%w: field line %q", ErrMalformedResponse, line)
		}
		// framing.c refuses white space before the colon where it matters
		end := colon
		for end > 0 && (line[end-1] == ' ' || line[end-1] == '\t') {
			end--
		}
		name, ok := fieldName(line[:end])
		if !ok {
			return nil, fmt.Errorf("%w: field line %q", ErrMalformedResponse, line)
		}
		value := trimBlank(line[colon+1:])
		if folded {
			value = unfold(value)
		}
		if sofar := header[name]; sofar != nil {
			header[name] = append(sofar, value)
			continue
		}
		values = append(values, value)
		header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	return header, nil
}

// cutLine separates the first field line of a section, together with the lines
// that continue it, which begin with white space (RFC 9112, section 5.2).
// folded reports whether there are any.
func cutLine(section string) (line, rest string, folded bool) {
	end := 0
	for {
		next := strings.IndexByte(section[end:], '\n')
		if next < 0 {
			return section, "", folded
		}
		end += next + 1
		if line = strings.TrimSuffix(section[:end-1], "\r"); line == "" {
			return line, section[end:], folded // an empty line has no continuation
		}
		if end == len(section) || section[end] != ' ' && section[end] != '\t' {
			return line, section[end:], folded
		}
		folded = true
	}
}

// unfold replaces the line breaks within a field value by a space.
func unfold(value string) string {
	lines := strings.Split(value, "\n")
	for i, line := range lines {
		lines[i] = trimBlank(line)
	}
	return strings.Trim(strings.Join(lines, " "), " ")
}

func isBlank(octet byte) bool { return octet == ' ' || octet == '\t' || octet == '\r' }

// trimBlank removes white space from both ends, and the line end.
func trimBlank(s string) string {
	for s != "" && isBlank(s[0]) {
		s = s[1:]
	}
	for s != "" && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// octetClass is the role of an octet in a field name (RFC 9110, section 5.6.2).
type octetClass uint8

const (
	notInToken octetClass = iota
	caseless
	upperCase
	lowerCase
)

var octetClasses = func() (classes [256]octetClass) {
	for _, octet := range []byte("!#$%&'*+-.^_`|~0123456789") {
		classes[octet] = caseless
	}
	for octet := 'a'; octet <= 'z'; octet++ {
		classes[octet] = lowerCase
		classes[octet-'a'+'A'] = upperCase
	}
	return classes
}()

// isToken tells a field name (RFC 9110, section 5.6.2).
func isToken(name string) bool {
	for i := range len(name) {
		if octetClasses[name[i]] == notInToken {
			return false
		}
	}
	return name != ""
}

// fieldName is a field name in the form that http.Header has it in; false: it is
// none.
func fieldName(name string) (string, bool) {
	isSo, first := true, true
	for i := range len(name) {
		switch octetClasses[name[i]] {
		case notInToken:
			return "", false
		case upperCase:
			isSo = isSo && first
		case lowerCase:
			isSo = isSo && !first
		}
		first = name[i] == '-'
	}
	if isSo {
		return name, name != ""
	}
	if known, ok := knownFields[name]; ok {
		return known, true
	}
	return textproto.CanonicalMIMEHeaderKey(name), true
}

// knownFields has the names that responses over HTTP/2 mostly have, where they
// come in small letters.
var knownFields = func() map[string]string {
	known := make(map[string]string)
	for _, name := range []string{
		"Accept-Ranges", "Access-Control-Allow-Origin", "Age", "Alt-Svc", "Cache-Control", "Content-Disposition",
		"Content-Encoding", "Content-Language", "Content-Length", "Content-Range", "Content-Security-Policy",
		"Content-Type", "Date", "Etag", "Expires", "Last-Modified", "Link", "Location", "Retry-After", "Server",
		"Set-Cookie", "Strict-Transport-Security", "Trailer", "Transfer-Encoding", "Vary", "Via", "Www-Authenticate",
		"X-Cache", "X-Content-Type-Options", "X-Frame-Options", "X-Powered-By", "X-Request-Id",
	} {
		known[strings.ToLower(name)] = name
	}
	return known
}()

// cutSection separates the first of several header sections.
func cutSection(sections string) (section, rest string) {
	for end := 0; ; {
		next := strings.IndexByte(sections[end:], '\n')
		if next < 0 {
			return sections, ""
		}
		line := sections[end : end+next]
		end += next + 1
		if strings.TrimSuffix(line, "\r") == "" {
			return sections[:end], sections[end:]
		}
	}
}
