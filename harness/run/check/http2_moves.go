package check

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/net/http2"
)

// misbehave answers a request with the scenario's misbehaviour over HTTP/2.
func (s *session) misbehave(x *exchange) error {
	own := s.server.text(x.request.Header.Get(requestID), x.request.RequestURI)
	foreign := s.server.words.foreignBody()
	switch x.misdeed.Move {
	case goAway:
		if err := s.respond(x, own, 0); err != nil {
			return err
		}
		_ = s.stream.SetReadDeadline(time.Now().Add(misbehavedPatience)) // the next read tells
		s.away = true
		s.unacked++
		return errors.Join(s.framer.WriteGoAway(s.last, http2.ErrCodeNo, nil), s.framer.WritePing(false, [8]byte{2}))
	case goAwayBefore:
		delete(s.streams, x.id)
		before := uint32(0)
		if x.id > 2 {
			before = x.id - 2
		}
		if err := s.framer.WriteGoAway(before, http2.ErrCodeNo, nil); err != nil {
			return err
		}
		s.finish(s.stream, false)
		return errFinished
	case refuseStream:
		delete(s.streams, x.id)
		return s.framer.WriteRSTStream(x.id, http2.ErrCodeRefusedStream)
	case cutStream, cutBody:
		if err := s.head(x, len(foreign), false); err != nil {
			return err
		}
		if err := s.framer.WriteData(x.id, false, []byte(foreign[:cutAt])); err != nil {
			return err
		}
		delete(s.streams, x.id)
		if x.misdeed.Move == cutStream {
			return s.framer.WriteRSTStream(x.id, http2.ErrCodeInternal)
		}
		s.finish(s.stream, false)
		return errFinished
	case surplusData:
		return s.respond(x, foreign, len(foreign)-cutAt)
	case fewStreams:
		s.few = true
		s.unacked++
		if err := s.framer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1}); err != nil {
			return err
		}
	case settingsPing:
		if err := s.ask(); err != nil {
			return err
		}
	}
	return s.respond(x, own, 0)
}

// cutAt is how many bytes of a body are sent before it is cut off.
const cutAt = 12

// ask sends SETTINGS and a PING, and waits for the client to acknowledge both.
func (s *session) ask() error {
	s.unacked += 2
	if err := s.framer.WriteSettings(http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: 1 << 20}); err != nil {
		return err
	}
	if err := s.framer.WritePing(false, [8]byte{1}); err != nil {
		return err
	}
	_ = s.stream.SetReadDeadline(time.Now().Add(misbehavedPatience))
	for s.unacked > 0 {
		if err := s.receive(); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				s.server.mutex.Lock()
				s.server.deed.Unacknowledged = fmt.Sprintf("%d SETTINGS or PING frames were not acknowledged within %s",
					s.unacked, misbehavedPatience)
				s.server.mutex.Unlock()
			}
			return err
		}
	}
	return s.stream.SetReadDeadline(time.Time{})
}
