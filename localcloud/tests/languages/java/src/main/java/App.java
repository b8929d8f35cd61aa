import com.azure.core.exception.HttpResponseException;
import com.azure.core.http.ProxyOptions;
import com.azure.core.util.BinaryData;
import com.azure.cosmos.CosmosClientBuilder;
import com.azure.cosmos.CosmosContainer;
import com.azure.cosmos.CosmosException;
import com.azure.cosmos.GatewayConnectionConfig;
import com.azure.cosmos.models.CosmosBatch;
import com.azure.cosmos.models.CosmosBulkOperations;
import com.azure.cosmos.models.CosmosChangeFeedRequestOptions;
import com.azure.cosmos.models.CosmosItemOperation;
import com.azure.cosmos.models.CosmosPatchOperations;
import com.azure.cosmos.models.CosmosQueryRequestOptions;
import com.azure.cosmos.models.FeedRange;
import com.azure.cosmos.models.PartitionKey;
import com.azure.cosmos.models.SqlParameter;
import com.azure.cosmos.models.SqlQuerySpec;
import com.azure.identity.WorkloadIdentityCredential;
import com.azure.identity.WorkloadIdentityCredentialBuilder;
import com.azure.messaging.servicebus.ServiceBusClientBuilder;
import com.azure.messaging.servicebus.ServiceBusException;
import com.azure.messaging.servicebus.ServiceBusMessage;
import com.azure.messaging.servicebus.ServiceBusReceivedMessage;
import com.azure.messaging.servicebus.ServiceBusReceiverClient;
import com.azure.messaging.servicebus.models.DeadLetterOptions;
import com.azure.messaging.servicebus.models.SubQueue;
import com.azure.security.keyvault.secrets.SecretClientBuilder;
import com.azure.storage.blob.BlobServiceClient;
import com.azure.storage.blob.BlobServiceClientBuilder;
import com.azure.storage.blob.models.BlobStorageException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a program does with the four services, a line for each operation with what came of it. */
public class App {
    private static final WorkloadIdentityCredential credential = new WorkloadIdentityCredentialBuilder().build();

    public static void main(String[] arguments) {
        keyVault();
        blobStorage();
        cosmosDb();
        serviceBus();
    }

    private static void keyVault() {
        var vault = new SecretClientBuilder()
            .vaultUrl(System.getenv("AZURE_KEYVAULT_RESOURCEENDPOINT"))
            .credential(credential)
            .buildClient();
        say("Key Vault, get", vault.getSecret("api-key").getValue());
        try {
            vault.getSecret("billing-key");
        } catch (HttpResponseException error) {
            JsonNode body = new ObjectMapper().valueToTree(error.getValue());
            var code = body.at("/error/innererror/code").asText();
            say("Key Vault, get what is not granted", error.getResponse().getStatusCode(), code);
        }
    }

    private static void blobStorage() {
        BlobServiceClient service = new BlobServiceClientBuilder()
            .endpoint(System.getenv("AZURE_STORAGEBLOB_RESOURCEENDPOINT"))
            .credential(credential)
            .buildClient();
        var files = service.getBlobContainerClient("files");
        files.getBlobClient("greeting.txt").upload(BinaryData.fromString("hello"));
        say("Blob Storage, upload and list", files.listBlobs().stream().map(blob -> blob.getName()).toArray());
        say("Blob Storage, download", files.getBlobClient("greeting.txt").downloadContent());
        try {
            service.getBlobContainerClient("payslips").listBlobs().stream().toList();
        } catch (BlobStorageException error) {
            say("Blob Storage, list what is not granted", error.getStatusCode(), error.getErrorCode());
        }
    }

    private record Item(String id, String pk, int n) {}

    private static void cosmosDb() {
        var client = new CosmosClientBuilder()
            .endpoint(System.getenv("AZURE_COSMOS_RESOURCEENDPOINT"))
            .credential(credential)
            .gatewayMode(new GatewayConnectionConfig().setProxy(new ProxyOptions(ProxyOptions.Type.HTTP,
                new InetSocketAddress(System.getProperty("https.proxyHost"), Integer.getInteger("https.proxyPort")))))
            .buildClient();
        var items = client.getDatabase("shop").getContainer("items");
        items.upsertItem(new Item("a", "x", 1));
        items.upsertItem(new Item("z", "y", 9));
        var x = new PartitionKey("x");
        say("Cosmos DB, upsert and read", items.readItem("a", x, Item.class).getItem().n());

        var batch = CosmosBatch.createCosmosBatch(x);
        batch.createItemOperation(new Item("b", "x", 2));
        batch.createItemOperation(new Item("c", "x", 3));
        say("Cosmos DB, batch", items.executeCosmosBatch(batch).getResults().stream().map(each -> each.getStatusCode()).toArray());

        var query = new SqlQuerySpec(
            "SELECT VALUE c.n FROM c WHERE c.n >= @least ORDER BY c.n DESC", new SqlParameter("@least", 2));
        var inX = new CosmosQueryRequestOptions().setPartitionKey(x);
        say("Cosmos DB, query one partition", items.queryItems(query, inX, Integer.class).stream().toArray());
        var everywhere = items.queryItems(
            "SELECT VALUE c.id FROM c WHERE c.n > 2", new CosmosQueryRequestOptions(), String.class);
        say("Cosmos DB, query all partitions", everywhere.stream().sorted().toArray());

        var greatest = items.queryItems("SELECT VALUE MAX(c.n) FROM c", new CosmosQueryRequestOptions(), Integer.class);
        say("Cosmos DB, aggregate", greatest.stream().toArray());

        say("Cosmos DB, change feed", changes(items, FeedRange.forFullRange()).sorted().toArray());
        say("Cosmos DB, change feed of one key", changes(items, FeedRange.forLogicalPartition(x)).toArray());
        items.patchItem("a", x, CosmosPatchOperations.create().increment("/n", 10), Item.class);
        say("Cosmos DB, patch", items.readItem("a", x, Item.class).getItem().n());

        List<CosmosItemOperation> operations = List.of(
            CosmosBulkOperations.getCreateItemOperation(new Item("d", "x", 4), x),
            CosmosBulkOperations.getCreateItemOperation(new Item("e", "w", 5), new PartitionKey("w")),
            CosmosBulkOperations.getCreateItemOperation(new Item("a", "x", 6), x));
        List<Integer> statuses = new ArrayList<>();
        items.executeBulkOperations(operations).forEach(each -> statuses.add(each.getResponse().getStatusCode()));
        say("Cosmos DB, bulk", statuses.stream().sorted().toArray());
        try {
            client.getDatabase("shop").getContainer("ledger").readItem("a", x, Item.class);
        } catch (CosmosException error) {
            say("Cosmos DB, read what is not granted", error.getStatusCode());
        }
        client.close();
    }

    private static Stream<String> changes(CosmosContainer items, FeedRange range) {
        var fromBeginning = CosmosChangeFeedRequestOptions.createForProcessingFromBeginning(range);
        return items.queryChangeFeed(fromBeginning, JsonNode.class).stream().map(item -> item.get("id").asText());
    }

    private static void serviceBus() {
        var builder = new ServiceBusClientBuilder()
            .fullyQualifiedNamespace(System.getenv("AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE"))
            .credential(credential)
            .customEndpointAddress(System.getenv("AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS").replace("sb://", "https://"));
        var sender = builder.sender().queueName("jobs").buildClient();
        var receiver = builder.receiver().queueName("jobs").buildClient();

        sender.sendMessage(new ServiceBusMessage("one"));
        var message = next(receiver);
        receiver.complete(message);
        var id = message.getMessageId() == null ? "without an id" : "with an id";
        say("Service Bus, send, receive and complete", message.getBody(), id);

        sender.sendMessage(new ServiceBusMessage("zero"));
        receiver.abandon(next(receiver));
        message = next(receiver);
        receiver.complete(message);
        say("Service Bus, abandon", message.getBody());

        sender.sendMessage(new ServiceBusMessage("two"));
        say("Service Bus, peek", receiver.peekMessage().getBody());
        message = next(receiver);
        receiver.defer(message);
        var deferred = receiver.receiveDeferredMessage(message.getSequenceNumber());
        receiver.complete(deferred);
        say("Service Bus, defer", deferred.getBody());

        sender.scheduleMessage(new ServiceBusMessage("three"), OffsetDateTime.now().plusSeconds(1));
        message = next(receiver);
        receiver.complete(message);
        say("Service Bus, schedule", message.getBody());

        sender.sendMessage(new ServiceBusMessage("four"));
        receiver.deadLetter(next(receiver), new DeadLetterOptions().setDeadLetterReason("spoilt"));
        var deadLetters = builder.receiver().queueName("jobs").subQueue(SubQueue.DEAD_LETTER_QUEUE).buildClient();
        var dead = next(deadLetters);
        deadLetters.complete(dead);
        say("Service Bus, dead-letter", dead.getBody(), dead.getDeadLetterReason());

        for (String queue : List.of("payroll", "nowhere")) {
            try (var other = builder.sender().queueName(queue).buildClient()) {
                other.sendMessage(new ServiceBusMessage("five"));
            } catch (ServiceBusException error) {
                say("Service Bus, send to " + queue, error.getReason());
            }
        }
        deadLetters.close();
        receiver.close();
        sender.close();
    }

    private static ServiceBusReceivedMessage next(ServiceBusReceiverClient receiver) {
        return receiver.receiveMessages(1, Duration.ofSeconds(30)).stream().findFirst().orElseThrow();
    }

    private static void say(String operation, Object... results) {
        System.out.println(operation + ": " + Arrays.stream(results).map(String::valueOf).collect(Collectors.joining(", ")));
    }
}
