"""A TCP proxy before an S3 server, whose first argument is a port to listen on, the second the server's, and the
third a file that says what to do with connections: `open` forwards them, `closed` hangs up, as a server that is
down does, `denied` answers as one that does not know the credentials, and `key NAME` does so unless the first request
is signed by that access key. Those that are there when the file changes are cut.
"""

import socket
import sys
import threading
import time

DENIAL = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>InvalidAccessKeyId</Code><Message>The access key is not known here.</Message></Error>"""

forwarded = set()


def mode(control):
    with open(control, encoding="utf-8") as file:
        return file.read().strip()


def cut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def watch(control):
    before = mode(control)
    while True:
        time.sleep(0.1)
        now = mode(control)
        if now != before:
            for connection in list(forwarded):
                cut(connection)
        before = now


def pump(source, target):
    forwarded.update((source, target))
    try:
        while chunk := source.recv(65536):
            target.sendall(chunk)
    except OSError:
        pass
    for connection in (source, target):
        cut(connection)
        forwarded.discard(connection)


def first_request(client):
    """The head of a connection's first request, and what came with it."""
    request = b""
    while b"\r\n\r\n" not in request:
        chunk = client.recv(65536)
        if not chunk:
            break
        request += chunk
    return request


def deny(client):
    head = f"HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: {len(DENIAL)}\r\n"
    client.sendall(head.encode() + b"Connection: close\r\n\r\n" + DENIAL)
    client.close()


def serve(client, port, now):
    if now == "closed":
        client.close()
    else:
        request = b"" if now == "open" else first_request(client)
        if now == "denied" or now != "open" and f"Credential={now.removeprefix('key ')}/".encode() not in request:
            return deny(client)
        server = socket.create_connection(("127.0.0.1", port))
        server.sendall(request)
        threading.Thread(target=pump, args=(server, client), daemon=True).start()
        pump(client, server)


def main():
    port, target, control = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    listener = socket.create_server(("127.0.0.1", port))
    threading.Thread(target=watch, args=(control,), daemon=True).start()
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, target, mode(control)), daemon=True).start()


main()
