#!/usr/bin/env python3
# -*- coding: utf-8 -*-
#
# SPDX-License-Identifier: curl
#
"""An SSL_write() that was blocked is repeated with the same arguments.

SSL_write(3): after SSL_ERROR_WANT_READ or SSL_ERROR_WANT_WRITE the call "must be
repeated with the same arguments". The server here reads nothing until a write of
curl's was blocked, and a library that is preloaded writes each SSL_write() down.
"""
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections import namedtuple

import pytest

from testenv import CurlClient, Env

Write = namedtuple('Write', 'ssl buffer length hash moving result')

# RFC 9113: types and flags of frames, the client's preface
DATA, HEADERS, SETTINGS, WINDOW_UPDATE = 0x0, 0x1, 0x4, 0x8
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
LARGE = 1 << 24  # of windows: the socket is to be full, not they


def read_log(path):
    if not os.path.exists(path):
        return []
    with open(path) as log:
        return [Write(*line.split()) for line in log if line.endswith('\n')]


class SlowServer:
    """Takes the uploads of one connection, and does not read before a write was blocked."""

    BUFFER = 8 * 1024
    PATIENCE = 10  # seconds; is only reached when no write is blocked

    def __init__(self, credentials, alpn, log):
        self.log = log
        self.received = 0
        self.error = None
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(credentials.cert_file, credentials.pkey_file)
        self.context.set_alpn_protocols([alpn])
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.BUFFER)
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen(1)
        self.listener.settimeout(30)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, args=[alpn])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # if nobody came
        except OSError:
            pass
        self.thread.join()
        self.listener.close()

    def _serve(self, alpn):
        try:
            accepted, _ = self.listener.accept()
            accepted.settimeout(30)
            with self.context.wrap_socket(accepted, server_side=True) as conn:
                self.stream = conn.makefile('rb')
                if alpn == 'h2':
                    self._take_h2(conn)
                else:
                    self._take_h1(conn)
        except Exception as ex:
            self.error = ex

    def _stall(self):
        until = time.monotonic() + self.PATIENCE
        while time.monotonic() < until:
            if any(w.result == 'blocked' for w in read_log(self.log)):
                return
            time.sleep(.01)

    def _take_h1(self, conn):
        self._stall()
        length = 0
        for line in iter(self.stream.readline, b'\r\n'):
            name, _, value = line.partition(b':')
            if name.lower() == b'content-length':
                length = int(value)
        self.received = len(self.stream.read(length))
        conn.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        self.stream.read(1)  # the end of it

    def _frame(self, conn, kind, flags=0, stream=0, payload=b''):
        conn.sendall(len(payload).to_bytes(3, 'big') + bytes([kind, flags])
                     + stream.to_bytes(4, 'big') + payload)

    def _take_h2(self, conn):
        # SETTINGS_INITIAL_WINDOW_SIZE is setting 4
        self._frame(conn, SETTINGS, payload=b'\0\x04' + LARGE.to_bytes(4, 'big'))
        self._frame(conn, WINDOW_UPDATE, payload=LARGE.to_bytes(4, 'big'))
        assert self.stream.read(len(PREFACE)) == PREFACE
        stalled = False
        while True:
            head = self.stream.read(9)
            if len(head) < 9:
                return
            payload = self.stream.read(int.from_bytes(head[:3], 'big'))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], 'big')
            if kind == SETTINGS and not flags & ACK:
                self._frame(conn, SETTINGS, ACK)
            if kind == HEADERS and not stalled:
                stalled = True
                self._stall()
            if kind == DATA:
                self.received += len(payload)
                if flags & END_STREAM:
                    # 0x88 is ":status: 200" in HPACK's static table
                    self._frame(conn, HEADERS, END_HEADERS | END_STREAM, stream, b'\x88')


@pytest.fixture(autouse=True)
def server_reset():
    """Takes the place of the one that resets httpd, which is not needed here."""


@pytest.fixture(scope='module')
def preload(tmp_path_factory):
    compiler = shutil.which('cc')
    if compiler is None:
        pytest.skip('there is no cc to compile write_retry.c with')
    path = tmp_path_factory.mktemp('preload') / 'write_retry.so'
    source = os.path.join(os.path.dirname(__file__), 'write_retry.c')
    subprocess.run([compiler, '-O1', '-shared', '-fPIC', '-o', str(path), source, '-ldl'], check=True)
    return str(path)


@pytest.mark.skipif(condition=not Env.curl_uses_lib('openssl'), reason='curl without OpenSSL')
@pytest.mark.skipif(condition=os.uname().sysname != 'Linux', reason='LD_PRELOAD is for Linux')
class TestWriteRetry:

    # of many small uploads some come while a write is blocked, behind which they
    # may not get into the same call
    @pytest.mark.parametrize('proto, count, size', [
        ('http/1.1', 1, 140_000), ('http/1.1', 1, 900_000),
        ('h2', 1, 140_000), ('h2', 1, 900_000), ('h2', 60, 3_000),
    ])
    def test_70_01_upload(self, env: Env, preload, tmp_path, proto, count, size):
        if proto == 'h2' and not env.have_h2_curl():
            pytest.skip('curl without HTTP/2')
        extra = ['--parallel', '--parallel-max', str(count)] if count > 1 else []
        log = str(tmp_path / 'writes')
        data = tmp_path / 'data'
        data.write_bytes(b''.join(b'%08d' % i for i in range(size // 8)))
        with SlowServer(env.get_credentials(env.domain1), proto, log) as server:
            curl = CurlClient(env=env, run_env={**os.environ, 'LD_PRELOAD': preload, 'WRITE_RETRY_LOG': log})
            r = curl.http_upload(urls=[f'https://{env.domain1}:{server.port}/upload?[1-{count}]'],
                                 data=f'@{data}', alpn_proto=proto, extra_args=extra)
        writes = read_log(log)
        assert any(w.result == 'blocked' for w in writes), 'no write was blocked: nothing was tested'
        pending = {}
        for number, write in enumerate(writes):
            first = pending.pop(write.ssl, None)
            if first is not None:
                same = (first.length, first.hash) == (write.length, write.hash) and \
                    (first.buffer == write.buffer or write.moving == '1')
                assert same, f'write {number} of {len(writes)} came in the place of one that was blocked:\n' \
                    f'  blocked: {first}\n  then:    {write}'
            if write.result == 'blocked':
                pending[write.ssl] = write
        r.check_exit_code(0)
        assert server.error is None
        assert server.received == size // 8 * 8 * count
