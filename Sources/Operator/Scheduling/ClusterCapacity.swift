import KubernetesAPI

/// Amounts that are free on each node. They stand in one flat table, a row a node and a column a resource:
/// thousands of runs are tried on thousands of nodes many times a minute.
struct ClusterCapacity: Sendable {
    private(set) var nodes: [NodeOffer]
    private var columns: [String: Int] = [:]
    /// Free amounts in thousandths, row by row.
    private var free: [Int64]
    /// Allocatable amounts, in the form of `free`.
    private var total: [Int64]
    /// Indices of the nodes that the demands of a pod allow.
    private var allowed: [NodeDemands: [Int]] = [:]
    /// Places of the gangs that were asked about, in `gangs`.
    private var gangIndices: [GangRequest: Int] = [:]
    private var gangs: [KnownGang] = []
    /// Shapes of those gangs; equal ones are one object.
    private var shapes: Set<PodShape> = []
    /// Smallest number of pods of a shape that found no place: what is free only shrinks.
    private var refused: [ObjectIdentifier: Int] = [:]

    /// A gang that was asked about. Thousands of runs ask for the same, and looking one up is dear.
    private struct KnownGang {
        var request: GangRequest
        var shape: PodShape
        var explanation: String?
    }

    init(nodes: [Node], pods: [PodFootprint]) {
        let offers = nodes.map(NodeOffer.init)
        // Indices are sorted, and not the nodes: moving one costs more than comparing two.
        self.nodes = offers.indices.sorted { offers[$0].name < offers[$1].name }.map { offers[$0] }
        for node in self.nodes {
            for name in node.allocatable.keys where columns[name] == nil { columns[name] = columns.count }
        }
        free = Array(repeating: 0, count: self.nodes.count * columns.count)
        for (index, node) in self.nodes.enumerated() {
            for (name, amount) in node.allocatable {
                if let column = columns[name] { free[index * columns.count + column] = amount }
            }
        }
        total = free
        hold(pods)
    }

    /// Takes what bound pods hold, then places those that wait.
    private mutating func hold(_ pods: [PodFootprint]) {
        let rows = Dictionary(
            nodes.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        var vectors: [ObjectIdentifier: [(column: Int, amount: Int64)]] = [:]
        var waiting: [PodShape] = []
        // Fields are read in place, and no pod is copied.
        pods.withUnsafeBufferPointer { pods in
            for index in pods.indices where !pods[index].isFinished {
                guard let name = pods[index].nodeName else {
                    if !pods[index].isDeleted { waiting.append(pods[index].shape) }
                    continue
                }
                guard let row = rows[name] else { continue }
                let shape = pods[index].shape
                let key = ObjectIdentifier(shape)
                let vector = vectors[key] ?? known(shape.requests)
                vectors[key] = vector
                take(vector, from: row)
            }
        }
        for shape in waiting { _ = place(shape) }
    }

    /// Keeps room for pods that were let in and do not exist yet, as far as there is any.
    mutating func hold(_ count: Int, of gang: GangRequest) {
        guard count > 0 else { return }
        let shape = gangs[index(of: gang)].shape
        for _ in 0..<min(count, 4096) where place(shape) == nil { return }
    }

    /// The number that stands for a gang, and for all that ask for the same.
    mutating func index(of gang: GangRequest) -> Int {
        if let known = gangIndices[gang] { return known }
        let shape = shapes.insert(gang.shape).memberAfterInsert
        gangs.append(KnownGang(request: gang, shape: shape))
        gangIndices[gang] = gangs.count - 1
        return gangs.count - 1
    }

    /// Places as many pods of the gang as fit, at most `limit` and at least its minimum, and answers with
    /// their number; nil, and nothing is placed, where fewer fit.
    ///
    /// - Parameter index: Of the gang, from `index(of:)`.
    mutating func place(gangAt index: Int, atMost limit: Int) -> Int? {
        guard gangs.indices.contains(index) else { return nil }
        let (gang, shape) = (gangs[index].request, gangs[index].shape)
        let most = min(max(0, gang.count), limit)
        let least = max(0, gang.minimum)
        guard least > 0 || most > 0 else { return 0 }
        if let known = refused[ObjectIdentifier(shape)], known <= least { return nil }
        var rows: [Int] = []
        while rows.count < most, let row = place(shape) { rows.append(row) }
        guard rows.count >= least else {
            // Every amount is above 0, and so has a negative.
            let returned = (wanted(shape.requests) ?? []).map { (column: $0.column, amount: -$0.amount) }
            for row in rows { take(returned, from: row) }
            let key = ObjectIdentifier(shape)
            refused[key] = min(refused[key] ?? .max, least)
            return nil
        }
        return rows.count
    }

    /// Places a pod by best fit: on the node that has the least left of what is scarcest, so that gaps stay
    /// large. Returns the node's row; nil if there is none.
    private mutating func place(_ shape: PodShape) -> Int? {
        guard let vector = wanted(shape.requests) else { return nil }
        let width = columns.count
        let scarce = Self.scarcest(shape.requests).flatMap { columns[$0] } ?? 0
        let rows = candidates(for: shape.demands)
        let best = free.withUnsafeBufferPointer { free -> Int? in
            var best: (row: Int, left: Int64)?
            for row in rows {
                let start = row * width
                guard vector.allSatisfy({ free[start + $0.column] >= $0.amount }) else { continue }
                let left = free[start + scarce]
                if best.map({ left < $0.left }) ?? true { best = (row, left) }
            }
            return best?.row
        }
        if let best { take(vector, from: best) }
        return best
    }

    private static func scarcest(_ requests: [String: Int64]) -> String? {
        requests.filter { $0.value > 0 && $0.key.contains("/") }.keys.min() ?? "cpu"
    }

    private mutating func take(_ vector: [(column: Int, amount: Int64)], from row: Int) {
        for (column, amount) in vector {
            let index = row * columns.count + column
            guard free.indices.contains(index) else { continue }
            let (rest, overflow) = free[index].subtractingReportingOverflow(amount)
            free[index] = overflow ? .min : rest
        }
    }

    /// The amounts that some node offers; what none offers can't be taken.
    private func known(_ requests: [String: Int64]) -> [(column: Int, amount: Int64)] {
        requests.compactMap { name, amount in columns[name].map { ($0, amount) } }
    }

    /// The amounts by column; nil if a resource is wanted that no node offers.
    private func wanted(_ requests: [String: Int64]) -> [(column: Int, amount: Int64)]? {
        var vector: [(column: Int, amount: Int64)] = []
        for (name, amount) in requests where amount > 0 {
            guard let column = columns[name] else { return nil }
            vector.append((column, amount))
        }
        return vector
    }

    private mutating func candidates(for demands: NodeDemands) -> [Int] {
        if let known = allowed[demands] { return known }
        let rows = nodes.indices.filter { nodes[$0].exclusion(demands) == nil }
        allowed[demands] = rows
        return rows
    }
}

extension ClusterCapacity {
    /// Cause for which the gang has no place, for people: what it needs, and which nodes are out of the
    /// question.
    ///
    /// - Parameter index: Of the gang, from `index(of:)`.
    mutating func explanation(ofGangAt index: Int) -> String {
        guard gangs.indices.contains(index) else { return "" }
        if let known = gangs[index].explanation { return known }
        let text = describe(gangs[index].request)
        gangs[index].explanation = text
        return text
    }

    private func describe(_ gang: GangRequest) -> String {
        var exclusions: [String: Int] = [:]
        var suitable: [Int] = []
        for (row, node) in nodes.enumerated() {
            if let reason = node.exclusion(gang.demands) {
                exclusions[reason, default: 0] += 1
            } else {
                suitable.append(row)
            }
        }
        let count = gang.minimum
        let wanted = gang.resources.requests.sorted { $0.key < $1.key }.filter { $0.value.milliunits > 0 }
            .map { "\(Self.amount($0.value.milliunits, of: $0.key)) \($0.key)" }.joined(separator: ", ")
        var sentences = [
            "needs \(count) × (\(wanted.isEmpty ? "a pod" : wanted))\(count == 1 ? "" : " at once")"
        ]
        if suitable.isEmpty {
            sentences.append(nodes.isEmpty ? "the cluster has no nodes" : "no node is suitable")
        } else {
            sentences.append(shortage(of: gang, on: suitable))
        }
        for (reason, count) in exclusions.sorted(by: { $0.key < $1.key }) {
            sentences.append("\(count) \(count == 1 ? "node is" : "nodes are") \(reason)")
        }
        return sentences.joined(separator: "; ")
    }

    /// Tells what can never be from what has to wait.
    private func shortage(of gang: GangRequest, on rows: [Int]) -> String {
        let suitable = rows.count == 1 ? "the suitable node" : "the \(rows.count) suitable nodes"
        for (name, wanted) in gang.resources.requests.sorted(by: { $0.key < $1.key })
        where wanted.milliunits > 0 {
            let largest = columns[name].map { column in
                rows.map { total[$0 * columns.count + column] }.max() ?? 0
            }
            guard let largest, largest > 0 else { return "no suitable node has \(name)" }
            if Int128(largest) < wanted.milliunits {
                return "the largest suitable node has \(Self.amount(Int128(largest), of: name)) \(name)"
            }
        }
        let shape = gang.shape
        let places = rows.reduce(0) { sum, row in sum &+ emptyPlaces(for: shape, atMost: gang.count, on: row)
        }
        if places < gang.minimum {
            return "\(suitable) would hold \(places) of them if \(rows.count == 1 ? "it" : "they") were empty"
        }
        return "\(suitable) \(rows.count == 1 ? "has" : "have") no room for that now"
    }

    /// Pods of the shape that the node would take if it were empty.
    private func emptyPlaces(for shape: PodShape, atMost limit: Int, on row: Int) -> Int {
        var places = Int64(max(0, limit))
        for (name, wanted) in shape.requests where wanted > 0 {
            guard let column = columns[name] else { return 0 }
            places = min(places, max(0, total[row * columns.count + column]) / wanted)
        }
        return Int(clamping: places)
    }

    private static func amount(_ milliunits: Int128, of name: String) -> String {
        if name == "memory" || name == "ephemeral-storage" { return "\(milliunits / 1000 / (1 << 20))Mi" }
        return milliunits % 1000 == 0 ? "\(milliunits / 1000)" : "\(milliunits)m"
    }
}

/// A node, with what placing needs of it.
struct NodeOffer: Sendable {
    var name: String
    /// Allocatable amounts in thousandths; `pods` too.
    var allocatable: [String: Int64]
    private var node: Node
    private var isReady: Bool

    init(_ node: Node) {
        self.node = node
        name = node.name
        let ready = node.status?.conditions?.first { $0.type == "Ready" }
        isReady = ready?.status == .true && node.metadata.deletionTimestamp == nil
        allocatable = (node.status?.allocatable ?? node.status?.capacity ?? [:])
            .mapValues { Int64(clamping: $0.milliunits) }
        if allocatable["pods"] == nil { allocatable["pods"] = 110_000 }
    }

    /// Cause for which the node is out of the question however much is free, in words that several nodes may
    /// share; nil if it may take the pod.
    func exclusion(_ demands: NodeDemands) -> String? {
        guard isReady, node.spec?.unschedulable != true else { return "not ready or cordoned" }
        switch demands.exclusion(from: node) {
        case nil: return nil
        case .unschedulable: return "not ready or cordoned"
        case .taint(let taint):
            let value = taint.value.map { "=\($0)" } ?? ""
            return "excluded by the taint \(taint.key)\(value):\(taint.effect)"
        case .label(let key, let value): return "without the label \(key)=\(value)"
        case .affinity: return "not what the node affinity asks for"
        }
    }
}
