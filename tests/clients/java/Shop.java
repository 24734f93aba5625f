import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.logging.Logger;

/** A shop on the JDK's own server. Nothing in it knows of OpenTelemetry: java -javaagent:AGENT.jar Shop */
public class Shop {
    private static final Logger LOG = Logger.getLogger("shop");

    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/orders/", exchange -> {
            int number = Integer.parseInt(exchange.getRequestURI().getPath().substring("/orders/".length()));
            LOG.info("order " + number + " is paid");
            byte[] body = ("{\"order\":" + number + "}").getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }
}
