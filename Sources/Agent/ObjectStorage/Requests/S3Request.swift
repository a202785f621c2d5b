import FoundationEssentials
import HTTPTransport

/// A request to a store, without its address and signature.
struct S3Request: Sendable {
    var method: String
    var location: S3Location
    var query: [(name: String, value: String)] = []
    var headers: [HTTPHeader] = []
    var body: HTTPBody = .none
    /// SHA-256 of the body in lower-case hexadecimal digits.
    var payloadSha256 = ContentDigest.empty
    /// The request, for people: `reading s3://bucket/key`.
    var what: String
    /// Bytes that the answer's body is expected to have; 0 for few.
    var expectedBytes: Int64 = 0
    /// Status that the answer must have; nil for any success.
    var expectedStatus: Int?

    init(_ method: String, _ location: S3Location, what: String) {
        self.method = method
        self.location = location
        self.what = what
    }
}

/// An answer with an accepted status.
struct S3Answer: Sendable {
    var head: HTTPResponseHead
    var body: Data
}

extension S3Client {
    /// Time without a byte after which a peer is given up.
    private static let idleTimeout = Duration.seconds(30)
    static let answerLimit = 16 << 20
    /// Times that one request is repeated with other keys, at most.
    private static let renewalLimit = 3
    /// Bytes that are moved at once, at most.
    private static let bufferLimit: Int64 = 256 << 10

    /// Sends a request, and repeats it while that may help.
    func send(_ request: S3Request, limit: Int = answerLimit) async throws(S3Error) -> S3Answer {
        try await retrying(request.what) { credentials async throws(S3Error) -> S3Answer in
            try await self.sendOnce(request, signedBy: credentials, limit: limit)
        }
    }

    /// Sends a request once.
    ///
    /// - Throws: the store's error for any status of 300 or more.
    func sendOnce(
        _ request: S3Request, signedBy credentials: S3Credentials?, limit: Int = answerLimit
    ) async throws(S3Error) -> S3Answer {
        let response: HTTPResponse
        do {
            response = try await transport.send(
                http(request, signedBy: credentials), maximumBodyBytes: max(limit, 1 << 16))
        } catch {
            if case .bodyTooLarge = error.code {
                throw S3Error(
                    .refused(status: 200, code: S3Error.tooLarge),
                    "\(request.what): it has more than \(limit) bytes")
            }
            throw S3Error(transport: error, what: request.what, endpoint: configuration.endpoint)
        }
        let head = HTTPResponseHead(status: response.status, headers: response.headers)
        try await check(head, response.body, request, signedBy: credentials)
        guard response.body.count <= limit else {
            throw S3Error(
                .refused(status: 200, code: S3Error.tooLarge),
                "\(request.what): it has more than \(limit) bytes")
        }
        return S3Answer(head: head, body: response.body)
    }

    /// Throws the error that an answer's status stands for, unless it is accepted.
    func check(
        _ head: HTTPResponseHead, _ body: Data, _ request: S3Request, signedBy credentials: S3Credentials?
    ) async throws(S3Error) {
        if (200..<300).contains(head.status) {
            guard let expected = request.expectedStatus, expected != head.status else { return }
            throw S3Error(
                .malformedResponse,
                "\(request.what): the store answered HTTP \(head.status) instead of \(expected); "
                    + "it does not serve ranges of objects, which Anneal needs")
        }
        if request.method == "HEAD", [400, 403, 404].contains(head.status) {
            throw await diagnose(head, request, signedBy: credentials)
        }
        throw S3Error(
            answer: head, body: body, what: request.what, location: request.location,
            region: configuration.region)
    }

    /// The error of a failed HEAD. Its answer has no body to name the problem, so a GET is sent, whose answer
    /// has one.
    private func diagnose(
        _ head: HTTPResponseHead, _ request: S3Request, signedBy credentials: S3Credentials?
    ) async -> S3Error {
        var probe = request
        probe.method = "GET"
        probe.headers = [HTTPHeader("Range", "bytes=0-0")]
        var answer = (head: head, body: Data())
        if let response = try? await transport.send(
            http(probe, signedBy: credentials), maximumBodyBytes: 1 << 16),
            response.status == head.status
        {
            answer = (HTTPResponseHead(status: response.status, headers: response.headers), response.body)
        }
        return S3Error(
            answer: answer.head, body: answer.body, what: request.what, location: request.location,
            region: configuration.region)
    }

    /// The request with its address and signature.
    func http(_ request: S3Request, signedBy credentials: S3Credentials?) -> HTTPRequest {
        let url = configuration.url(
            bucket: request.location.bucket, key: request.location.key, query: request.query)
        var headers = request.headers
        if credentials != nil {
            headers.append(HTTPHeader("x-amz-content-sha256", request.payloadSha256))
        }
        return HTTPRequest(
            method: request.method, url: url, headers: headers, body: request.body,
            tls: TLSOptions(certificateAuthority: configuration.certificateAuthority.map { Data($0) }),
            idleTimeout: Self.idleTimeout,
            awsSignature: credentials.map {
                AWSSignature(
                    accessKey: $0.accessKey, secretKey: $0.secretKey, sessionToken: $0.sessionToken,
                    region: configuration.region)
            },
            bufferBytes: Int(min(max(request.body.length ?? 0, request.expectedBytes), Self.bufferLimit)))
    }

    /// Runs `body` with the keys of this moment, and repeats it after a wait while it fails for a reason that may
    /// pass; at once if the store refused keys that are no longer those in use.
    func retrying<T: Sendable>(
        _ what: String, _ body: (S3Credentials?) async throws(S3Error) -> T
    ) async throws(S3Error) -> T {
        var failedFirst: Duration?
        var attempt = 0
        var renewals = 0
        while true {
            var used: S3Credentials?
            do {
                used = try await configuration.credentials?.credentials()
                let answer = try await body(used)
                if let used { configuration.credentials?.noteAccepted(used) }
                return answer
            } catch {
                if error.isOfCredentials, renewals < Self.renewalLimit, await hasOthers(than: used) {
                    renewals += 1
                    logger.notice("\(what): the store refused the credentials, and there are others now")
                    continue
                }
                guard error.isTransient else { throw final(error, used) }
                attempt += 1
                let start = failedFirst ?? environment.now()
                failedFirst = start
                let wait = retry.delay(attempt: attempt, random: environment.random())
                guard environment.now() - start + wait <= retry.budget() else { throw error }
                logger.warning(
                    "\(error.message)", metadata: ["attempt": "\(attempt)", "nextTryIn": "\(wait)"])
                do {
                    try await environment.sleep(wait)
                } catch {
                    throw S3Error(.cancelled, "\(what): stopped")
                }
            }
        }
    }

    /// The error, as one that another attempt may mend if the keys are being exchanged.
    private func final(_ error: S3Error, _ used: S3Credentials?) -> S3Error {
        guard error.code == .invalidCredentials, let used,
            configuration.credentials?.isExchanging(used) == true
        else { return error }
        return S3Error(
            .credentialsExchanged,
            "\(error.message); it took these keys before, and new ones are read as soon as the Secret has them"
        )
    }

    /// Whether there are other keys than those that a store refused; that none can be had is told by their next
    /// use.
    private func hasOthers(than refused: S3Credentials?) async -> Bool {
        guard let refused, let source = configuration.credentials else { return false }
        return ((try? await source.credentials(after: refused)) ?? nil) != nil
    }
}
