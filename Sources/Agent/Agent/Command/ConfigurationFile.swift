import AnnealAPI
import FoundationEssentials

/// Reads the JSON file that `ANNEAL_CONFIG` names.
enum ConfigurationFile {
    private static let sizeLimit = 4 << 20

    static func load<T: Decodable>(_ path: String, as type: T.Type) throws(AgentFailure) -> T {
        let data: Data
        do { data = try Data(contentsOf: URL(filePath: path)) } catch {
            throw .configuration(
                EnvironmentName.configuration, path,
                "cannot be read; name a file with the command's configuration as JSON")
        }
        guard data.count <= sizeLimit else {
            throw .configuration(EnvironmentName.configuration, path, "is larger than \(sizeLimit) bytes")
        }
        return try decode(data, as: type)
    }

    static func decode<T: Decodable>(_ data: Data, as type: T.Type) throws(AgentFailure) -> T {
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch let error as DecodingError {
            throw failure(error)
        } catch {
            throw AgentFailure(reason: "InvalidConfiguration", message: "\(error)")
        }
    }

    private static func failure(_ error: DecodingError) -> AgentFailure {
        func path(_ keys: [any CodingKey]) -> String {
            let names = keys.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
            return names.isEmpty ? "the configuration" : names.joined(separator: ".")
        }
        let text =
            switch error {
            case .keyNotFound(let key, let context):
                "\(path(context.codingPath + [key])): is missing; add it"
            case .valueNotFound(_, let context):
                "\(path(context.codingPath)): is null; give it a value"
            case .typeMismatch(let type, let context):
                "\(path(context.codingPath)): is no \(type); \(context.debugDescription)"
            case .dataCorrupted(let context):
                "\(path(context.codingPath)): \(context.debugDescription)"
            @unknown default: "\(error)"
            }
        return AgentFailure(reason: "InvalidConfiguration", message: text)
    }
}
