# A client that gets three paths over one connection as long as that lasts, reads
# responses as it likes, and is content with whatever it gets:
#
#   careless.py URL CA [METHOD]
import socket, ssl, sys

host, port = sys.argv[1].split("//")[1].split(":")
method = sys.argv[3] if len(sys.argv) > 3 else "GET"
sys.stdout.reconfigure(errors="replace")
rest = b""


def connect():
    tcp = socket.create_connection((host, int(port)), timeout=5)
    if not sys.argv[1].startswith("https"):
        return tcp
    context = ssl.create_default_context(cafile=sys.argv[2])
    return context.wrap_socket(tcp, server_hostname=host, suppress_ragged_eofs=True)


def more(s):
    global rest
    got = s.recv(65536)
    rest += got
    return got


def answer(s):
    global rest
    while b"\r\n\r\n" not in rest:
        if not more(s):
            return b""
    head, rest = rest.split(b"\r\n\r\n", 1)
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1].split(b",")[0])
    if method == "HEAD":
        return b""
    while len(rest) < length:
        if not more(s):
            break
    body, rest = rest[:length], rest[length:]
    return body


s = connect()
for path in ("/1", "/2", "/3"):
    try:
        s.sendall(b"%s %s HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n" % (method.encode(), path.encode()))
        print(answer(s).decode(errors="replace"))
    except OSError:
        rest = b""
        s = connect()
        s.sendall(b"%s %s HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n" % (method.encode(), path.encode()))
        print(answer(s).decode(errors="replace"))
