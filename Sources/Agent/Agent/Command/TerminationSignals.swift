import Dispatch
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// SIGTERM and SIGINT as a stream with one element.
public enum TerminationSignals {
    /// The stream. Once it is made, the signals no longer end the process.
    public static func stream() -> AsyncStream<Int32> {
        let (stream, continuation) = AsyncStream<Int32>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield(number) }
            source.resume()
            return SignalSource(source)
        }
        continuation.onTermination = { _ in for source in sources { source.cancel() } }
        return stream
    }

    private final class SignalSource: Sendable {
        private let source: Mutex<DispatchSourceSignal?>
        init(_ source: sending DispatchSourceSignal) { self.source = Mutex(source) }
        func cancel() {
            source.withLock {
                $0?.cancel()
                $0 = nil
            }
        }
    }
}
