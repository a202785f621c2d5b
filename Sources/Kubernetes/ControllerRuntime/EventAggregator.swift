import Collections
import KubernetesAPI

/// Content of an event about an object.
public struct EventRecord: Hashable, Sendable {
    public var regarding: ObjectReference
    /// `Normal` or `Warning`.
    public var type: String
    /// CamelCase, machine readable, at most 128 bytes.
    public var reason: String
    /// CamelCase; the action that was taken or failed.
    public var action: String
    /// Text for people, at most 1,024 bytes.
    public var note: String

    public init(regarding: ObjectReference, type: String, reason: String, action: String, note: String) {
        self.regarding = regarding
        self.type = type
        self.reason = reason
        self.action = action
        self.note = note
    }
}

/// Joins repetitions of an event into one series, as a value.
struct EventAggregator: Sendable {
    enum Write: Sendable {
        case create(Event)
        case update(ObjectKey, EventSeries)
    }

    private struct Series: Sendable {
        var key: ObjectKey
        var count: Int64
        var lastSeen: MicroTime
        var lastWritten: MicroTime
    }

    /// Seconds without the event after which its series has ended: the next one begins anew.
    private static let seriesEnd: Int64 = 360
    /// Seconds between two writes of one series, at least.
    private static let writeInterval: Int64 = 30

    private var series: [EventRecord: Series] = [:]
    /// The records of `series`, from the oldest to the newest.
    private var order = Deque<EventRecord>()
    private let limit: Int
    private let component: String
    private let instance: String

    init(component: String, instance: String, limit: Int = 1024) {
        self.component = component
        self.instance = instance
        self.limit = limit
    }

    var count: Int { series.count }

    /// The write for a record; nil if it joins a series that is not due to be written.
    mutating func take(_ record: EventRecord, now: MicroTime, identifier: UInt64) -> Write? {
        makeRoom(now: now)
        guard var known = series[record], !isEnded(known, now: now) else {
            let event = event(record, now: now, identifier: identifier)
            let begun = Series(key: event.key, count: 1, lastSeen: now, lastWritten: now)
            if series.updateValue(begun, forKey: record) == nil { order.append(record) }
            return .create(event)
        }
        known.count = known.count == .max ? .max : known.count + 1
        known.lastSeen = now
        defer { series[record] = known }
        let isDue = now.timestamp.seconds(since: known.lastWritten.timestamp) >= Self.writeInterval
        // The second event makes it a series, so it is written at once.
        guard known.count == 2 || isDue else { return nil }
        known.lastWritten = now
        return .update(known.key, EventSeries(count: known.count, lastObservedTime: now))
    }

    /// Forgets an event that could not be written.
    mutating func drop(_ record: EventRecord) {
        guard series.removeValue(forKey: record) != nil else { return }
        order.removeAll { $0 == record }
    }

    /// Forgets the oldest series that have ended, and one more if there are too many: if that one goes on, it
    /// begins a new series.
    private mutating func makeRoom(now: MicroTime) {
        while let oldest = order.first, let known = series[oldest],
            series.count >= limit || isEnded(known, now: now)
        {
            order.removeFirst()
            series[oldest] = nil
        }
    }

    private func isEnded(_ series: Series, now: MicroTime) -> Bool {
        now.timestamp.seconds(since: series.lastSeen.timestamp) >= Self.seriesEnd
    }

    private func event(_ record: EventRecord, now: MicroTime, identifier: UInt64) -> Event {
        let namespace = record.regarding.namespace.flatMap { $0.isEmpty ? nil : $0 } ?? "default"
        // A name has 253 characters at most; the identifier and its dot take 17 of them.
        let base = String((record.regarding.name ?? "event").prefix(230))
        let hexadecimal = String(identifier, radix: 16)
        var event = Event(metadata: ObjectMeta(name: "\(base).\(hexadecimal)", namespace: namespace))
        event.eventTime = now
        event.reportingController = component
        event.reportingInstance = Self.cut(instance, bytes: 128)
        event.action = Self.cut(record.action, bytes: 128)
        event.reason = Self.cut(record.reason, bytes: 128)
        event.regarding = record.regarding
        event.note = Self.cut(record.note, bytes: 1024)
        event.type = record.type
        return event
    }

    /// The longest prefix of whole characters that fits in `limit` bytes.
    static func cut(_ text: String, bytes limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        var count = 0
        let kept = text.prefix { character in
            count += character.utf8.count
            return count <= limit
        }
        return String(kept)
    }
}
