#!/usr/bin/env python3
# A WinRM listener that shares no code with Takeover: python3-gssapi accepts the login, unwraps each
# message and answers every request with a fixed IdentifyResponse. Its behaviour:
#   acceptor.py KEYTAB [clear|tampered|replayed|forgets|silent]
#     clear:    answers without encryption
#     tampered: changes one byte of what it encrypted
#     replayed: answers every request with the first encrypted answer
#     forgets:  says 401 to every other request, as a restarted service does
#     silent:   answers the login without its own proof
#     wrong_length: claims one byte more than there is
# Prints its port, then for each message it could read one line "PROTOCOL MECHANISM ACCOUNT BYTES".
import base64
import os
import re
import socket
import struct
import sys
import threading

os.environ["KRB5_KTNAME"] = sys.argv[1]
import gssapi  # noqa: E402
from gssapi.raw import IOV, IOVBuffer, IOVBufferType, unwrap_iov, wrap_iov  # noqa: E402

MODE = sys.argv[2] if len(sys.argv) > 2 else ""
NTLM = "1.3.6.1.4.1.311.2.2.10"
BOUNDARY = b"--Encrypted Boundary"
ANSWER = b"""<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body>
<i:IdentifyResponse xmlns:i="urn:i"><i:ProtocolVersion>p</i:ProtocolVersion>
<i:ProductVendor>python3-gssapi</i:ProductVendor><i:ProductVersion>OS: 10</i:ProductVersion>
</i:IdentifyResponse></s:Body></s:Envelope>"""
lock = threading.Lock()


def read_request(file):
    line = file.readline()
    if not line:
        return None, None
    headers = {}
    while (line := file.readline()) not in (b"\r\n", b""):
        name, value = line.decode("latin-1").split(":", 1)
        headers[name.lower()] = value.strip()
    return headers, file.read(int(headers.get("content-length", 0)))


def answer(connection, status, headers, body=b""):
    text = "HTTP/1.1 %s\r\n" % status
    for name, value in headers + [("Content-Length", len(body))]:
        text += "%s: %s\r\n" % (name, value)
    connection.sendall(text.encode("latin-1") + b"\r\n" + body)


def is_ntlm(context):
    return context.mech.dotted_form == NTLM


def unseal(context, body):
    first, second = body.split(BOUNDARY + b"\r\n")[1:]
    length = int(re.search(rb"Length=(\d+)\r\n", first).group(1))
    assert second.endswith(BOUNDARY + b"--\r\n")
    data = second[second.index(b"octet-stream\r\n") + 14:-len(BOUNDARY) - 4]
    size = struct.unpack("<I", data[:4])[0]
    header, sealed = data[4:4 + size], data[4 + size:]
    if is_ntlm(context):
        plain = context.unwrap(header + sealed).message
    else:
        iov = IOV(IOVBuffer(IOVBufferType.header, False, header), sealed, IOVBufferType.data,
                  std_layout=False)
        assert unwrap_iov(context, iov).encrypted
        plain = iov[1].value
    assert len(plain) == length
    return plain


def seal(context, protocol, plain):
    if is_ntlm(context):
        whole = context.wrap(plain, True).message
        header, sealed = whole[:16], whole[16:]
    else:
        iov = IOV(IOVBufferType.header, plain, IOVBufferType.padding, std_layout=False)
        wrap_iov(context, iov, True)
        header, sealed = iov[0].value, iov[1].value + (iov[2].value or b"")
    if MODE == "tampered":
        sealed = sealed[:10] + bytes([sealed[10] ^ 1]) + sealed[11:]
    length = len(plain) + (1 if MODE == "wrong_length" else 0)
    return (BOUNDARY + b"\r\n\tContent-Type: " + protocol + b"\r\n\tOriginalContent: "
            b"type=application/soap+xml;charset=UTF-8;Length=%d\r\n" % length + BOUNDARY
            + b"\r\n\tContent-Type: application/octet-stream\r\n" + struct.pack("<I", len(header))
            + header + sealed + BOUNDARY + b"--\r\n")


class Connection:
    def __init__(self, connection):
        self.connection, self.context, self.requests, self.first = connection, None, 0, None

    def login(self, token):
        if self.context is None or self.context.complete:
            self.context = gssapi.SecurityContext(usage="accept")
        try:
            out = self.context.step(base64.b64decode(token))
            done = self.context.complete  # raises what step put off
        except Exception:  # GSSError, and what python3-gssapi cannot convert
            self.context = None
            return answer(self.connection, "401 Unauthorized", [("WWW-Authenticate", "Negotiate")])
        value = "Negotiate" + (" " + base64.b64encode(out).decode() if out else "")
        if MODE == "silent":
            value = "Negotiate"
        answer(self.connection, "200 OK" if done else "401 Unauthorized",
               [("WWW-Authenticate", value)])

    def request(self, headers, body):
        kind = headers.get("content-type", "")
        self.requests += 1
        if self.context is None or not self.context.complete or \
                (MODE == "forgets" and self.requests % 2 == 0):
            self.context = None
            return answer(self.connection, "401 Unauthorized",
                          [("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "Kerberos")])
        if "multipart/encrypted" not in kind:
            return answer(self.connection, "500 Internal Server Error", [])
        protocol = re.search(r'protocol="([^"]+)"', kind).group(1).encode()
        plain = unseal(self.context, body)
        assert plain.startswith(b"<s:Envelope")
        with lock:
            print(protocol.decode(), "NTLM" if is_ntlm(self.context) else "Kerberos",
                  str(self.context.initiator_name).strip(), len(plain), flush=True)
        if MODE == "clear":
            return answer(self.connection, "200 OK",
                          [("Content-Type", "application/soap+xml;charset=UTF-8")], ANSWER)
        sealed = seal(self.context, protocol, ANSWER)
        if MODE == "replayed":
            self.first = sealed = self.first or sealed
        answer(self.connection, "200 OK", [("Content-Type", kind)], sealed)

    def serve(self):
        file = self.connection.makefile("rb")
        while True:
            headers, body = read_request(file)
            if headers is None:
                return
            token = re.match(r"(?:Negotiate|Kerberos) (.+)", headers.get("authorization", ""))
            if token:
                self.login(token.group(1))
            else:
                self.request(headers, body)


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=Connection(accepted).serve, daemon=True).start()
