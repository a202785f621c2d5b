import HTTPTransport
import ServiceLifecycle

/// Gives back what a start took up, and now and then what has gathered since: an operator is idle for most of
/// its life, beside everything else of a control plane.
struct IdleMemory: ServiceLifecycle.Service {
    /// Wait before the first release: the caches are filled by then, and the controllers run.
    var first: Duration = .seconds(10)
    var interval: Duration = .seconds(600)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var delay = first
            while (try? await Task.sleep(for: delay)) != nil {
                ProcessMemory.returnUnused()
                delay = interval
            }
        }
    }
}
