import AnnealAPI
import KubernetesAPI
import StructuralSchema
import Testing

/// Comments of AnnealAPI's public declarations, which say what `kubectl explain` says.
@Suite struct DocumentationTests {
    private let declarations: PublicDeclarations

    init() throws { declarations = try PublicDeclarations(folder: "Sources/Operator/AnnealAPI") }

    @Test func `every public declaration is documented`() {
        #expect(declarations.violations == [])
        #expect(declarations.count > 300, "the parser finds hardly any")
    }

    @Test func `comments agree with the schemas`() {
        let kinds = CustomResourceDefinition.all.map { ($0.resourceType.kind, $0.schema) }
        #expect(
            DocumentationRule.violations(of: Dictionary(uniqueKeysWithValues: kinds), by: declarations) == [])
    }
}

/// Sources that break the rules, each in one way, made from sources that keep them.
@Suite struct DocumentationRuleTests {
    private static let good = """
        /// Toy is a toy.
        public struct Toy: Hashable {
            /// Wishes.
            public var spec: ToySpec
            /// Makes one.
            public init(spec: ToySpec) {
                self.spec = spec
            }
        }

        /// Wishes of a child.
        public struct ToySpec: Hashable {
            /// Ways to paint.
            public enum Colour: String {
                /// Like blood.
                case red
                /// Like grass.
                case green = "GREEN"
            }

            /// Colour of the
            /// toy. Nil: unpainted.
            public var colour: Colour?
            /// Wheels of the toy. Default 4.
            public var wheels: Int?
            /// Parts of the toy; none if absent.
            public var parts: [ToyPart]?

            /// Whether it rolls.
            public var rolls: Bool { wheels != 0 }
        }

        /// One part.
        public struct ToyPart {
            /// Name of the part.
            public var name: String
        }
        """

    private static let schema = Schema.object(
        "Toy is a toy.",
        [
            "spec": .object(
                "Wishes.",
                [
                    "colour": .string("Colour of the toy.").oneOf("red", "GREEN"),
                    "wheels": .integer("Wheels of the toy.").default(4),
                    "parts": .listMap(
                        "Parts of the toy;", keys: ["name"],
                        of: .object("One part.", ["name": .string("Name of the part.")])),
                ])
        ])

    private func violations(_ source: String) -> [String] {
        let declarations = PublicDeclarations(text: source)
        return declarations.violations
            + DocumentationRule.violations(of: ["Toy": Self.schema], by: declarations)
    }

    @Test func `sources that keep the rules break none`() { #expect(violations(Self.good) == []) }

    /// A line of `good`, its replacement, and a part of the only complaint.
    private static let breaches: [(String, String, String)] = [
        ("    /// Makes one.\n", "", "has no comment"),
        ("    /// Whether it rolls.\n", "", "rolls has no comment"),
        ("        /// Like blood.\n", "", "red has no comment"),
        ("/// Wishes of a child.\n", "", "ToySpec has no comment"),
        (
            "        /// Like blood.\n        case red\n", "        /// Both.\n        case red, blue\n",
            "one case a line"
        ),
        ("Wheels of the toy", "Number of wheels", "the schema says"),
        ("    /// Wheels of", "    /// All wheels. Wheels of", "does not begin with"),
        ("Default 4.", "Default 3; nil does the same.", "does not say \"Default 4.\""),
        (" Nil: unpainted.", "", "what nil means"),
        ("public var wheels: Int?", "var wheels: Int?", "no public stored property"),
        ("public var wheels: Int?", "public var wheels: Int? { nil }", "no public stored property"),
        (
            "    /// Wheels of", "    /// Doors.\n    public var doors: Int\n    /// Wheels of",
            "stands in no schema"
        ),
        ("case green = \"GREEN\"", "case green", "has not the values"),
        ("public struct ToyPart", "struct ToyPart", "is no public type here"),
        ("/// One part.", "/// A part.", "ToyPart: the schema says"),
    ]

    @Test(arguments: breaches)
    func `a breach is found`(_ breach: (old: String, new: String, complaint: String)) {
        let source = Self.good.replacing(breach.old, with: breach.new)
        #expect(source != Self.good)
        let found = violations(source)
        #expect(found.contains { $0.contains(breach.complaint) }, "\(found)")
    }
}
