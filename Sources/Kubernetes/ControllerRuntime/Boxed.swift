/// A value on the heap. A dictionary keeps a third or more of its places free, each as large as a value: too
/// much for objects of some kilobytes.
final class Boxed<Value: Sendable>: Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
