package curlpipe

import (
	"math/bits"
	"regexp"
	"strconv"
	"strings"
)

// reading is how a strict parser classifies what a server has sent for one
// request.
type reading int

const (
	malformedReading reading = iota // nobody may believe it
	partialReading                  // incomplete: more data or the end of the connection must follow
	wholeReading                    // one response
	crowdedReading                  // one response, and more bytes after it
)

var (
	strictStatus = regexp.MustCompile(`^HTTP/1\.([01]) ([1-9][0-9][0-9])( [^\x00\r]*)?$`)
	strictField  = regexp.MustCompile("^([!#$%&'*+.^_`|~0-9A-Za-z-]+)([ \t]*):([^\x00\r]*)$")
	strictSize   = regexp.MustCompile(`^([0-9A-Fa-f]+)(;[^\x00\r\n]*|[ \t]+(;[^\x00\r\n]*)?)?\r?$`)
)

// readStrictly reads the answer to a GET; it shares nothing with the reading that
// is under test.
func readStrictly(text string) reading {
	for {
		section, rest, verdict := readStrictSection(text)
		if verdict != wholeReading {
			return verdict
		}
		text = rest
		switch {
		case section.status < 200:
			if section.status == 101 {
				return malformedReading
			}
		case section.status == 204 || section.status == 304:
			return crowded(text)
		default:
			return section.readBody(text)
		}
	}
}

func crowded(rest string) reading {
	if rest != "" {
		return crowdedReading
	}
	return wholeReading
}

// strictSection is what a header section says about framing.
type strictSection struct {
	status int
	old    bool // HTTP/1.0
	length string
	coding bool
	broken bool // of length and coding, where they count
}

func readStrictSection(text string) (section strictSection, rest string, verdict reading) {
	framing := false // the line before this one is of a field that frames
	for number := 0; ; number++ {
		line, behind, found := strings.Cut(text, "\n")
		if !found {
			return section, "", partialReading
		}
		text = behind
		line = strings.TrimSuffix(line, "\r")
		if number == 0 {
			parts := strictStatus.FindStringSubmatch(line)
			if parts == nil {
				return section, "", malformedReading
			}
			section.old = parts[1] == "0"
			section.status, _ = strconv.Atoi(parts[2])
			continue
		}
		if line == "" {
			return section, text, wholeReading
		}
		if line[0] == ' ' || line[0] == '\t' {
			if number == 1 || framing || strings.ContainsAny(line, "\x00\r") {
				return section, "", malformedReading
			}
			continue
		}
		parts := strictField.FindStringSubmatch(line)
		if parts == nil {
			return section, "", malformedReading
		}
		framing = section.field(strings.ToLower(parts[1]), parts[2], strings.Trim(parts[3], " \t"))
	}
}

// field takes a field, and tells whether it frames.
func (s *strictSection) field(name, space, value string) bool {
	switch name {
	case "content-length":
		for each := range strings.SplitSeq(value, ",") {
			each = strings.Trim(each, " \t")
			_, err := strconv.ParseUint(each, 10, 63)
			same := s.length == "" || strings.TrimLeft(s.length, "0") == strings.TrimLeft(each, "0")
			s.broken = s.broken || err != nil || !same
			s.length = each
		}
	case "transfer-encoding":
		s.broken = s.broken || s.coding || !strings.EqualFold(value, "chunked")
		s.coding = true
	case "connection":
	default:
		return false
	}
	s.broken = s.broken || space != ""
	return true
}

func (s *strictSection) readBody(text string) reading {
	switch {
	case s.broken, s.coding && (s.old || s.length != ""):
		return malformedReading
	case s.coding:
		return readChunks(text)
	case s.length == "":
		return partialReading
	}
	length, err := strconv.Atoi(s.length)
	if err != nil || length > len(text) {
		return partialReading
	}
	return crowded(text[length:])
}

func readChunks(text string) reading {
	for {
		line, rest, found := strings.Cut(text, "\n")
		if !found {
			return partialReading
		}
		parts := strictSize.FindStringSubmatch(line)
		if parts == nil {
			return malformedReading
		}
		digits := strings.TrimLeft(parts[1], "0")
		if digits == "" {
			return readTrailer(rest)
		}
		size, err := strconv.ParseUint(digits, 16, bits.UintSize-1)
		if err != nil {
			return malformedReading
		}
		if size+2 > uint64(len(rest)) {
			return partialReading
		}
		if !strings.HasPrefix(rest[size:], "\r\n") {
			return malformedReading
		}
		text = rest[size+2:]
	}
}

func readTrailer(text string) reading {
	for number := 0; ; number++ {
		line, rest, found := strings.Cut(text, "\n")
		if !found {
			return partialReading
		}
		text = rest
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			return crowded(text)
		}
		folded := number > 0 && (line[0] == ' ' || line[0] == '\t') && !strings.ContainsAny(line, "\x00\r")
		if !folded && strictField.FindString(line) == "" {
			return malformedReading
		}
	}
}

// splices replace parts of mutants.
var splices = []string{
	"", "\r\n", "\n", "\r", "\x00", " ", "\t", ":", ",", ";", "0", "1", "9", "a", "f", "x", "-", "+", "\r\n\r\n", "\r\n ", "\xff", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
	"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "X: y\r\n", "0\r\n\r\n", "chunked", "Content-Length", "Transfer-Encoding", "\"",
}

// mutate splices up to three times into what is not the body's first mention of
// its request: a splice, or a piece of the response itself.
func mutate(text string, s *script) string {
	for range 1 + s.choose(3) {
		at := s.choose(1<<16) * len(text) >> 16
		until := min(len(text), at+[]int{0, 0, 1, 1, 2, 5, 16, 40}[s.choose(8)])
		splice := splices[s.choose(len(splices))]
		if s.choose(8) == 0 {
			from := s.choose(1<<16) * len(text) >> 16
			splice = text[from:min(len(text), from+1+s.choose(60))]
		}
		text = text[:at] + splice + text[until:]
	}
	return text
}

// mutant is an honest answer that was mutated, and whether the connection has to
// end with it: where a reader may take what follows for its rest.
func mutant(lib library, text string, s *script) (mutated string, last bool) {
	mutated = mutate(text, s)
	switch readStrictly(mutated) {
	case wholeReading:
		return mutated, !seesAll(lib, mutated)
	case malformedReading:
		// a line may have to end, and be known not to go on, before it is read
		return mutated + withLength(okLine, "", "id=stray;"), !seesAll(lib, mutated)
	case crowdedReading:
		return text, false // what is behind it may be anybody's
	default:
		return mutated, true
	}
}
