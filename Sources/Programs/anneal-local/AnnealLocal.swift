import LocalCluster

@main
enum AnnealLocal {
    static func main() async { await LocalClusterCommand.main() }
}
