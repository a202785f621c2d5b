/// One line of a watch stream, decoded.
public enum WatchEvent<Object: Sendable>: Sendable {
    case added(Object)
    case modified(Object)
    case deleted(Object)
    /// Progress without a change; `initialEventsEnd` closes the initial list of a streaming watch.
    case bookmark(resourceVersion: String, initialEventsEnd: Bool)
    /// The server's last event, an error such as 410 `Expired`.
    case error(Status)
}
