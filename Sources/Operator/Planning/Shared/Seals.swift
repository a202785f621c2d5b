import AnnealAPI
import Encodings
import KubernetesAPI

/// Seals of a run's attempts, by which an operator that was started anew tells its forerunner's children from what
/// somebody else made in their names.
///
/// An attempt's status has the SHA-256 of a random word, and each of its children the word itself. Before a child
/// exists nobody but the operator knows the word; once it exists its UID is known, and noted soon.
public struct Seals: Hashable, Sendable {
    /// Random text of this process, from which its words are made: one tells nothing of another.
    public var secret: String

    public init(secret: String) { self.secret = secret }

    /// The word for what is created within a scope, such as an attempt of a run.
    func word(_ scope: String) -> String { Hexadecimal.sha256("\(secret)/\(scope)") }

    /// What a status has of a word.
    static func digest(_ word: String) -> String { Hexadecimal.sha256(word) }

    /// Whether the object carries the word of the seal.
    static func fits(_ metadata: ObjectMeta, _ seal: String?) -> Bool {
        guard let seal, let word = metadata.annotations?[Anneal.Annotation.seal], word.utf8.count <= 128
        else {
            return false
        }
        return digest(word) == seal
    }
}

extension RunDraft {
    /// Whether the object of an attempt is the one that was created for it. An owner reference and a name can be
    /// forged by whoever may create such objects.
    ///
    /// - Parameters:
    ///   - noted: UID that the status has of the object; nil: none yet.
    ///   - seal: Seal of its attempt; nil where it opens nothing, any more or yet.
    func isOwn(_ child: ObjectMeta, noted: String?, seal: String?) -> Bool {
        guard run.controls(child), let uid = child.uid else { return false }
        if let noted { return noted == uid }
        return seen.ownUIDs.contains(uid) || Seals.fits(child, seal)
    }

    /// Tells of an object that has the name of a child and is not the run's own, and waits for it to go.
    mutating func waitForForeign(_ subject: String) {
        status.reason = "ForeignObject"
        status.message = Wording.bounded(
            "\(subject) has this run as its owner, and the operator does not know it from its creation: it is "
                + "deleted and made again")
        wake(after: settings.queuePollSeconds)
    }
}
