package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/flow"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/show/capture"
)

// Collector gathers the evidence of a run. Its Tap is given to the run, and
// Finish has to be called after the run.
type Collector struct {
	evidence  *Evidence
	capture   bool
	recorder  *capture.Recorder
	port      uint16
	noPackets error
	mutex     sync.Mutex // guards secrets
	secrets   bytes.Buffer
	failed    error
}

// Collect returns a Collector that writes into a folder. If capture is false,
// or packets cannot be captured, it keeps everything else.
func Collect(folder string, packets bool) *Collector {
	return &Collector{evidence: &Evidence{Path: folder, Events: Events{Clock: now()}}, capture: packets}
}

// now relates the clocks. The time between the two readings is far too short to
// be visible in a timeline.
func now() Clock {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // every Linux has this clock
	return Clock{Monotonic: ts.Nano(), Time: time.Now()}
}

// Write implements io.Writer for the secrets of TLS.
func (c *Collector) Write(line []byte) (int, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.secrets.Write(line)
}

// Tap returns the tap for the run.
func (c *Collector) Tap() lab.Tap {
	return lab.Tap{
		KeyLog:    c,
		Listening: c.listen,
		Event:     c.event,
		Output:    c.output,
		Packets:   c.stop,
	}
}

// listen starts to capture the traffic of the origin at a URL. It returns an
// error if the URL is invalid, but not if packets cannot be captured.
func (c *Collector) listen(origin string) error {
	parsed, err := url.Parse(origin)
	if err != nil {
		return fmt.Errorf("capturing packets of %s: %w", origin, err)
	}
	port, err := strconv.ParseUint(parsed.Port(), 10, 16)
	if err != nil {
		return fmt.Errorf("capturing packets of %s: %w", origin, err)
	}
	c.port = uint16(port)
	if c.capture {
		c.recorder, c.noPackets = capture.Start(c.port, capture.DefaultLimit)
	}
	return nil
}

// event keeps an event.
func (c *Collector) event(e events.Event) {
	c.evidence.Events.Events = append(c.evidence.Events.Events, e)
}

// output writes the subject's output.
func (c *Collector) output(stdout, stderr []byte) {
	err := os.MkdirAll(c.evidence.Path, 0o755)
	if err == nil {
		err = errors.Join(
			os.WriteFile(filepath.Join(c.evidence.Path, OutputFile), stdout, 0o644),
			os.WriteFile(filepath.Join(c.evidence.Path, ErrorFile), stderr, 0o644))
	}
	c.failed = errors.Join(c.failed, err)
}

// stop ends the capture, if there is one. It returns what the packets show; nil
// without packets.
func (c *Collector) stop() *flow.Traffic {
	if c.recorder == nil {
		return c.evidence.Packets
	}
	taken, err := c.recorder.Stop()
	c.recorder = nil
	if err != nil {
		c.noPackets = err
		return nil
	}
	if err := c.writePackets(filepath.Join(c.evidence.Path, CaptureFile), taken); err != nil {
		c.failed = errors.Join(c.failed, err)
	}
	c.evidence.Packets = &flow.Traffic{
		Port: c.port, Lost: taken.Lost, Beyond: taken.Beyond,
		Connections: flow.Connections(taken.Packets, c.port),
	}
	return c.evidence.Packets
}

func (c *Collector) writePackets(path string, taken *capture.Capture) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return errors.Join(capture.Write(file, taken.Packets, c.secrets.Bytes()), file.Close())
}

// ErrNoPackets is wrapped by the error of Finish if packets were asked for and
// everything except them is written.
var ErrNoPackets = errors.New("there are no packets")

// Finish ends the capture if it is on and writes the folder.
func (c *Collector) Finish(record Record, log *origin.Log) error {
	c.stop()
	record.Made = c.evidence.Events.Clock.Time
	if !c.capture {
		record.NoPackets = "no packets were asked for"
	} else if c.noPackets != nil {
		record.NoPackets = c.noPackets.Error()
	}
	if c.evidence.Packets == nil { // otherwise an earlier run's packets would be taken for this one's
		_ = os.Remove(filepath.Join(c.evidence.Path, CaptureFile))
	}
	c.evidence.Record, c.evidence.Origin = record, log
	if err := errors.Join(c.failed, c.evidence.Write()); err != nil {
		return fmt.Errorf("keeping the evidence of a run: %w", err)
	}
	if c.noPackets != nil {
		return fmt.Errorf("%w: %w", ErrNoPackets, c.noPackets)
	}
	return nil
}
