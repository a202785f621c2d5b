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

/// A library target and, where it has one, its test target.
func library(
    _ name: String, _ dependencies: [Target.Dependency], testing: [Target.Dependency]? = nil,
    resources: [Resource] = [], testData: [String] = []
) -> [Target] {
    let target = Target.target(
        name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
    guard let testing else { return [target] }
    let tests = Target.testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name)] + testing, exclude: testData,
        swiftSettings: strict)
    return [target, tests]
}

func program(
    _ name: String, _ dependencies: [Target.Dependency], linker: [LinkerSetting] = []
) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, swiftSettings: strict, linkerSettings: linker)
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
        // The bottom: libcurl, the wire types, and what carries them.
        [.target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")])],
        library("KubernetesAPI", [], testing: []),
        library("HTTPTransport", ["CCurl", logging], testing: ["ScriptedServer"]),
        library(
            "KubernetesClient", ["KubernetesAPI", "HTTPTransport", logging, yams],
            testing: ["HTTPTransport", "KubernetesAPI", "ScriptedServer"]),
        library(
            "ControllerRuntime",
            ["HTTPTransport", "KubernetesAPI", "KubernetesClient", collections, logging, serviceLifecycle],
            testing: ["HTTPTransport", "KubernetesAPI", "KubernetesClient", "ScriptedServer"]),

        // A loopback HTTP server whose answers a test writes byte by byte.
        [.target(name: "ScriptedServer", path: "Tests/ScriptedServer", swiftSettings: strict)],
        // This repository's YAML files, as tests read them.
        [
            .target(
                name: "Manifests", dependencies: ["KubernetesAPI", yams], path: "Tests/Manifests",
                swiftSettings: strict)
        ],

        // What Anneal is: its resources, and the pure decisions about them.
        library("StructuralSchema", ["KubernetesAPI"], testing: ["KubernetesAPI"]),
        library(
            "AnnealAPI", ["KubernetesAPI", "StructuralSchema", crypto],
            testing: ["KubernetesAPI", "Manifests", "StructuralSchema"], testData: ["WrongManifests"]),
        library("Scheduling", ["KubernetesAPI"], testing: []),
        library(
            "Planning", ["AnnealAPI", "KubernetesAPI", "Scheduling"],
            testing: ["AnnealAPI", "KubernetesAPI"]),

        // The edge: what talks to clusters, stores and registries.
        library("ObjectStorage", ["HTTPTransport", crypto, logging], testing: ["HTTPTransport", logging]),
        library(
            "ModelRegistry", ["HTTPTransport", "KubernetesAPI", logging],
            testing: ["HTTPTransport", "KubernetesAPI", logging]),
        library(
            "Telemetry", [hummingbird, logging, metrics, serviceLifecycle],
            testing: ["HTTPTransport", logging, metrics]),
        library(
            "AdmissionWebhook",
            [
                "AnnealAPI", "ControllerRuntime", "KubernetesAPI", "KubernetesClient", "Planning",
                certificateReloading, crypto, hummingbird, hummingbirdTLS, logging, serviceLifecycle, x509,
            ],
            testing: [
                "AnnealAPI", "HTTPTransport", "KubernetesAPI", "KubernetesClient", "Planning",
                "ScriptedServer", hummingbird, logging, serviceLifecycle, x509,
            ]),
        library(
            "Operator",
            [
                "AdmissionWebhook", "AnnealAPI", "ControllerRuntime", "HTTPTransport", "KubernetesAPI",
                "KubernetesClient", "Planning", "Scheduling", "StructuralSchema", "Telemetry", logging,
                metrics, serviceLifecycle,
            ], testing: ["AnnealAPI", "KubernetesAPI", "KubernetesClient", "Planning", "Scheduling"]),
        library(
            "Agent",
            [
                "AnnealAPI", "HTTPTransport", "KubernetesAPI", "KubernetesClient", "ModelRegistry",
                "ObjectStorage", crypto, logging,
            ],
            testing: [
                "AnnealAPI", "HTTPTransport", "KubernetesAPI", "KubernetesClient", "ObjectStorage", logging,
            ]),

        // The embedded cluster.
        library(
            "ObjectPatching", ["KubernetesAPI", "StructuralSchema"],
            testing: ["KubernetesAPI", "StructuralSchema"]),
        library(
            "APIServer",
            [
                "KubernetesAPI", "ObjectPatching", "StructuralSchema", "HTTPTransport", crypto, grdb,
                hummingbird, hummingbirdTLS, logging, serviceLifecycle, x509, yams,
            ], testing: ["KubernetesAPI", "HTTPTransport"]),
        library(
            "ClusterControllers",
            ["KubernetesAPI", "KubernetesClient", "ControllerRuntime", logging, serviceLifecycle],
            testing: ["KubernetesAPI"]),
        library(
            "NodeAgent",
            [
                "KubernetesAPI", "KubernetesClient", "ControllerRuntime", "HTTPTransport", hummingbird,
                hummingbirdTLS, logging, serviceLifecycle,
            ], testing: ["KubernetesAPI", logging]),
        library(
            "LocalCluster",
            [
                "APIServer", "ClusterControllers", "NodeAgent", "HTTPTransport", "KubernetesAPI",
                "KubernetesClient", logging, serviceLifecycle, yams,
            ]),

        // A main each, nothing more.
        [
            program(
                "anneal-operator", ["Operator", argumentParser],
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
            program(
                "anneal-local",
                [
                    "ClusterControllers", "KubernetesAPI", "LocalCluster", "NodeAgent", argumentParser,
                    logging,
                    serviceLifecycle,
                ]),
            program("crdgen", ["AnnealAPI", "KubernetesAPI", argumentParser, yams]),
        ],

        // What only a look at several of them, or at the files beside them, can show.
        [
            .testTarget(
                name: "ChartTests",
                dependencies: ["AnnealAPI", "KubernetesAPI", "Manifests", "StructuralSchema"],
                exclude: ["Golden"], swiftSettings: strict),
            .testTarget(
                name: "ConformanceTests",
                dependencies: [
                    "AnnealAPI", "APIServer", "ControllerRuntime", "HTTPTransport", "KubernetesAPI",
                    "KubernetesClient", "Manifests", "Operator", "Planning", logging,
                ], swiftSettings: strict),
            .testTarget(
                name: "FuzzTests",
                dependencies: [
                    "AdmissionWebhook", "Agent", "AnnealAPI", "HTTPTransport", "KubernetesAPI",
                    "KubernetesClient", "ObjectStorage", "Planning", "Scheduling", "StructuralSchema",
                ], swiftSettings: strict),
            .testTarget(
                name: "EndToEndTests",
                dependencies: ["AnnealAPI", "HTTPTransport", "KubernetesAPI", "KubernetesClient"],
                exclude: ["Fixtures"], swiftSettings: strict),
        ],
    ].flatMap { $0 }
)
