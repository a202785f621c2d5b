/// The form in which a client wants its answer.
enum Representation: Sendable, Equatable {
    case object
    case table
    /// The metadata alone; of a list, a list of them.
    case metadata
}

extension Representation {
    /// Chooses what the client likes best among what there is; nil if there is nothing (406).
    ///
    /// - Parameter accept: the header; absent means anything
    init?(accept: String?) {
        guard let accept, !accept.isEmpty else {
            self = .object
            return
        }
        for range in accept.split(separator: ",") {
            let parts = range.split(separator: ";").map { $0.trimmingWhitespace().lowercased() }
            guard let type = parts.first else { continue }
            var parameters: [String: String] = [:]
            for part in parts.dropFirst() {
                let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
                if pair.count == 2 { parameters[pair[0]] = pair[1] }
            }
            guard ["application/json", "application/yaml", "application/*", "*/*"].contains(type) else {
                continue
            }
            switch (parameters["as"], parameters["v"], parameters["g"]) {
            case (nil, _, _):
                self = .object
                return
            case ("table", "v1", "meta.k8s.io"):
                self = .table
                return
            case ("partialobjectmetadata", "v1", "meta.k8s.io"),
                ("partialobjectmetadatalist", "v1", "meta.k8s.io"):
                self = .metadata
                return
            default: continue
            }
        }
        return nil
    }
}
