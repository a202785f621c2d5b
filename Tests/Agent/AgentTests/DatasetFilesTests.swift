import Testing

@testable import Agent

@Suite struct DatasetFilesTests {
    @Test func `hidden names and companions are no data`() throws {
        let chosen = try DatasetFiles(paths: [
            "part-00000.jsonl", "part-00001.json.gz", "_SUCCESS", "_temporary/0/part-00000.jsonl",
            ".part-0.jsonl.crc",
            ".cache/x.jsonl", "README.md", "readme.txt", "LICENSE", "manifest.json",
            "sub/anneal-manifest.json", "dataset_info.json",
            "part-00002",
        ])
        #expect(chosen.files.map(\.path) == ["part-00000.jsonl", "part-00001.json.gz", "part-00002"])
        #expect(chosen.heldBack == [])
    }

    @Test(arguments: [
        "x.parquet", "x.csv", "x.tsv", "x.arrow", "x.jsonl.zst", "x.jsonl.bz2", "x.zip", "x.csv.gz",
        "more/x.txt",
        "x.tar", "x.bin",
    ])
    func `a shard that cannot be read is refused by name and not left out`(path: String) {
        let refusal = #expect(throws: DatasetFiles.Refusal.self) {
            try DatasetFiles(paths: ["a.jsonl", path])
        }
        #expect(refusal?.path == path)
    }

    @Test(arguments: [
        ("train.jsonl", DatasetSplit.train), ("train-00000-of-00002.jsonl", .train),
        ("training_data.json", .train),
        ("data/train/part-0.jsonl", .train), ("squad_v2_train.jsonl.gz", .train), ("train.v2.jsonl", .train),
        ("validation.jsonl", .validation), ("valid/1.jsonl", .validation), ("my-dev.jsonl", .validation),
        ("eval_set.jsonl", .validation), ("test.jsonl", .test), ("TEST/0.jsonl", .test),
        ("held/heldout.jsonl", .test),
        ("part-00000.jsonl", nil), ("latest.jsonl", nil), ("contest.jsonl", nil), ("trainers.jsonl", nil),
        ("2024/01.jsonl", nil),
    ])
    func `a split is named by a word of the path`(path: String, split: DatasetSplit?) {
        #expect(DatasetSplit(path: path) == split)
    }

    @Test func `test records are never trained on`() throws {
        let chosen = try DatasetFiles(paths: ["test.jsonl", "train.jsonl", "validation.jsonl"])
        #expect(
            chosen.files == [
                .init(path: "train.jsonl", split: .train),
                .init(path: "validation.jsonl", split: .validation),
            ])
        #expect(chosen.heldBack == ["test.jsonl"])
    }

    @Test(arguments: [
        (["train.jsonl", "extra.jsonl"], "belongs to no split"),
        (["test.jsonl", "extra.jsonl"], "belongs to no split"),
        (["test.jsonl"], "as test data, and none as train"), (["validation.jsonl"], "as validation data"),
        (["README.md", "_SUCCESS"], "no file of it holds records"), ([], "no file"),
    ])
    func `a folder that is unclear is refused`(paths: [String], problem: String) {
        let refusal = #expect(throws: DatasetFiles.Refusal.self) { try DatasetFiles(paths: paths) }
        #expect(refusal?.problem.contains(problem) == true, "\(refusal?.problem ?? "")")
    }
}
