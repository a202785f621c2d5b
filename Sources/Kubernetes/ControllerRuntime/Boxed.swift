/// A value on the heap. A dictionary keeps a third and more of its places free, which are as large as its
/// values: too much for objects of some kilobytes.
final class Boxed<Value: Sendable>: Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
