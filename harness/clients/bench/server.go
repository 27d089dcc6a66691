package bench

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/bench/client/clientmain"
)

// Server is an nginx with one worker, on loopback. The caller must call Stop.
type Server struct {
	folder string
	ports  map[string]int
	nginx  *exec.Cmd
	worker int // process id
	output *bytes.Buffer
}

// plainHTTP2 is the port for HTTP/2 over plain TCP, because there nginx cannot
// tell the two versions of HTTP apart.
const plainHTTP2 = "plain-http2"

// configuration raises every limit that would end a connection or a stream. Each
// HTTP/2 stream counts as one of the worker's connections. Bodies are files that
// nginx keeps open.
var configuration = template.Must(template.New("").Parse(`daemon off;
pid {{.Folder}}/pid;
error_log {{.Folder}}/error.log warn;
worker_processes 1;
events { worker_connections 32768; }
http {
  access_log off;
  default_type application/octet-stream;
  root {{.Folder}}/bodies;
  client_body_temp_path {{.Folder}}/temporary;
  proxy_temp_path {{.Folder}}/temporary;
  fastcgi_temp_path {{.Folder}}/temporary;
  uwsgi_temp_path {{.Folder}}/temporary;
  scgi_temp_path {{.Folder}}/temporary;
  open_file_cache max=16 inactive=1h;
  open_file_cache_valid 1h;
  sendfile on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  keepalive_time 24h;
  send_timeout 1h;
  client_header_timeout 1h;
  http2_max_concurrent_streams 20000;
  ssl_certificate {{.Folder}}/certificate.pem;
  ssl_certificate_key {{.Folder}}/key.pem;
  server {
    listen 127.0.0.1:{{index .Ports "1.2"}} ssl http2;
    ssl_protocols TLSv1.2;
  }
  server {
    listen 127.0.0.1:{{index .Ports "1.3"}} ssl http2;
    ssl_protocols TLSv1.3;
  }
  server { listen 127.0.0.1:{{index .Ports "plain"}}; }
  server { listen 127.0.0.1:{{index .Ports "plain-http2"}} http2; }
}
`))

// StartServer writes configuration, certificate and bodies into the folder and
// starts nginx on the given core (none for below 0).
func StartServer(folder string, bodies []int, core int) (*Server, error) {
	s := &Server{folder: folder, ports: make(map[string]int), output: new(bytes.Buffer)}
	if err := s.prepare(bodies); err != nil {
		return nil, fmt.Errorf("server of the bench: %w", err)
	}
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			return nil, errors.New("nginx not found; run scripts/setup --bench")
		}
	}
	s.nginx = onCore(core, program, "-e", filepath.Join(folder, "error.log"), "-p", folder, "-c", filepath.Join(folder, "nginx.conf"))
	s.nginx.Stdout, s.nginx.Stderr = s.output, s.output
	// The server must not outlive the bench.
	s.nginx.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := s.nginx.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", program, err)
	}
	if err := s.await(); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Server) prepare(bodies []int) error {
	for _, folder := range []string{"bodies", "temporary"} {
		if err := os.MkdirAll(filepath.Join(s.folder, folder), 0o755); err != nil {
			return err
		}
	}
	// The worker may run as another user.
	for folder := s.folder; strings.HasPrefix(folder, os.TempDir()+"/"); folder = filepath.Dir(folder) {
		if err := os.Chmod(folder, 0o755); err != nil {
			return err
		}
	}
	for _, size := range bodies {
		if err := os.WriteFile(filepath.Join(s.folder, "bodies", strconv.Itoa(size)), clientmain.Body(size), 0o644); err != nil {
			return err
		}
	}
	for _, name := range []string{"1.2", "1.3", PlainText, plainHTTP2} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer listener.Close() // closed together, so that all ports differ
		s.ports[name] = listener.Addr().(*net.TCPAddr).Port
	}
	if err := writeCertificate(s.folder); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := configuration.Execute(&text, map[string]any{"Folder": s.folder, "Ports": s.ports}); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.folder, "nginx.conf"), text.Bytes(), 0o644)
}

// await waits until the worker runs and nginx accepts connections.
func (s *Server) await() error {
	for begin := time.Now(); time.Since(begin) < 10*time.Second; time.Sleep(5 * time.Millisecond) {
		pid := s.nginx.Process.Pid
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		if err != nil {
			break
		}
		if first := strings.Fields(string(children)); len(first) == 1 {
			s.worker, _ = strconv.Atoi(first[0])
			connection, err := net.Dial("tcp", s.Address(PlainText, 1))
			if err == nil {
				return connection.Close()
			}
		}
	}
	logged, _ := os.ReadFile(filepath.Join(s.folder, "error.log"))
	return fmt.Errorf("nginx did not start: %.500s%.500s", s.output.String(), logged)
}

// Address returns host and port for a TLS version, or PlainText, and a version
// of HTTP.
func (s *Server) Address(tls string, http int) string {
	if tls == PlainText && http == 2 {
		tls = plainHTTP2
	}
	return "127.0.0.1:" + strconv.Itoa(s.ports[tls])
}

// CAFile is the certificate that proves the server, in PEM.
func (s *Server) CAFile() string { return filepath.Join(s.folder, "certificate.pem") }

// CPUTime returns the CPU time that the worker has used.
func (s *Server) CPUTime() (time.Duration, error) {
	name := fmt.Sprintf("/proc/%d/schedstat", s.worker)
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	var nanoseconds int64
	if _, err := fmt.Sscan(string(text), &nanoseconds); err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return time.Duration(nanoseconds), nil
}

// machineCPUTime returns the CPU time that all processes and the kernel have
// used: the first line of proc_stat(5) without idle, iowait and steal, and
// without guest, which is part of user.
func machineCPUTime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	var user, nice, system, idle, iowait, irq, softirq int64
	_, err = fmt.Sscanf(string(text), "cpu %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &iowait, &irq, &softirq)
	if err != nil {
		return 0, fmt.Errorf("/proc/stat: %w", err)
	}
	const tick = time.Second / 100 // USER_HZ, the same on every Linux
	return time.Duration(user+nice+system+irq+softirq) * tick, nil
}

// Stop ends the server and waits until it has ended.
func (s *Server) Stop() {
	_ = s.nginx.Process.Signal(syscall.SIGTERM) // it may have ended already
	_ = s.nginx.Wait()
}
