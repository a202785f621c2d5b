import AnnealAPI
import Encodings
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
            throw AgentFailure(
                reason: "InvalidConfiguration", message: "in the configuration, \(error.problem)")
        } catch {
            throw AgentFailure(
                reason: "InvalidConfiguration",
                message: "the configuration cannot be read: it is \(ContentKind(of: data).description)")
        }
    }
}
