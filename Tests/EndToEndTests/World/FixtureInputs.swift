import Foundation

/// Inputs of the fixture runs in S3, made when the servers start.
enum FixtureInputs {
    static let model = "s3://models/fixture/"
    static let dataset = "s3://datasets/records.jsonl"
    /// Five thousand records, of which the 4,711th is cut off.
    static let corruptDataset = "s3://datasets/corrupt.jsonl"
    static let artifacts = "s3://artifacts/fixture"

    static func put(into store: S3Server) async throws {
        for bucket in ["models", "datasets", "artifacts"] { try await store.put(bucket) }
        try await store.put("models/fixture/config.json", Data(#"{"model_type": "fixture"}"#.utf8))
        try await store.put("models/fixture/weights.txt", Data("0123456789abcdef".utf8))
        try await store.put("datasets/records.jsonl", records(200))
        try await store.put("datasets/corrupt.jsonl", records(5000, corrupt: 4711))
    }

    private static func records(_ count: Int, corrupt: Int? = nil) -> Data {
        var text = ""
        for number in 1...count {
            let record =
                #"{"prompt": "What is \#(number) times \#(number)?", "completion": "\#(number * number)"}"#
            text += (number == corrupt ? String(record.prefix(20)) : record) + "\n"
        }
        return Data(text.utf8)
    }
}
