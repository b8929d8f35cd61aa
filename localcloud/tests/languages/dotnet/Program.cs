// What a program does with the four services, a line for each operation with what came of it.

using System.Net;
using System.Text.Json;
using Azure;
using Azure.Identity;
using Azure.Messaging.ServiceBus;
using Azure.Security.KeyVault.Secrets;
using Azure.Storage.Blobs;
using Microsoft.Azure.Cosmos;

var credential = new WorkloadIdentityCredential();
await KeyVault();
await BlobStorage();
await CosmosDb();
await ServiceBus();

async Task KeyVault()
{
    var vault = new SecretClient(new Uri(Environment.GetEnvironmentVariable("AZURE_KEYVAULT_RESOURCEENDPOINT")!), credential);
    Say("Key Vault, get", (await vault.GetSecretAsync("api-key")).Value.Value);
    try
    {
        await vault.GetSecretAsync("billing-key");
    }
    catch (RequestFailedException refusal)
    {
        using var body = JsonDocument.Parse(refusal.GetRawResponse()!.Content);
        var code = body.RootElement.GetProperty("error").GetProperty("innererror").GetProperty("code");
        Say("Key Vault, get what is not granted", refusal.Status, code);
    }
}

async Task BlobStorage()
{
    var service = new BlobServiceClient(new Uri(Environment.GetEnvironmentVariable("AZURE_STORAGEBLOB_RESOURCEENDPOINT")!), credential);
    var files = service.GetBlobContainerClient("files");
    await files.UploadBlobAsync("greeting.txt", BinaryData.FromString("hello"));
    Say("Blob Storage, upload and list", files.GetBlobs().Select(blob => blob.Name).ToArray());
    Say("Blob Storage, download", (await files.GetBlobClient("greeting.txt").DownloadContentAsync()).Value.Content);
    try
    {
        _ = service.GetBlobContainerClient("payslips").GetBlobs().ToArray();
    }
    catch (RequestFailedException refusal)
    {
        Say("Blob Storage, list what is not granted", refusal.Status, refusal.ErrorCode!);
    }
}

async Task CosmosDb()
{
    using var client = new CosmosClient(Environment.GetEnvironmentVariable("AZURE_COSMOS_RESOURCEENDPOINT"), credential,
        new CosmosClientOptions { ConnectionMode = ConnectionMode.Gateway });
    var items = client.GetContainer("shop", "items");
    await items.UpsertItemAsync(new Item("a", "x", 1));
    await items.UpsertItemAsync(new Item("z", "y", 9));
    var x = new PartitionKey("x");
    Say("Cosmos DB, upsert and read", (await items.ReadItemAsync<Item>("a", x)).Resource.n);

    using var batch = await items.CreateTransactionalBatch(x)
        .CreateItem(new Item("b", "x", 2))
        .CreateItem(new Item("c", "x", 3))
        .ExecuteAsync();
    Say("Cosmos DB, batch", batch.Select(each => (object)(int)each.StatusCode).ToArray());

    var query = new QueryDefinition("SELECT VALUE c.n FROM c WHERE c.n >= @least ORDER BY c.n DESC").WithParameter("@least", 2);
    var inPartition = items.GetItemQueryIterator<int>(query, requestOptions: new QueryRequestOptions { PartitionKey = x });
    Say("Cosmos DB, query one partition", (await All(inPartition)).Cast<object>().ToArray());
    var everywhere = items.GetItemQueryIterator<string>("SELECT VALUE c.id FROM c WHERE c.n > 2");
    Say("Cosmos DB, query all partitions", (await All(everywhere)).Order().ToArray());

    var greatest = items.GetItemQueryIterator<int>("SELECT VALUE MAX(c.n) FROM c");
    Say("Cosmos DB, aggregate", (await All(greatest)).Cast<object>().ToArray());

    var changes = items.GetChangeFeedIterator<Item>(ChangeFeedStartFrom.Beginning(), ChangeFeedMode.Incremental);
    Say("Cosmos DB, change feed", (await All(changes)).Select(item => item.id).Order().ToArray());
    var ofX = ChangeFeedStartFrom.Beginning(FeedRange.FromPartitionKey(x));
    changes = items.GetChangeFeedIterator<Item>(ofX, ChangeFeedMode.Incremental);
    Say("Cosmos DB, change feed of one key", (await All(changes)).Select(item => item.id).ToArray());
    await items.PatchItemAsync<Item>("a", x, [PatchOperation.Increment("/n", 10)]);
    Say("Cosmos DB, patch", (await items.ReadItemAsync<Item>("a", x)).Resource.n);
    try
    {
        await client.GetContainer("shop", "ledger").ReadItemAsync<Item>("a", x);
    }
    catch (CosmosException refusal)
    {
        Say("Cosmos DB, read what is not granted", (int)refusal.StatusCode);
    }
}

async Task ServiceBus()
{
    await using var client = new ServiceBusClient(Environment.GetEnvironmentVariable("AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE"), credential,
        new ServiceBusClientOptions
        {
            CustomEndpointAddress = new Uri(Environment.GetEnvironmentVariable("AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS")!),
        });
    var sender = client.CreateSender("jobs");
    var receiver = client.CreateReceiver("jobs");

    await sender.SendMessageAsync(new ServiceBusMessage("one"));
    var message = await receiver.ReceiveMessageAsync();
    await receiver.CompleteMessageAsync(message);
    var id = string.IsNullOrEmpty(message.MessageId) ? "without an id" : "with an id";
    Say("Service Bus, send, receive and complete", message.Body, id);

    await sender.SendMessageAsync(new ServiceBusMessage("zero"));
    await receiver.AbandonMessageAsync(await receiver.ReceiveMessageAsync());
    message = await receiver.ReceiveMessageAsync();
    await receiver.CompleteMessageAsync(message);
    Say("Service Bus, abandon", message.Body);

    await sender.SendMessageAsync(new ServiceBusMessage("two"));
    Say("Service Bus, peek", (await receiver.PeekMessageAsync()).Body);
    message = await receiver.ReceiveMessageAsync();
    await receiver.DeferMessageAsync(message);
    var deferred = await receiver.ReceiveDeferredMessageAsync(message.SequenceNumber);
    await receiver.CompleteMessageAsync(deferred);
    Say("Service Bus, defer", deferred.Body);

    await sender.ScheduleMessageAsync(new ServiceBusMessage("three"), DateTimeOffset.UtcNow.AddSeconds(1));
    message = await receiver.ReceiveMessageAsync();
    await receiver.CompleteMessageAsync(message);
    Say("Service Bus, schedule", message.Body);

    await sender.SendMessageAsync(new ServiceBusMessage("four"));
    await receiver.DeadLetterMessageAsync(await receiver.ReceiveMessageAsync(), "spoilt");
    var deadLetters = client.CreateReceiver("jobs", new ServiceBusReceiverOptions { SubQueue = SubQueue.DeadLetter });
    var dead = await deadLetters.ReceiveMessageAsync();
    await deadLetters.CompleteMessageAsync(dead);
    Say("Service Bus, dead-letter", dead.Body, dead.DeadLetterReason);

    foreach (var queue in new[] { "payroll", "nowhere" })
    {
        try
        {
            await client.CreateSender(queue).SendMessageAsync(new ServiceBusMessage("five"));
        }
        catch (UnauthorizedAccessException)
        {
            Say($"Service Bus, send to {queue}", "UnauthorizedAccessException");
        }
        catch (ServiceBusException refusal)
        {
            Say($"Service Bus, send to {queue}", refusal.Reason);
        }
    }
}

static async Task<List<T>> All<T>(FeedIterator<T> pages)
{
    List<T> found = [];
    while (pages.HasMoreResults)
    {
        var page = await pages.ReadNextAsync();
        if (page.StatusCode == HttpStatusCode.NotModified) break; // the end of a change feed
        found.AddRange(page);
    }
    return found;
}

static void Say(string operation, params object[] results) => Console.WriteLine($"{operation}: {string.Join(", ", results)}");

record Item(string id, string pk, int n);
