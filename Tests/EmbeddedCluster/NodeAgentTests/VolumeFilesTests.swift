import FoundationEssentials
import KubernetesAPI
import Testing

@testable import NodeAgent

@Suite struct VolumeFilesTests {
    static let source = VolumeFiles(
        objects: NamespaceObjects(
            configMaps: ["m": ConfigMap(metadata: ObjectMeta(name: "m"), data: ["a": "1", "b": "2"])],
            secrets: ["s": Secret(metadata: ObjectMeta(name: "s"), data: ["k": Data("v".utf8)])]),
        fields: DownwardFields(
            pod: Pod(metadata: ObjectMeta(name: "p", namespace: "ns"), spec: PodSpec()), podIP: "127.16.0.1",
            hostIP: "127.0.0.1"),
        tokens: [ServiceAccountTokenProjection(path: "token", expirationSeconds: 3607): "jwt"])

    @Test
    func `a config map gives its keys, or those that are chosen, where they are wanted`() throws {
        #expect(try Self.source.files(of: Volume(name: "v", configMap: "m"))?.map(\.path) == ["a", "b"])
        var chosen = Volume(name: "v", configMap: "m")
        chosen.configMap?.items = [KeyToPath(key: "b", path: "deep/file")]
        chosen.configMap?.defaultMode = 0o400
        #expect(
            try Self.source.files(of: chosen)
                == [VolumeFile(path: "deep/file", contents: Data("2".utf8), mode: 0o400)])
    }

    @Test
    func `a missing object is an error unless it is optional`() throws {
        #expect(throws: ConfigurationError("configmap \"none\" not found")) {
            try Self.source.files(of: Volume(name: "v", configMap: "none"))
        }
        var optional = Volume(name: "v", secret: "none")
        optional.secret?.optional = true
        #expect(try Self.source.files(of: optional) == [])
    }

    @Test(arguments: ["../x", "/etc/passwd", "a/../../b", ""])
    func `a path that leaves the volume is refused`(path: String) {
        var volume = Volume(name: "v", configMap: "m")
        volume.configMap?.items = [KeyToPath(key: "a", path: path)]
        #expect(throws: ConfigurationError.self) { try Self.source.files(of: volume) }
    }

    @Test
    func `a sub-path cannot follow a link out of the volume`() throws {
        let root = "/tmp/anneal-subpath-tests-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: root) }
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: "\(root)/out", withDestinationPath: "/etc")
        #expect(throws: ConfigurationError.self) { try PodFiles.resolve(subPath: "out", in: root) }
        #expect(throws: ConfigurationError.self) { try PodFiles.resolve(subPath: "../x", in: root) }
        #expect(try PodFiles.resolve(subPath: "in/deep", in: root).hasSuffix("/in/deep"))
    }

    @Test
    func `pods get their account's token where no admission plugin has seen to it`() throws {
        var pod = Pod(metadata: ObjectMeta(name: "p"), spec: PodSpec(containers: [Container(name: "c")]))
        let extended = pod.addingServiceAccountToken()
        let volume = try #require(extended.spec?.volumes?.first)
        #expect(extended.spec?.containers.first?.volumeMounts?.first?.mountPath == Pod.tokenMountPath)
        #expect(throws: ConfigurationError("configmap \"kube-root-ca.crt\" not found")) {
            try Self.source.files(of: volume)
        }
        pod.spec?.automountServiceAccountToken = false
        #expect(pod.addingServiceAccountToken() == pod)
        pod.spec?.automountServiceAccountToken = nil
        pod.spec?.serviceAccountName = "default"
        #expect(pod.addingServiceAccountToken() == pod)
    }
}
