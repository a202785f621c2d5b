// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours is compiled in language mode 6 with warnings as errors.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTLS = Target.Dependency.product(name: "HummingbirdTLS", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let certificateReloading = Target.Dependency.product(
    name: "NIOCertificateReloading", package: "swift-nio-extras")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

/// The folder of `Sources`, and of `Tests`, that a target lies in.
enum Half: String {
    case kubernetes = "Kubernetes"
    case `operator` = "Operator"
    case agent = "Agent"
    case embeddedCluster = "EmbeddedCluster"
}

/// A library target and, where it has one, its test target.
func library(
    _ name: String, in half: Half, _ dependencies: [Target.Dependency], testing: [Target.Dependency]? = nil,
    resources: [Resource] = [], testData: [String] = []
) -> [Target] {
    let target = Target.target(
        name: name, dependencies: dependencies, path: "Sources/\(half.rawValue)/\(name)",
        resources: resources,
        swiftSettings: strict)
    guard let testing else { return [target] }
    let tests = Target.testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name)] + testing,
        path: "Tests/\(half.rawValue)/\(name)Tests", exclude: testData, swiftSettings: strict)
    return [target, tests]
}

func program(
    _ name: String, _ dependencies: [Target.Dependency], linker: [LinkerSetting] = []
) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "Sources/Programs/\(name)", swiftSettings: strict,
        linkerSettings: linker)
}

let package = Package(
    name: "anneal",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "anneal-operator", targets: ["anneal-operator"]),
        .executable(name: "anneal-agent", targets: ["anneal-agent"]),
        .executable(name: "anneal-local", targets: ["anneal-local"]),
        .executable(name: "crdgen", targets: ["crdgen"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: [
        // The bottom: libcurl, what both halves need one of (a seeded generator, encodings of bytes, a handler of
        // logs), the wire types, and what carries them.
        [.target(name: "CCurl", path: "Sources/Kubernetes/CCurl", linkerSettings: [.linkedLibrary("curl")])],
        library("SeededRandomness", in: .kubernetes, []),
        library("Encodings", in: .kubernetes, [crypto], testing: []),
        library("JSONLogging", in: .kubernetes, [logging], testing: [logging]),
        library("KubernetesAPI", in: .kubernetes, ["Encodings"], testing: []),
        library("HTTPTransport", in: .kubernetes, ["CCurl", logging], testing: ["TestSupport"]),
        library(
            "KubernetesClient", in: .kubernetes, ["KubernetesAPI", "HTTPTransport", logging, yams],
            testing: ["HTTPTransport", "KubernetesAPI", "TestSupport"]),
        library(
            "ControllerRuntime", in: .kubernetes,
            [
                "HTTPTransport", "KubernetesAPI", "KubernetesClient", "SeededRandomness", collections,
                logging,
                serviceLifecycle,
            ],
            testing: [
                "HTTPTransport", "KubernetesAPI", "KubernetesClient", "SeededRandomness", "TestSupport",
            ]),

        // What suites share: servers and proxies whose answers a test decides, programs that it starts, and this
        // repository's YAML files.
        [
            .target(
                name: "TestSupport",
                dependencies: ["HTTPTransport", "KubernetesAPI", "ObjectStorage", logging, yams],
                path: "Tests/TestSupport", swiftSettings: strict)
        ],

        // What Anneal is: its resources, and the pure decisions about them.
        library(
            "StructuralSchema", in: .kubernetes, ["KubernetesAPI"],
            testing: ["KubernetesAPI", "SeededRandomness"]),
        library(
            "AnnealAPI", in: .operator, ["Encodings", "KubernetesAPI", "StructuralSchema"],
            testing: ["KubernetesAPI", "TestSupport", "StructuralSchema"], testData: ["WrongManifests"]),
        library(
            "Scheduling", in: .operator, ["KubernetesAPI"],
            testing: ["SeededRandomness"]),
        library(
            "Planning", in: .operator, ["AnnealAPI", "Encodings", "KubernetesAPI", "Scheduling"],
            testing: ["AnnealAPI", "KubernetesAPI", "Scheduling", "SeededRandomness"]),

        // The edge: what talks to clusters, stores and registries.
        library("MountedSecrets", in: .agent, [], testing: ["TestSupport"]),
        library(
            "ObjectStorage", in: .agent, ["Encodings", "HTTPTransport", "MountedSecrets", crypto, logging],
            testing: ["HTTPTransport", "SeededRandomness", "TestSupport", logging]),
        library(
            "ModelRegistry", in: .agent,
            ["Encodings", "HTTPTransport", "KubernetesAPI", "MountedSecrets", logging],
            testing: ["HTTPTransport", "KubernetesAPI", "TestSupport", logging]),
        library(
            "Telemetry", in: .operator, [hummingbird, logging, metrics, serviceLifecycle],
            testing: ["HTTPTransport", logging, metrics]),
        library(
            "AdmissionWebhook", in: .operator,
            [
                "AnnealAPI", "ControllerRuntime", "KubernetesAPI", "KubernetesClient", "Planning",
                certificateReloading, crypto, hummingbird, hummingbirdTLS, logging, serviceLifecycle, x509,
            ],
            testing: [
                "AnnealAPI", "HTTPTransport", "KubernetesAPI", "KubernetesClient", "Planning",
                "TestSupport", hummingbird, logging, serviceLifecycle, x509,
            ]),
        library(
            "Operator", in: .operator,
            [
                "AdmissionWebhook", "AnnealAPI", "ControllerRuntime", "HTTPTransport", "KubernetesAPI",
                "KubernetesClient", "Planning", "Scheduling", "StructuralSchema", "Telemetry", logging,
                metrics, serviceLifecycle,
            ],
            testing: [
                "AnnealAPI", "ControllerRuntime", "HTTPTransport", "KubernetesAPI", "KubernetesClient",
                "Planning", "Scheduling", "SeededRandomness", "TestSupport", logging,
            ]),
        [.systemLibrary(name: "CZlib", path: "Sources/Agent/CZlib")],
        library(
            "Agent", in: .agent,
            [
                "AnnealAPI", "CZlib", "Encodings", "HTTPTransport", "JSONLogging", "KubernetesAPI",
                "KubernetesClient",
                "ModelRegistry", "MountedSecrets",
                "ObjectStorage", "SeededRandomness", crypto, logging,
            ],
            testing: [
                "AnnealAPI", "HTTPTransport", "JSONLogging", "KubernetesAPI", "KubernetesClient",
                "ObjectStorage", "SeededRandomness", "TestSupport", logging,
            ]),

        // The embedded cluster.
        library(
            "ObjectPatching", in: .embeddedCluster, ["KubernetesAPI", "StructuralSchema"],
            testing: ["KubernetesAPI", "SeededRandomness", "StructuralSchema"]),
        library(
            "APIServer", in: .embeddedCluster,
            [
                "KubernetesAPI", "ObjectPatching", "Scheduling", "StructuralSchema", "HTTPTransport", crypto,
                grdb, hummingbird, hummingbirdTLS, logging, serviceLifecycle, x509, yams,
            ],
            testing: [
                "AdmissionPlugins", "BuiltInKinds", "HTTPTransport", "KubernetesAPI", logging,
            ], testData: ["Recorded"]),
        library(
            "BuiltInKinds", in: .embeddedCluster, ["APIServer", "KubernetesAPI", "StructuralSchema"],
            testing: ["APIServer", "KubernetesAPI", "StructuralSchema"]),
        library(
            "AdmissionPlugins", in: .embeddedCluster,
            [
                "APIServer", "HTTPTransport", "KubernetesAPI", "ObjectPatching", "Scheduling",
                "StructuralSchema",
            ],
            testing: [
                "APIServer", "ClusterControllers", "HTTPTransport", "KubernetesAPI", "Scheduling",
                "StructuralSchema",
            ]),
        library(
            "ClusterControllers", in: .embeddedCluster,
            [
                "KubernetesAPI", "KubernetesClient", "ControllerRuntime", "Scheduling", logging,
                serviceLifecycle,
            ],
            testing: ["KubernetesAPI", "Scheduling"]),
        library(
            "NodeAgent", in: .embeddedCluster,
            [
                "KubernetesAPI", "KubernetesClient", "ControllerRuntime", "HTTPTransport", "Scheduling",
                hummingbird, hummingbirdTLS, logging, serviceLifecycle,
            ], testing: ["KubernetesAPI", logging]),
        library(
            "LocalCluster", in: .embeddedCluster,
            [
                "AdmissionPlugins", "APIServer", "BuiltInKinds", "ClusterControllers", "HTTPTransport",
                "KubernetesAPI", "KubernetesClient", "NodeAgent", argumentParser, logging, serviceLifecycle,
                yams,
            ]),

        // A main each, nothing more.
        [
            program(
                "anneal-operator", ["JSONLogging", "Operator", argumentParser],
                // In memory at all times, beside everything else of a control plane: linked statically, it
                // leaves out what it does not use. The archives are those that Foundation itself needs.
                linker: [
                    .unsafeFlags(
                        [
                            "-static-stdlib", "-lCoreFoundation", "-l_FoundationICU", "-l_FoundationCShims",
                            "-l_FoundationCollections", "-lBlocksRuntime", "-lstdc++",
                        ], .when(platforms: [.linux], configuration: .release))
                ]),
            program("anneal-agent", ["Agent", argumentParser]),
            program("anneal-local", ["LocalCluster"]),
            program("crdgen", ["AnnealAPI", "KubernetesAPI", argumentParser, yams]),
        ],

        // What only a look at several of them, or at the files beside them, can show.
        [
            .testTarget(
                name: "ChartTests",
                dependencies: [
                    "AdmissionWebhook", "AnnealAPI", "KubernetesAPI", "Planning", "StructuralSchema",
                    "TestSupport",
                ],
                exclude: ["Golden"], swiftSettings: strict),
            .testTarget(
                name: "ConformanceTests",
                dependencies: [
                    "AdmissionPlugins", "AnnealAPI", "APIServer", "BuiltInKinds", "ControllerRuntime",
                    "HTTPTransport", "KubernetesAPI", "KubernetesClient", "TestSupport", "Operator",
                    "Planning", "SeededRandomness", logging,
                ], swiftSettings: strict),
            .testTarget(
                name: "FuzzTests",
                dependencies: [
                    "AdmissionWebhook", "Agent", "AnnealAPI", "HTTPTransport", "KubernetesAPI",
                    "KubernetesClient", "ObjectStorage", "Planning", "Scheduling", "SeededRandomness",
                    "StructuralSchema",
                ], swiftSettings: strict),
            .testTarget(
                name: "EndToEndTests",
                dependencies: [
                    "AnnealAPI", "Encodings", "HTTPTransport", "KubernetesAPI", "KubernetesClient",
                    "SeededRandomness",
                ],
                exclude: ["Fixtures"], swiftSettings: strict),
        ],
    ].flatMap { $0 }
)
