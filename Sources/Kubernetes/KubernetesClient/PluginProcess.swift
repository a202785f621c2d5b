import FoundationEssentials
import HTTPTransport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A program that is run for its output.
struct PluginProcess: Sendable {
    struct Failure: Error, Hashable, Sendable {
        var message: String
    }

    /// A path, or a name that is looked up on the PATH.
    var command: String
    var arguments: [String]
    var environment: [String: String]

    /// Runs the program on a thread of its own, and returns its standard output. Its standard input is empty,
    /// its standard error is that of this process.
    func output(limit: Int, timeout: Duration) async throws(Failure) -> Data {
        let result: Result<Data, Failure> = await withCheckedContinuation { continuation in
            let started = startThread(named: "anneal-exec") {
                continuation.resume(returning: run(limit: limit, timeout: timeout))
            }
            if !started {
                continuation.resume(returning: .failure(Failure(message: "cannot be run: no more threads")))
            }
        }
        return try result.get()
    }

    private func run(limit: Int, timeout: Duration) -> Result<Data, Failure> {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0, let reading = ends.first, let writing = ends.last else {
            return failure("cannot be run", errno)
        }
        defer { close(reading) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var child = pid_t()
        let result = spawn(&child, output: writing)
        close(writing)
        guard result == 0 else { return failure("cannot be run", result) }
        let output = read(reading, limit: limit, deadline: .now + timeout)
        if case .failure = output { kill(child, SIGKILL) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard case .success = output, status != 0 else { return output }
        let exit = status & 0x7F == 0 ? "exit status \(status >> 8 & 0xFF)" : "signal \(status & 0x7F)"
        return .failure(Failure(message: "ended with \(exit)"))
    }

    private func spawn(_ child: inout pid_t, output: Int32) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        guard posix_spawn_file_actions_init(&actions) == 0 else { return ENOMEM }
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        let variables = environment.map { "\($0.key)=\($0.value)" }
        return withCStrings([command] + arguments) { arguments in
            withCStrings(variables) { variables in
                posix_spawnp(&child, command, &actions, nil, arguments, variables)
            }
        }
    }

    private func read(
        _ descriptor: Int32, limit: Int, deadline: ContinuousClock.Instant
    ) -> Result<Data, Failure> {
        var output = Data()
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let left = ContinuousClock.now.duration(to: deadline).components.seconds
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&waiting, 1, Int32(clamping: max(0, left + 1) * 1000))
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { return .failure(Failure(message: "did not end in time")) }
            #if canImport(Darwin)
            let count = Darwin.read(descriptor, &buffer, buffer.count)
            #elseif canImport(Musl)
            let count = Musl.read(descriptor, &buffer, buffer.count)
            #else
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            #endif
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return failure("cannot be read from", errno) }
            if count == 0 { return .success(output) }
            output.append(contentsOf: buffer[..<count])
            guard output.count <= limit else {
                return .failure(Failure(message: "printed more than \(limit) bytes"))
            }
        }
    }

    private func failure(_ what: String, _ number: Int32) -> Result<Data, Failure> {
        .failure(Failure(message: "\(what): \(String(cString: strerror(number)))"))
    }
}

/// Calls `body` with a null-terminated array of C strings.
private func withCStrings<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
    let pointers = strings.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers + [nil])
}
