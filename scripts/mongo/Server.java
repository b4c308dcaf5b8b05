// A MongoDB-wire server for tests: mongo-java-server in memory. Prints its port; ends when its standard input does,
// so that it never outlives the process that started it.

import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

public class Server {
    public static void main(String[] args) throws Exception {
        MemoryBackend backend = new MemoryBackend();
        // mongoose 9 asks for a newer wire version than the server reports by itself; 21 is MongoDB 7.
        backend.version(new MongoVersion() {
            @Override public List<Integer> getVersionArray() { return List.of(7, 0, 0); }
            @Override public int getWireVersion() { return 21; }
        });
        MongoServer server = new MongoServer(backend);
        server.bind("127.0.0.1", 0);
        System.out.println(server.getLocalAddress().getPort());
        while (System.in.read() != -1) { }
        System.exit(0);
    }
}
