import KubernetesAPI
import Testing

@testable import Operator

/// Silence counts only while the API server answers.
@Suite struct ServerContactTests {
    private func time(_ seconds: Int64) -> Timestamp { Timestamp(seconds: 1000 + seconds) }

    @Test func `before the first answer nothing counts, and from then on all does`() {
        let contact = ServerContact()
        #expect(contact.unbrokenSince(time(50)) == time(50))
        for second in stride(from: Int64(2), through: 60, by: 2) { contact.noteAnswer(time(second)) }
        #expect(contact.unbrokenSince(time(62)) == time(2))
    }

    @Test func `an outage counts from its first seconds on, and silence from its end`() {
        let contact = ServerContact()
        for second in stride(from: Int64(0), through: 30, by: 2) { contact.noteAnswer(time(second)) }
        #expect(contact.unbrokenSince(time(30 + ServerContact.patience)) == time(0))
        #expect(contact.unbrokenSince(time(31 + ServerContact.patience)) == time(31 + ServerContact.patience))
        contact.noteAnswer(time(100))
        #expect(contact.unbrokenSince(time(101)) == time(100))
    }

    @Test func `the server is asked only while a trainer is listened to`() {
        let contact = ServerContact()
        #expect(!contact.isNeeded)
        contact.listen(to: "a", true)
        contact.listen(to: "b", true)
        contact.listen(to: "a", false)
        #expect(contact.isNeeded)
        contact.listen(to: "b", false)
        contact.listen(to: nil, true)
        #expect(!contact.isNeeded)
    }
}
