import KubernetesAPI

extension ClusterSnapshot {
    /// Why the gang has no place, for people: what it needs, what is free, which nodes are out and why.
    func explanation(of gang: GangRequest) -> String {
        var exclusions: [String: Int] = [:]
        var fitting: [FreeNode] = []
        for node in nodes {
            if let reason = node.exclusion(of: gang.demands) {
                exclusions[reason, default: 0] += 1
            } else {
                fitting.append(node)
            }
        }
        let wanted = gang.requests.sorted { $0.key < $1.key }
            .filter { $0.value.milliunits > 0 }
            .map { "\(Self.amount($0.value.milliunits, of: $0.key)) \($0.key)" }.joined(separator: ", ")
        var sentences = ["needs \(gang.count) × (\(wanted.isEmpty ? "a pod" : wanted)) at once"]
        if fitting.isEmpty {
            sentences.append(nodes.isEmpty ? "the cluster has no nodes" : "no node is suitable")
        } else {
            sentences.append(shortage(of: gang, on: fitting))
        }
        for (reason, count) in exclusions.sorted(by: { $0.key < $1.key }) {
            sentences.append("\(count) \(count == 1 ? "node is" : "nodes are") \(reason)")
        }
        return sentences.joined(separator: "; ")
    }

    private func shortage(of gang: GangRequest, on nodes: [FreeNode]) -> String {
        let suitable = "\(nodes.count) suitable \(nodes.count == 1 ? "node" : "nodes")"
        let short = gang.requests.sorted { $0.key < $1.key }.filter { name, wanted in
            let places = nodes.reduce(into: Int128(0)) { sum, node in
                guard wanted.milliunits > 0 else { return }
                sum += max(0, node.free[name] ?? 0) / wanted.milliunits
            }
            return wanted.milliunits > 0 && places < Int128(max(0, gang.count))
        }
        guard !short.isEmpty else {
            return "no suitable node (of \(nodes.count)) has all of it free together"
        }
        let free = short.map { name, _ in
            let total = nodes.reduce(into: Int128(0)) { sum, node in
                let (next, overflow) = sum.addingReportingOverflow(max(0, node.free[name] ?? 0))
                sum = overflow ? .max : next
            }
            return "\(Self.amount(total, of: name)) \(name)"
        }
        return "free on \(suitable): \(free.joined(separator: ", "))"
    }

    private static func amount(_ milliunits: Int128, of name: String) -> String {
        if name == "memory" || name == "ephemeral-storage" { return "\(milliunits / 1000 / (1 << 20))Mi" }
        return milliunits % 1000 == 0 ? "\(milliunits / 1000)" : "\(milliunits)m"
    }
}
