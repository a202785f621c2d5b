import Encodings
import Testing

@testable import ObjectStorage

@Suite struct S3LocationTests {
    @Test(arguments: [
        ("s3://bucket/key", "bucket", "key"),
        ("s3://my.bucket-1/a/b c+é/", "my.bucket-1", "a/b c+é/"),
        ("s3://bucket", "bucket", ""),
        ("s3://bucket/", "bucket", ""),
        ("s3://bucket//double", "bucket", "double"),
    ])
    func `an address gives bucket and key`(text: String, bucket: String, key: String) throws {
        #expect(try S3Location(text) == S3Location(bucket: bucket, key: key))
    }

    @Test(arguments: [
        ("bucket/key", "does not begin with s3://"),
        ("http://bucket/key", "does not begin with s3://"),
        ("s3://", "names no bucket"),
        ("s3:///key", "names no bucket"),
        ("s3://a/key", "no bucket name"),
        ("s3://bad bucket/key", "no bucket name"),
        ("s3://bucket/../secrets", "'.' or '..' segment"),
        ("s3://bucket/a/./b", "'.' or '..' segment"),
        ("s3://bucket/a\nb", "control character"),
        ("s3://bucket/\(String(repeating: "k", count: 1025))", "longer than 1,024 bytes"),
    ])
    func `a malformed address is refused with a remedy`(text: String, problem: String) throws {
        let error = #expect(throws: S3Error.self) { try S3Location(text) }
        #expect(error?.code == .invalidLocation)
        #expect(error?.message.contains(problem) == true)
        #expect(error?.message.contains("s3://bucket/key") == true)
    }

    @Test func `a path is appended below a folder`() {
        #expect(S3Location(bucket: "bucket", key: "a").appending("b").key == "a/b")
        #expect(S3Location(bucket: "bucket", key: "a/").appending("b").key == "a/b")
        #expect(S3Location(bucket: "bucket", key: "").appending("b").key == "b")
    }
}

@Suite struct S3ConfigurationTests {
    private func url(
        _ endpoint: String?, pathStyle: Bool, bucket: String = "bucket", key: String,
        query: [(name: String, value: String)] = []
    ) throws -> String {
        try S3Configuration(endpoint: endpoint, region: "eu-west-1", pathStyle: pathStyle)
            .url(bucket: bucket, key: key, query: query)
    }

    @Test func `a bucket is addressed by path or by host`() throws {
        #expect(
            try url("http://127.0.0.1:9000/", pathStyle: true, key: "a/b")
                == "http://127.0.0.1:9000/bucket/a/b")
        #expect(
            try url("https://s3.example.com", pathStyle: false, key: "a") == "https://bucket.s3.example.com/a"
        )
        #expect(try url(nil, pathStyle: false, key: "a") == "https://bucket.s3.eu-west-1.amazonaws.com/a")
        #expect(
            try url("https://s3.example.com", pathStyle: false, bucket: "b.c.d", key: "a")
                == "https://s3.example.com/b.c.d/a")
    }

    @Test func `keys are encoded and queries sorted`() throws {
        #expect(
            try url(
                "http://h", pathStyle: true, key: "a b+c/é~*'(",
                query: [("uploads", ""), ("X", "a/b"), ("a", "1")])
                == "http://h/bucket/a%20b%2Bc/%C3%A9~%2A%27%28?X=a%2Fb&a=1&uploads=")
    }

    @Test func `encoded keys of listings are decoded`() {
        #expect(PercentEncoding.decode("a+b%2Bc%C3%A9", plusIsSpace: true) == "a b+cé")
        #expect(PercentEncoding.decode("%", plusIsSpace: true) == nil)
        #expect(PercentEncoding.decode("%zz", plusIsSpace: true) == nil)
        #expect(PercentEncoding.decode("%ff", plusIsSpace: true) == nil)
    }

    @Test(arguments: [
        "ftp://host", "host:9000", "https://", "https://a/b", "https://user@host", "https://a b",
    ])
    func `a malformed endpoint is refused`(text: String) {
        let error = #expect(throws: S3Error.self) { try S3Configuration(endpoint: text) }
        #expect(error?.code == .invalidEndpoint)
        #expect(error?.message.contains("storage.endpoint") == true)
    }
}
