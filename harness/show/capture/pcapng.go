package capture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/curlpipe/curlpipe/harness/run/flow"
)

// tlsKeyLog says that a Decryption Secrets Block has secrets of TLS in the
// form of SSLKEYLOGFILE: "TLSK".
const tlsKeyLog = 0x544c534b

// Write writes packets as pcapng, with the TLS secrets before them. Secrets may
// be empty.
func Write(w io.Writer, packets []flow.Packet, secrets []byte) error {
	err := write(w, packets, secrets)
	if err != nil {
		return fmt.Errorf("writing packets: %w", err)
	}
	return nil
}

func write(w io.Writer, packets []flow.Packet, secrets []byte) error {
	loopback := pcapgo.NgInterface{
		Name: "lo", LinkType: layers.LinkTypeEthernet, SnapLength: mostPacket,
		TimestampResolution: 9, // nanoseconds
	}
	options := pcapgo.DefaultNgWriterOptions
	options.SectionInfo.Application = "pipelab of curlpipe"
	ng, err := pcapgo.NewNgWriterInterface(w, loopback, options)
	if err != nil {
		return err
	}
	if len(secrets) > 0 {
		if err := ng.WriteDecryptionSecretsBlock(tlsKeyLog, secrets); err != nil {
			return err
		}
	}
	for i := range packets {
		p := &packets[i]
		info := gopacket.CaptureInfo{Timestamp: p.Time, CaptureLength: len(p.Data), Length: p.Length}
		if err := ng.WritePacket(info, p.Data); err != nil {
			return err
		}
	}
	return ng.Flush()
}

// ReadFile reads the packets of a pcapng file. If it is cut off or damaged, the
// packets before that place are returned with the error.
func ReadFile(path string) ([]flow.Packet, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading packets: %w", err)
	}
	defer file.Close()
	var packets []flow.Packet
	ng, err := pcapgo.NewNgReader(bufio.NewReader(file), pcapgo.DefaultNgReaderOptions)
	for err == nil {
		var data []byte
		var info gopacket.CaptureInfo
		if data, info, err = ng.ReadPacketData(); err == nil {
			packets = append(packets, flow.Packet{Time: info.Timestamp, Data: data, Length: info.Length})
		}
	}
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && ng != nil {
		return packets, nil
	}
	return packets, fmt.Errorf("reading packets: %s is cut off or no pcapng, after %d packets: %w", path, len(packets), err)
}
