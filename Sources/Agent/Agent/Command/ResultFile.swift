import AnnealAPI
import FoundationEssentials
import KubernetesAPI
import Logging
import ObjectStorage

/// The file that becomes the container's termination message.
struct ResultFile {
    /// Bytes that the kubelet keeps of the file.
    static let limit = 4096

    let path: String

    /// Writes a report, in place: the file is mounted, and a rename onto it would fail.
    func write(_ report: StageReport, logger: Logger) {
        do {
            let file = try LocalFile(creating: path)
            try file.write(Self.encode(report))
        } catch {
            logger.error("the report cannot be written to '\(path)': \(error)")
        }
    }

    /// The report as JSON of `limit` bytes at most; a message that is too long is cut.
    static func encode(_ report: StageReport) -> Data {
        var report = report
        var budget = limit
        while true {
            let data = (try? JSONValue(encoding: report).serialized()) ?? Data()
            if data.count <= limit { return data }
            guard let message = report.message, !message.isEmpty else {
                // Counts and digests decide what follows; warnings can be missed.
                if report.warnings != nil {
                    report.warnings = nil
                    continue
                }
                // Only addresses are of unbounded size beside these; the reason alone always fits.
                report = StageReport(
                    reason: String(report.reason.prefix(100)), message: nil, isRetryable: report.isRetryable)
                continue
            }
            budget = budget / 2 < 16 ? 0 : budget / 2
            report.message = budget == 0 ? nil : truncated(message, to: budget)
        }
    }

    private static func truncated(_ text: String, to bytes: Int) -> String {
        guard text.utf8.count > bytes else { return text }
        var cut = ""
        var count = 0
        for scalar in text.unicodeScalars {
            count += scalar.utf8.count
            guard count <= bytes else { break }
            cut.unicodeScalars.append(scalar)
        }
        return cut + " …"
    }
}
