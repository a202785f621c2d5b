"""A TCP proxy before an S3 server, whose first argument is a port to listen on, the second the server's, and the
third a file that says what to do with connections: `open` forwards them, `closed` hangs up, as a server that is
down does, and `denied` answers as one that does not know the credentials. Those that are there when the file
changes from `open` are cut.
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
    while True:
        time.sleep(0.1)
        if mode(control) != "open":
            for connection in list(forwarded):
                cut(connection)


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


def deny(client):
    client.recv(65536)
    head = f"HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: {len(DENIAL)}\r\n"
    client.sendall(head.encode() + b"Connection: close\r\n\r\n" + DENIAL)
    client.close()


def serve(client, port, now):
    if now == "closed":
        client.close()
    elif now == "denied":
        deny(client)
    else:
        server = socket.create_connection(("127.0.0.1", port))
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
