// What a program does with the four services, a line for each operation with what came of it.

import { BulkOperationType, ChangeFeedStartFrom, CosmosClient } from "@azure/cosmos";
import { WorkloadIdentityCredential } from "@azure/identity";
import { SecretClient } from "@azure/keyvault-secrets";
import { ServiceBusClient } from "@azure/service-bus";
import { BlobServiceClient } from "@azure/storage-blob";
import { HttpsProxyAgent } from "https-proxy-agent";

const credential = new WorkloadIdentityCredential();

function say(operation, ...results) {
  console.log(`${operation}: ${results.join(", ")}`);
}

async function keyVault() {
  const vault = new SecretClient(process.env.AZURE_KEYVAULT_RESOURCEENDPOINT, credential);
  say("Key Vault, get", (await vault.getSecret("api-key")).value);
  try {
    await vault.getSecret("billing-key");
  } catch (error) {
    say("Key Vault, get what is not granted", error.statusCode, error.details.error.innerError.code);
  }
}

async function blobStorage() {
  const service = new BlobServiceClient(process.env.AZURE_STORAGEBLOB_RESOURCEENDPOINT, credential);
  const files = service.getContainerClient("files");
  const greeting = files.getBlockBlobClient("greeting.txt");
  await greeting.upload("hello", 5);
  say("Blob Storage, upload and list", ...(await all(files.listBlobsFlat())).map((blob) => blob.name));
  say("Blob Storage, download", (await greeting.downloadToBuffer()).toString());
  try {
    await all(service.getContainerClient("payslips").listBlobsFlat());
  } catch (error) {
    say("Blob Storage, list what is not granted", error.statusCode, error.code);
  }
}

async function cosmosDb() {
  const client = new CosmosClient({
    endpoint: process.env.AZURE_COSMOS_RESOURCEENDPOINT,
    aadCredentials: credential,
    agent: new HttpsProxyAgent(process.env.HTTPS_PROXY),
  });
  const items = client.database("shop").container("items");
  await items.items.upsert({ id: "a", pk: "x", n: 1 });
  await items.items.upsert({ id: "z", pk: "y", n: 9 });
  say("Cosmos DB, upsert and read", (await items.item("a", "x").read()).resource.n);

  const creation = (id, pk, n) => ({ operationType: BulkOperationType.Create, resourceBody: { id, pk, n } });
  const batch = await items.items.batch([creation("b", "x", 2), creation("c", "x", 3)], "x");
  say("Cosmos DB, batch", ...batch.result.map((each) => each.statusCode));
  const query = {
    query: "SELECT VALUE c.n FROM c WHERE c.n >= @least ORDER BY c.n DESC",
    parameters: [{ name: "@least", value: 2 }],
  };
  const inPartition = await items.items.query(query, { partitionKey: "x" }).fetchAll();
  say("Cosmos DB, query one partition", ...inPartition.resources);
  const everywhere = await items.items.query("SELECT VALUE c.id FROM c WHERE c.n > 2").fetchAll();
  say("Cosmos DB, query all partitions", ...everywhere.resources.sort());

  const greatest = await items.items.query("SELECT VALUE MAX(c.n) FROM c").fetchAll();
  say("Cosmos DB, aggregate", ...greatest.resources);

  say("Cosmos DB, change feed", ...(await changes(items, ChangeFeedStartFrom.Beginning())).sort());
  say("Cosmos DB, change feed of one key", ...(await changes(items, ChangeFeedStartFrom.Beginning("x"))));
  await items.item("a", "x").patch([{ op: "incr", path: "/n", value: 10 }]);
  say("Cosmos DB, patch", (await items.item("a", "x").read()).resource.n);

  const bulk = await items.items.executeBulkOperations([
    { ...creation("d", "x", 4), partitionKey: "x" },
    { ...creation("e", "w", 5), partitionKey: "w" },
    { ...creation("a", "x", 6), partitionKey: "x" },
  ]);
  say("Cosmos DB, bulk", ...bulk.map((each) => each.response?.statusCode ?? each.error.code));
  try {
    await client.database("shop").container("ledger").item("a", "x").read();
  } catch (error) {
    say("Cosmos DB, read what is not granted", error.code);
  }
}

async function changes(items, changeFeedStartFrom) {
  const ids = [];
  for await (const page of items.items.getChangeFeedIterator({ changeFeedStartFrom }).getAsyncIterator()) {
    if (page.statusCode === 304) break; // the end
    ids.push(...page.result.map((item) => item.id));
  }
  return ids;
}

async function serviceBus() {
  const client = new ServiceBusClient(process.env.AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE, credential, {
    customEndpointAddress: process.env.AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS,
    retryOptions: { maxRetries: 0 }, // or a refusal is tried again for minutes
  });
  const sender = client.createSender("jobs");
  const receiver = client.createReceiver("jobs");
  const nextMessage = async (from = receiver) => (await from.receiveMessages(1, { maxWaitTimeInMs: 30_000 }))[0];

  await sender.sendMessages({ body: "one" });
  let message = await nextMessage();
  await receiver.completeMessage(message);
  say("Service Bus, send, receive and complete", message.body, message.messageId ? "with an id" : "without an id");

  await sender.sendMessages({ body: "zero" });
  await receiver.abandonMessage(await nextMessage());
  message = await nextMessage();
  await receiver.completeMessage(message);
  say("Service Bus, abandon", message.body);

  await sender.sendMessages({ body: "two" });
  say("Service Bus, peek", ...(await receiver.peekMessages(1)).map((each) => each.body));
  message = await nextMessage();
  await receiver.deferMessage(message);
  const [deferred] = await receiver.receiveDeferredMessages(message.sequenceNumber);
  await receiver.completeMessage(deferred);
  say("Service Bus, defer", deferred.body);

  await sender.scheduleMessages({ body: "three" }, new Date(Date.now() + 1000));
  message = await nextMessage();
  await receiver.completeMessage(message);
  say("Service Bus, schedule", message.body);

  await sender.sendMessages({ body: "four" });
  await receiver.deadLetterMessage(await nextMessage(), { deadLetterReason: "spoilt" });
  const deadLetters = client.createReceiver("jobs", { subQueueType: "deadLetter" });
  const dead = await nextMessage(deadLetters);
  await deadLetters.completeMessage(dead);
  say("Service Bus, dead-letter", dead.body, dead.deadLetterReason);

  for (const queue of ["payroll", "nowhere"]) {
    try {
      await client.createSender(queue).sendMessages({ body: "five" });
    } catch (error) {
      say(`Service Bus, send to ${queue}`, error.code);
    }
  }
  await client.close();
}

async function all(iterable) {
  const found = [];
  for await (const each of iterable) found.push(each);
  return found;
}

await keyVault();
await blobStorage();
await cosmosDb();
await serviceBus();
