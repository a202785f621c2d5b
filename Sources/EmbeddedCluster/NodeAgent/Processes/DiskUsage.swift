import Glibc

enum DiskUsage {
    /// Bytes that the files below a folder take on disk. Links are not followed, and files that vanish
    /// meanwhile do not count.
    static func bytes(below folder: String) -> Int64 {
        var total: Int64 = 0
        var pending = [folder]
        while let path = pending.popLast() {
            guard let directory = opendir(path) else { continue }
            defer { closedir(directory) }
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name == "." || name == ".." { continue }
                var status = stat()
                guard lstat("\(path)/\(name)", &status) == 0 else { continue }
                total += Int64(status.st_blocks) * 512
                if status.st_mode & S_IFMT == S_IFDIR { pending.append("\(path)/\(name)") }
            }
        }
        return total
    }
}
