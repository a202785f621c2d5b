import CCurl

/// Keeps as little as possible of the memory that this process has freed.
public enum ProcessMemory {
    /// Returns freed memory to the system. Decoding a list takes several times the memory of the list.
    public static func returnFreed() { ccurl_return_freed_memory() }

    /// Returns freed memory and the pages of code that were mapped so far. Much of a start's code is never
    /// needed again; the rest is mapped again at its next use.
    public static func returnUnused() {
        returnFreed()
        ccurl_return_code_pages()
    }

    /// Limits all threads to two arenas: memory that was freed in one cannot be used in another. Call it
    /// before there are threads.
    public static func limitArenas() { ccurl_limit_arenas(2) }
}
