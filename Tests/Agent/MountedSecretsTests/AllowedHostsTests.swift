import Testing

@testable import MountedSecrets

struct AllowedHostsTests {
    @Test(
        arguments: [
            ("minio.ml", "http://minio.ml:9000"), ("minio.ml:9000", "http://minio.ml:9000/"),
            ("MinIO.ml", "https://minio.ML"), ("a.example, minio.ml", "http://minio.ml"),
            ("a.example\n\tminio.ml\n", "http://minio.ml"), ("*", "https://anything.example"),
            ("*.example.com", "https://s3.eu.example.com"), ("*:9000", "http://minio:9000"),
            ("https://minio.ml", "https://minio.ml"), ("minio.ml:443", "https://minio.ml/path"),
            ("minio.ml:80", "http://minio.ml"), ("[::1]:9000", "http://[::1]:9000"),
            ("[::1]", "http://[::1]"),
            ("*.amazonaws.com", "https://s3.us-east-1.amazonaws.com"), ("127.0.0.1", "http://127.0.0.1:5000"),
        ])
    func `a host that is listed is allowed`(list: String, url: String) throws {
        #expect(AllowedHosts(list).allows(try #require(NetworkAddress(url))))
    }

    @Test(
        arguments: [
            ("", "http://minio.ml"), ("minio.ml:9000", "http://minio.ml:9001"),
            ("minio.ml:9000", "http://minio.ml"),
            ("https://minio.ml", "http://minio.ml"), ("minio.ml", "http://evil-minio.ml"),
            ("minio.ml", "http://minio.ml.evil.example"), ("minio.ml", "http://sub.minio.ml"),
            ("*.example.com", "https://example.com"), ("*.example.com", "https://evilexample.com"),
            ("*.example.com", "https://example.com.evil"), ("*example.com", "https://evilexample.com"),
            ("minio.ml/path", "http://minio.ml"), ("minio.*", "http://minio.ml"),
            ("minio.ml.", "http://minio.ml"),
            ("minio.ml", "http://minio.ml."), ("*.", "http://minio.ml"), ("minio.ml:http", "http://minio.ml"),
            ("user@minio.ml", "http://minio.ml"), ("minio.ml:0", "http://minio.ml"), (",", "http://minio.ml"),
            ("*:9000", "http://minio:9001"), ("0.0.1", "http://127.0.0.1"),
        ])
    func `a host that is not listed is not allowed`(list: String, url: String) throws {
        #expect(!AllowedHosts(list).allows(try #require(NetworkAddress(url))))
    }

    /// Programs differ in what host such an address has.
    @Test(
        arguments: [
            "http://minio.ml@evil.example", "http://evil.example\\.minio.ml",
            "http://evil.example%2f.minio.ml",
            "http://minio.ml#@evil.example", "http://minio.ml?@evil.example", "http://minio.ml:80:90",
            "http://minio.ml:99999", "http://minio.ml:", "ftp://minio.ml", "minio.ml", "http://", "http:///x",
            "http://minio..ml", "http://[minio.ml]", "http://[::1", "http://mini\u{F6}.ml",
            "http://minio.ml ",
        ])
    func `an address that can be read in two ways is none`(url: String) {
        #expect(NetworkAddress(url) == nil)
    }

    @Test func `the remedy keeps what is listed already, and no word that is no host`() throws {
        let address = try #require(NetworkAddress("http://minio.ml:9000"))
        #expect(
            AllowedHosts("https://A.example:1, *.b, no/host *").adding(address)
                == "https://a.example:1,*.b,*,minio.ml:9000")
    }
}
