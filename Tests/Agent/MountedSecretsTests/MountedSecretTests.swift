import Foundation
import TestSupport
import Testing

@testable import MountedSecrets

struct MountedSecretTests {
    private let folder: SecretFolder
    private let secret: MountedSecret

    init() throws {
        folder = try SecretFolder()
        secret = MountedSecret(
            folder: folder.path, namespace: "team", name: "s3", field: "storage.credentialsSecretName",
            keys: ["user", "password"])
    }

    private func write(_ key: String, _ value: String) throws {
        try Data(value.utf8).write(to: URL(filePath: "\(folder.path)/\(key)"))
    }

    private func read() throws(SecretError) -> [String: String] {
        try secret.values(for: "http://minio:9000", of: "storage.endpoint")
    }

    @Test func `values are those of the files, without line feeds at their ends`() throws {
        try write("user", "me\n")
        try write("password", "geheim\r\n\n")
        try write("other", "not asked for")
        try write("allowedHosts", "a.example\nminio\n")
        #expect(try read() == ["user": "me", "password": "geheim", "allowedHosts": "a.example\nminio"])
    }

    @Test func `a Secret that is rotated is read again, and all of it at once`() throws {
        try folder.rotate(["user": "a", "password": "one", "allowedHosts": "*"])
        #expect(try read()["password"] == "one")
        // As long as the former values, in the same second.
        try folder.rotate(["user": "b", "password": "two", "allowedHosts": "*"])
        #expect(try read() == ["user": "b", "password": "two", "allowedHosts": "*"])
        try folder.rotate(["user": "c", "password": "six"])
        #expect(throws: SecretError.self) { try read() }
    }

    @Test func `readers see no mixture while it is rotated again and again`() async throws {
        try folder.rotate(["user": "0", "password": "0", "allowedHosts": "*"])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for version in 1...300 {
                    try folder.rotate(["user": "\(version)", "password": "\(version)", "allowedHosts": "*"])
                }
            }
            group.addTask {
                for _ in 0..<3000 {
                    let values = try? read()
                    #expect(values == nil || values?["user"] == values?["password"])
                }
            }
            try await group.waitForAll()
        }
        #expect(try read()["user"] == "300")
    }

    @Test func `without a list of hosts it goes nowhere, and the remedy is a command`() throws {
        try write("password", "geheim")
        let error = try #require(throws: SecretError.self) { try read() }
        #expect(error.code == .notAllowed)
        #expect(
            error.message == """
                storage.credentialsSecretName: Secret 's3' does not say that it may be sent to 'minio:9000', the host \
                of storage.endpoint. If it may, say so: kubectl -n team patch secret s3 -p \
                '{"stringData":{"allowedHosts":"minio:9000"}}'
                """)
    }

    @Test func `the remedy for a second host keeps the first`() throws {
        try write("password", "geheim")
        try write("allowedHosts", "mlflow.ml\n")
        let error = try #require(throws: SecretError.self) { try read() }
        #expect(error.message.contains(#""allowedHosts":"mlflow.ml,minio:9000""#))
    }

    @Test func `an empty folder is a Secret that is missing`() throws {
        let error = try #require(throws: SecretError.self) { try read() }
        #expect(error.code == .missing)
        #expect(error.message.contains("Secret 's3' is not there"))
    }

    @Test(arguments: [Data("a\nb".utf8), Data([0xFF, 0xFE]), Data([0x61, 0])])
    func `a value that is no text is refused by the key's name, and is not shown`(value: Data) throws {
        try write("allowedHosts", "*")
        try value.write(to: URL(filePath: "\(folder.path)/password"))
        let error = try #require(throws: SecretError.self) { try read() }
        #expect(error.code == .malformed)
        #expect(error.message.contains("key password"))
        #expect(!error.message.contains("a\nb"))
    }

    @Test(
        arguments: [
            ("true", nil), ("True\n", nil), (nil, .missing), ("false", .notAllowed), ("", .notAllowed),
            ("yes", .notAllowed),
        ]
            as [(String?, SecretError.Code?)])
    func `programs get a Secret that says so only`(value: String?, code: SecretError.Code?) throws {
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/hub", withIntermediateDirectories: true)
        if let value { try write("hub/allowedInPrograms", value) }
        let secrets = ProgramSecrets(folder: folder.path, namespace: "team")
        var error: SecretError?
        do throws(SecretError) { try secrets.check("hub", "spec.trainer.env[0]") } catch let failure {
            error = failure
        }
        #expect(error?.code == code)
        if let error {
            #expect(error.message.hasPrefix("spec.trainer.env[0]: Secret 'hub'"))
            #expect(
                error.message.contains(
                    #"kubectl -n team patch secret hub -p '{"stringData":{"allowedInPrograms":"true"}}'"#))
        }
    }
}
