import KubernetesAPI

/// One line of `metrics.jsonl`. A value that is no finite number counts as absent.
struct MetricsPoint: Equatable, Sendable {
    var step: Int64?
    var totalSteps: Int64?
    var epoch: Double?
    var loss: Double?
    var evalLoss: Double?
    var learningRate: Double?
    var tokensPerSecond: Double?
    /// What the trainer warns of; nil if the line says nothing of it.
    var warnings: [String]?

    private static let warningLimit = 8
    private static let warningLength = 500

    /// Nil for a line that is no JSON object, such as half a line.
    init?(_ line: [UInt8]) {
        guard let value = try? JSONValue(parsing: line, depthLimit: 8), case .object(let members) = value
        else { return nil }
        func whole(_ key: String) -> Int64? { members[key]?.integerValue.flatMap { $0 >= 0 ? $0 : nil } }
        func number(_ key: String) -> Double? { members[key]?.doubleValue.flatMap { $0.isFinite ? $0 : nil } }
        step = whole("step")
        totalSteps = whole("totalSteps")
        epoch = number("epoch")
        loss = number("loss")
        evalLoss = number("evalLoss")
        learningRate = number("learningRate")
        tokensPerSecond = number("tokensPerSecond")
        warnings = members["warnings"]?.arrayValue.map { list in
            list.compactMap(\.stringValue).prefix(Self.warningLimit).map {
                String($0.prefix(Self.warningLength))
            }
        }
    }
}
