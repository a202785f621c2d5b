import FoundationEssentials
import GRDB
import KubernetesAPI

/// The SQL of the store: current objects, the log of changes, and two counters.
struct StoreDatabase: Sendable {
    let pool: DatabasePool

    init(path: String) throws {
        var configuration = Configuration()
        configuration.prepareDatabase { database in
            // The write-ahead log is synced at checkpoints: a power cut can lose the last moments, never
            // the order or the integrity.
            try database.execute(sql: "PRAGMA synchronous = NORMAL")
        }
        pool = try DatabasePool(path: path, configuration: configuration)
        try Self.migrator.migrate(pool)
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
                    INSERT INTO counters VALUES ('revision', 0), ('compacted', 0);
                    CREATE TABLE objects (
                        resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
                        revision INTEGER NOT NULL, body BLOB NOT NULL,
                        PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID;
                    CREATE TABLE changes (
                        revision INTEGER PRIMARY KEY, resource TEXT NOT NULL, namespace TEXT NOT NULL,
                        name TEXT NOT NULL, kind INTEGER NOT NULL, body BLOB NOT NULL,
                        previousRevision INTEGER, previous BLOB);
                    CREATE INDEX changesByResource ON changes (resource, revision);
                    """)
        }
        return migrator
    }

    func counters() throws -> (revision: Int64, compacted: Int64) {
        try pool.read { database in
            let rows = try Row.fetchAll(database, sql: "SELECT name, value FROM counters")
            let values = Dictionary(
                rows.map { ($0["name"] as String, $0["value"] as Int64) }, uniquingKeysWith: { $1 })
            return (values["revision"] ?? 0, values["compacted"] ?? 0)
        }
    }

    func forEachObject(_ body: (GroupResource, StoredObject) throws -> Void) throws {
        try pool.read { database in
            let rows = try Row.fetchCursor(database, sql: "SELECT * FROM objects")
            while let row = try rows.next() {
                let object = StoredObject(
                    key: ObjectKey(namespace: row["namespace"], name: row["name"]),
                    revision: row["revision"], value: try JSONValue(parsing: row["body"] as Data))
                try body(GroupResource(text: row["resource"]), object)
            }
        }
    }

    /// Writes one change, within a transaction of its own.
    static func record(_ change: Change, in database: Database) throws {
        let resource = change.resource.description
        let body = change.value.serialized()
        try database.inTransaction {
            try database.execute(
                sql: "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                arguments: [
                    change.revision, resource, change.key.namespace, change.key.name, change.kind.rawValue,
                    body, change.previous?.revision, change.previous?.value.serialized(),
                ])
            switch change.kind {
            case .added, .modified:
                try database.execute(
                    sql: "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)",
                    arguments: [
                        resource, change.key.namespace, change.key.name, change.revision, body,
                    ])
            case .deleted:
                try database.execute(
                    sql: "DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?",
                    arguments: [resource, change.key.namespace, change.key.name])
            }
            try database.execute(
                sql: "UPDATE counters SET value = ? WHERE name = 'revision'", arguments: [change.revision])
            return .commit
        }
    }

    /// The changes of one resource in `(after, upTo]`, oldest first.
    func changes(of resource: GroupResource, after: Int64, upTo: Int64) async throws -> [Change] {
        try await pool.read { database in
            let rows = try Row.fetchCursor(
                database,
                sql: """
                    SELECT * FROM changes WHERE resource = ? AND revision > ? AND revision <= ?
                    ORDER BY revision
                    """, arguments: [resource.description, after, upTo])
            var changes: [Change] = []
            while let row = try rows.next() { changes.append(try Self.change(row)) }
            return changes
        }
    }

    private static func change(_ row: Row) throws -> Change {
        let key = ObjectKey(namespace: row["namespace"], name: row["name"])
        var previous: StoredObject?
        if let body = row["previous"] as Data?, let revision = row["previousRevision"] as Int64? {
            previous = StoredObject(key: key, revision: revision, value: try JSONValue(parsing: body))
        }
        return Change(
            revision: row["revision"], resource: GroupResource(text: row["resource"]), key: key,
            kind: Change.Kind(rawValue: row["kind"]) ?? .modified,
            value: try JSONValue(parsing: row["body"] as Data), previous: previous)
    }

    /// Forgets the changes up to and including `revision`.
    static func compact(upTo revision: Int64, in database: Database) throws {
        try database.inTransaction {
            try database.execute(sql: "DELETE FROM changes WHERE revision <= ?", arguments: [revision])
            try database.execute(
                sql: "UPDATE counters SET value = ? WHERE name = 'compacted'", arguments: [revision])
            return .commit
        }
    }
}
