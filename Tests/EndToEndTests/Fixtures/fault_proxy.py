"""A proxy between an operator and an API server that makes the faults that it is told to make.

    fault_proxy.py PORT SERVER CA HISTORY SEED

listens for plain HTTP on 127.0.0.1:PORT and speaks TLS to SERVER (https://host:port), whose authority is in the
file CA. HISTORY gets a line of JSON for each request. PUT /faults replaces the rules, GET /faults tells how often
each action was taken. A rule is an object:

    action       what happens (below)
    on           regular expression that "METHOD path?query" must match; all if absent
    kind         watch, list, write or read; any if absent
    probability  from 0 to 1, drawn anew for each request, or each event of a watch; 1 if absent
    limit        how often it happens at most
    text         regular expression that "METHOD path?query", a line break and the body must match
    since        regular expression of that text: requests before the first one that it matches do not count
    until        regular expression of that text: requests after the first one that it matches do not count
    nth          which of the requests that count is meant, from 1; all if absent

Actions on requests: resetBefore (the server never sees it), resetAfter (the server did it), killBefore and killAfter
(the same, and `process` gets SIGKILL before its connection ends), status (with `code`, `reason`, `retryAfter`), stale (lists are answered as they were when the rule came, watches lag by `seconds`), slow
(answers come in pieces of `bytes`, `seconds` apart). Actions on watches: close (after `seconds`, cleanly or not),
expireAtOpen, expireInStream, drop, double, reorder. poison (on lists and watches) replaces what is at `path` of the
object `name` by `value`.
"""

import asyncio
import json
import os
import random
import re
import signal
import ssl
import sys
import time

WATCH_ACTIONS = {"close", "expireInStream", "drop", "double", "reorder", "poison"}
TOO_OLD = {
    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Expired", "code": 410,
    "message": "too old resource version: 1 (2)",
}


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path, _, self.query = target.partition("?")
        parameters = dict(p.partition("=")[::2] for p in self.query.split("&"))
        self.is_watch = parameters.get("watch") in ("1", "true")
        self.is_streaming_list = self.is_watch and parameters.get("sendInitialEvents") == "true"
        self.name_in_path = bool(re.search(r"/(namespaces/[^/]+/)?[a-z]+/[^/]+$", self.path))
        if method != "GET":
            self.kind = "write"
        elif self.is_watch:
            self.kind = "watch"
        else:
            self.kind = "list" if "limit" in parameters or "labelSelector" in parameters else "read"
        # What tells one list from another, its page and its time left out.
        kept = sorted(k + v for k, v in parameters.items() if k in ("labelSelector", "fieldSelector"))
        self.list_key = self.path + "?" + "&".join(kept)


class Proxy:
    def __init__(self, server, authority, history, seed):
        self.host, self.port = re.match(r"https://([^:/]+):(\d+)", server).groups()
        self.tls = ssl.create_default_context(cafile=authority)
        self.tls.check_hostname = False
        self.history = open(history, "a", encoding="utf-8", buffering=1)
        self.random = random.Random(seed)
        self.rules, self.counts, self.idle, self.lists = [], {}, [], {}
        self.frozen = {}

    # Rules

    def drawn(self, request, actions=None):
        for rule in self.rules:
            if actions is not None and rule["action"] not in actions:
                continue
            if actions is None and rule["action"] in WATCH_ACTIONS:
                continue
            if rule.get("kind", request.kind) != request.kind:
                continue
            if not re.search(rule.get("on", ""), f"{request.method} {request.target}"):
                continue
            if rule.get("taken", 0) >= rule.get("limit", 1 << 60):
                continue
            if not self.means(rule, request):
                continue
            if self.random.random() < rule.get("probability", 1):
                yield rule

    @staticmethod
    def means(rule, request):
        """Counts the request, if its text is one that counts, and says whether it is the one."""
        if "text" not in rule:
            return True
        text = f"{request.method} {request.target}\n{request.body.decode('utf-8', 'replace')}"
        if rule.get("over") or not re.search(rule["text"], text):
            return False
        rule["begun"] = rule.get("begun", False) or bool(re.search(rule.get("since", ""), text))
        if not rule["begun"]:
            return False
        rule["over"] = "until" in rule and bool(re.search(rule["until"], text))
        rule["counted"] = rule.get("counted", 0) + 1
        return rule["counted"] == rule.get("nth", rule["counted"])

    def take(self, rule):
        rule["taken"] = rule.get("taken", 0) + 1
        self.counts[rule["action"]] = self.counts.get(rule["action"], 0) + 1

    def control(self, request):
        if request.method == "PUT":
            self.rules = json.loads(request.body)
            self.frozen = dict(self.lists) if any(r["action"] == "stale" for r in self.rules) else {}
        return json.dumps(self.counts).encode()

    def note(self, request, code, fault=None, body=None):
        line = {
            "time": time.time(), "method": request.method, "path": request.path, "query": request.query,
            "code": code, "fault": fault,
        }
        if request.kind == "write" and code in (200, 201) and body:
            value = json.loads(body)
            line["name"] = value.get("metadata", {}).get("name")
            line["status"] = value.get("status") if request.path.endswith("/status") else None
        if fault in ("killBefore", "killAfter"):
            line["request"] = json.loads(request.body or b"null")
        self.history.write(json.dumps(line) + "\n")

    # Connections

    async def serve(self, reader, writer):
        try:
            while request := await read_request(reader):
                if request.path == "/faults":
                    writer.write(head(200) + b"Content-Length: %d\r\n\r\n" % len(c := self.control(request)) + c)
                    await writer.drain()
                elif not await self.answer(request, writer):
                    return reset(writer)
        except (OSError, asyncio.IncompleteReadError, ssl.SSLError, ValueError):
            reset(writer)
        finally:
            writer.close()

    async def answer(self, request, writer):
        """False if the connection is to be reset."""
        slow = None
        for rule in self.drawn(request):
            action = rule["action"]
            if action == "resetBefore":
                self.take(rule)
                self.note(request, 0, action)
                return False
            if action in ("killBefore", "killAfter"):
                code, body = 0, None
                if action == "killAfter":
                    code, _, body = await self.forward(request)
                os.kill(rule["process"], signal.SIGKILL)
                self.take(rule)
                self.note(request, code, action, body)
                return False
            if action == "status" or (action == "expireAtOpen" and request.kind == "watch"):
                self.take(rule)
                code = 410 if action == "expireAtOpen" else rule["code"]
                self.note(request, code, action)
                await refuse(writer, code, rule)
                return True
            if action == "stale" and await self.answer_stale(request, writer, rule):
                self.take(rule)
                self.note(request, 200, action)
                return True
            if action == "slow":
                self.take(rule)
                slow = rule
            if action == "resetAfter" and not request.is_watch:
                code, _, body = await self.forward(request)
                self.take(rule)
                self.note(request, code, action, body)
                return False
        if request.is_watch:
            return await self.stream(request, writer, slow)
        code, headers, body = await self.forward(request)
        self.note(request, code, None, body)
        if request.kind == "list":
            if code == 200 and b'"continue":"' not in body and "continue=" not in request.query:
                self.lists[request.list_key] = body
            body = self.poisoned_list(request, body)
        keep = [h for h in headers if h[0] not in ("content-length", "transfer-encoding", "connection")]
        lines = b"".join(f"{k}: {v}\r\n".encode() for k, v in keep)
        await send(writer, head(code) + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body, slow)
        return True

    # The API server's side

    async def connect(self):
        return await asyncio.open_connection(self.host, int(self.port), ssl=self.tls, limit=1 << 24)

    async def open(self, request):
        lines = [f"{request.method} {request.target} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        lines += [f"{k}: {v}" for k, v in request.headers if k not in ("host", "connection", "content-length")]
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(request.body)}")
        data = "\r\n".join(lines).encode() + b"\r\n\r\n" + request.body
        while self.idle:
            reader, writer = self.idle.pop()
            try:
                writer.write(data)
                await writer.drain()
                return reader, writer, await read_head(reader)
            except (OSError, asyncio.IncompleteReadError, ssl.SSLError, ValueError):
                writer.close()
                if request.method not in ("GET",):
                    # Whether the server has acted is unknown: who asked must find out.
                    raise
        reader, writer = await self.connect()
        writer.write(data)
        await writer.drain()
        return reader, writer, await read_head(reader)

    async def forward(self, request):
        reader, writer, (code, headers) = await self.open(request)
        body = b"".join([piece async for piece in read_body(reader, headers)])
        if dict(headers).get("connection") == "close":
            writer.close()
        else:
            self.idle.append((reader, writer))
        return code, headers, body

    # Watches

    async def stream(self, request, writer, slow):
        reader, server, (code, headers) = await self.open(request)
        self.note(request, code)
        try:
            if code != 200:
                body = b"".join([piece async for piece in read_body(reader, headers)])
                await send(writer, head(code) + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                           % len(body) + body, slow)
                return True
            writer.write(head(200) + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            await writer.drain()
            return await self.relay(request, lines_of(read_body(reader, headers)), writer, slow)
        finally:
            server.close()

    async def relay(self, request, lines, writer, slow):
        begin, held, initial = time.monotonic(), [], [] if request.is_streaming_list else None
        close = next(self.drawn(request, {"close"}), None)
        pending = None
        while True:
            pending = pending or asyncio.ensure_future(anext(lines, None))
            done, _ = await asyncio.wait({pending}, timeout=0.1)
            if close is None or close not in self.rules:
                close = next(self.drawn(request, {"close"}), None)
            if close and time.monotonic() - begin > close.get("seconds", 1):
                self.take(close)
                pending.cancel()
                if self.random.random() < 0.5:
                    return False
                await send(writer, b"0\r\n\r\n", None)
                return True
            for rule in self.drawn(request, {"expireInStream"}) if initial is None else ():
                self.take(rule)
                pending.cancel()
                await send(writer, chunk(json.dumps({"type": "ERROR", "object": TOO_OLD}).encode()), slow)
                await send(writer, b"0\r\n\r\n", None)
                return True
            ready = []
            if done:
                line, pending = pending.result(), None
                if line is None:
                    await send(writer, b"0\r\n\r\n", None)
                    return True
                if initial is not None:
                    initial.append(line)
                    if b"initial-events-end" in line:
                        self.lists[request.list_key] = list(initial)
                        initial = None
                    ready = [line]
                else:
                    ready = self.disturbed(request, line, held)
            else:
                # Nothing came for a while: what was held back goes out.
                ready, held[:] = [line for _, line in held], []
            for line in ready:
                await send(writer, chunk(self.poisoned_event(request, line)), slow)

    def disturbed(self, request, line, held):
        """The events that go out now, after this one came in."""
        out = [line]
        for rule in self.drawn(request, {"drop", "double", "reorder"}):
            if b'"BOOKMARK"' in line[:30]:
                break
            self.take(rule)
            if rule["action"] == "drop":
                out = []
                break
            if rule["action"] == "double":
                out = [line, line]
            else:
                held.append([self.random.randint(1, 3), line])
                out = []
                break
        for item in list(held):
            item[0] -= 1 if item[1] is not line else 0
            if item[0] <= 0:
                held.remove(item)
                out.append(item[1])
        return out

    # A server that lags

    async def answer_stale(self, request, writer, rule):
        known = self.frozen.get(request.list_key)
        if known is None:
            return False
        if request.is_streaming_list and isinstance(known, list):
            writer.write(head(200) + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            for line in known:
                writer.write(chunk(line))
            await writer.drain()
            while rule in self.rules:
                await asyncio.sleep(0.1)
            await send(writer, b"0\r\n\r\n", None)
            return True
        if request.kind == "list" and isinstance(known, bytes):
            await send(writer, head(200) + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                       % len(known) + known, None)
            return True
        return False

    # Objects that nobody can read

    def poison(self, request, value):
        for rule in self.drawn(request, {"poison"}):
            if isinstance(value, dict) and value.get("metadata", {}).get("name") == rule["name"]:
                self.take(rule)
                *path, last = rule["path"]
                target = value
                for key in path:
                    target = target.setdefault(key, {}) if isinstance(target, dict) else target[key]
                target[last] = rule["value"]
        return value

    def poisoned_event(self, request, line):
        if not any(rule["action"] == "poison" for rule in self.rules):
            return line
        event = json.loads(line)
        event["object"] = self.poison(request, event["object"])
        return json.dumps(event).encode()

    def poisoned_list(self, request, body):
        if not any(rule["action"] == "poison" for rule in self.rules):
            return body
        value = json.loads(body)
        value["items"] = [self.poison(request, item) for item in value.get("items") or []]
        return json.dumps(value).encode()


def head(code):
    return b"HTTP/1.1 %d Status\r\n" % code


def chunk(line):
    return b"%x\r\n%s\n\r\n" % (len(line) + 1, line)


async def send(writer, data, slow):
    step = slow.get("bytes", 7) if slow else max(1, len(data))
    # A large answer in tiny pieces would take for ever.
    step = max(step, len(data) // 200)
    for start in range(0, len(data), step):
        writer.write(data[start:start + step])
        await writer.drain()
        if slow:
            await asyncio.sleep(slow.get("seconds", 0.002))


async def refuse(writer, code, rule):
    body = {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
        "reason": rule.get("reason", "Expired" if code == 410 else "InternalError"), "message": f"fault {code}",
    }
    extra = b""
    if "retryAfter" in rule:
        body["details"] = {"retryAfterSeconds": rule["retryAfter"]}
        extra = b"Retry-After: %d\r\n" % rule["retryAfter"]
    data = json.dumps(body).encode()
    await send(writer, head(code) + extra + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
               % len(data) + data, None)


def reset(writer):
    """Ends a connection as a crash does: with RST."""
    writer.transport.abort()


async def read_head(reader):
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = text.strip().split("\r\n")
    headers = [(k.strip().lower(), v.strip()) for k, _, v in (line.partition(":") for line in lines)]
    return int(first.split(" ")[1]), headers


async def read_request(reader):
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = text.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = [(k.strip().lower(), v.strip()) for k, _, v in (line.partition(":") for line in lines)]
    length = int(dict(headers).get("content-length", 0))
    return Request(method, target, headers, await reader.readexactly(length))


async def read_body(reader, headers):
    fields = dict(headers)
    if fields.get("transfer-encoding") == "chunked":
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
    elif length := int(fields.get("content-length", 0)):
        yield await reader.readexactly(length)


async def lines_of(pieces):
    rest = b""
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.strip():
                yield line


async def main():
    port, server, authority, history, seed = sys.argv[1:]
    proxy = Proxy(server, authority, history, int(seed))
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", int(port), limit=1 << 24)
    await listener.serve_forever()


asyncio.run(main())
