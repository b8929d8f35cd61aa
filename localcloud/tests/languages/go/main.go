// What a program does with the four services, a line for each operation with what came of it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
)

var ctx = context.Background()

func main() {
	credential := must(azidentity.NewWorkloadIdentityCredential(nil))
	keyVault(credential)
	blobStorage(credential)
	cosmosDB(credential)
	serviceBus(credential)
}

func keyVault(credential azcore.TokenCredential) {
	vault := must(azsecrets.NewClient(os.Getenv("AZURE_KEYVAULT_RESOURCEENDPOINT"), credential, nil))
	say("Key Vault, get", *must(vault.GetSecret(ctx, "api-key", "", nil)).Value)
	_, err := vault.GetSecret(ctx, "billing-key", "", nil)
	refusal := refusalOf(err)
	var body struct {
		Error struct{ InnerError struct{ Code string } }
	}
	check(json.NewDecoder(refusal.RawResponse.Body).Decode(&body))
	say("Key Vault, get what is not granted", refusal.StatusCode, body.Error.InnerError.Code)
}

func blobStorage(credential azcore.TokenCredential) {
	client := must(azblob.NewClient(os.Getenv("AZURE_STORAGEBLOB_RESOURCEENDPOINT"), credential, nil))
	must(client.UploadBuffer(ctx, "files", "greeting.txt", []byte("hello"), nil))
	for pager := client.NewListBlobsFlatPager("files", nil); pager.More(); {
		for _, blob := range must(pager.NextPage(ctx)).Segment.BlobItems {
			say("Blob Storage, upload and list", *blob.Name)
		}
	}
	download := must(client.DownloadStream(ctx, "files", "greeting.txt", nil))
	say("Blob Storage, download", string(must(io.ReadAll(download.Body))))
	_, err := client.NewListBlobsFlatPager("payslips", nil).NextPage(ctx)
	refusal := refusalOf(err)
	say("Blob Storage, list what is not granted", refusal.StatusCode, refusal.ErrorCode)
}

type item struct {
	ID string `json:"id"`
	PK string `json:"pk"`
	N  int    `json:"n"`
}

func cosmosDB(credential azcore.TokenCredential) {
	client := must(azcosmos.NewClient(os.Getenv("AZURE_COSMOS_RESOURCEENDPOINT"), credential, nil))
	items := must(client.NewContainer("shop", "items"))
	x, y := azcosmos.NewPartitionKeyString("x"), azcosmos.NewPartitionKeyString("y")
	must(items.UpsertItem(ctx, x, must(json.Marshal(item{"a", "x", 1})), nil))
	must(items.UpsertItem(ctx, y, must(json.Marshal(item{"z", "y", 9})), nil))
	var read item
	check(json.Unmarshal(must(items.ReadItem(ctx, x, "a", nil)).Value, &read))
	say("Cosmos DB, upsert and read", read.N)

	batch := items.NewTransactionalBatch(x)
	batch.CreateItem(must(json.Marshal(item{"b", "x", 2})), nil)
	batch.CreateItem(must(json.Marshal(item{"c", "x", 3})), nil)
	var statuses []any
	for _, result := range must(items.ExecuteTransactionalBatch(ctx, batch, nil)).OperationResults {
		statuses = append(statuses, result.StatusCode)
	}
	say("Cosmos DB, batch", statuses...)

	say("Cosmos DB, query one partition", query(items, x, "SELECT VALUE c.n FROM c WHERE c.n >= @least ORDER BY c.n DESC",
		azcosmos.QueryParameter{Name: "@least", Value: 2})...)
	everywhere := query(items, azcosmos.NewPartitionKey(), "SELECT VALUE c.id FROM c WHERE c.n > 2")
	slices.SortFunc(everywhere, func(one, other any) int { return strings.Compare(one.(string), other.(string)) })
	say("Cosmos DB, query all partitions", everywhere...)

	var patch azcosmos.PatchOperations
	patch.AppendIncrement("/n", 10)
	must(items.PatchItem(ctx, x, "a", patch, nil))
	check(json.Unmarshal(must(items.ReadItem(ctx, x, "a", nil)).Value, &read))
	say("Cosmos DB, patch", read.N)

	ledger := must(client.NewContainer("shop", "ledger"))
	_, err := ledger.ReadItem(ctx, x, "a", nil)
	say("Cosmos DB, read what is not granted", refusalOf(err).StatusCode)
}

func query(items *azcosmos.ContainerClient, key azcosmos.PartitionKey, sql string, parameters ...azcosmos.QueryParameter) (values []any) {
	pager := items.NewQueryItemsPager(sql, key, &azcosmos.QueryOptions{QueryParameters: parameters})
	for pager.More() {
		for _, each := range must(pager.NextPage(ctx)).Items {
			var value any
			check(json.Unmarshal(each, &value))
			values = append(values, value)
		}
	}
	return values
}

func serviceBus(credential azcore.TokenCredential) {
	client := must(azservicebus.NewClient(os.Getenv("AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE"), credential, &azservicebus.ClientOptions{
		CustomEndpoint: strings.TrimPrefix(os.Getenv("AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS"), "sb://"),
	}))
	defer client.Close(ctx)
	sender := must(client.NewSender("jobs", nil))
	receiver := must(client.NewReceiverForQueue("jobs", nil))
	send := func(text string) {
		check(sender.SendMessage(ctx, &azservicebus.Message{Body: []byte(text)}, nil))
	}

	send("one")
	message := next(receiver)
	check(receiver.CompleteMessage(ctx, message, nil))
	say("Service Bus, send, receive and complete", string(message.Body), withAnID(message))

	send("zero")
	check(receiver.AbandonMessage(ctx, next(receiver), nil))
	message = next(receiver)
	check(receiver.CompleteMessage(ctx, message, nil))
	say("Service Bus, abandon", string(message.Body))

	send("two")
	for _, peeked := range must(receiver.PeekMessages(ctx, 1, nil)) {
		say("Service Bus, peek", string(peeked.Body))
	}
	message = next(receiver)
	check(receiver.DeferMessage(ctx, message, nil))
	for _, deferred := range must(receiver.ReceiveDeferredMessages(ctx, []int64{*message.SequenceNumber}, nil)) {
		check(receiver.CompleteMessage(ctx, deferred, nil))
		say("Service Bus, defer", string(deferred.Body))
	}

	later := time.Now().Add(time.Second)
	must(sender.ScheduleMessages(ctx, []*azservicebus.Message{{Body: []byte("three")}}, later, nil))
	message = next(receiver)
	check(receiver.CompleteMessage(ctx, message, nil))
	say("Service Bus, schedule", string(message.Body))

	send("four")
	reason := "spoilt"
	check(receiver.DeadLetterMessage(ctx, next(receiver), &azservicebus.DeadLetterOptions{Reason: &reason}))
	deadLetters := must(client.NewReceiverForQueue("jobs", &azservicebus.ReceiverOptions{SubQueue: azservicebus.SubQueueDeadLetter}))
	dead := next(deadLetters)
	check(deadLetters.CompleteMessage(ctx, dead, nil))
	say("Service Bus, dead-letter", string(dead.Body), *dead.DeadLetterReason)

	for _, queue := range []string{"payroll", "nowhere"} {
		other := must(client.NewSender(queue, nil))
		err := other.SendMessage(ctx, &azservicebus.Message{Body: []byte("five")}, nil)
		var refusal *azservicebus.Error
		if !errors.As(err, &refusal) {
			panic(err)
		}
		say("Service Bus, send to "+queue, refusal.Code)
	}
}

func next(receiver *azservicebus.Receiver) *azservicebus.ReceivedMessage {
	patience, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return must(receiver.ReceiveMessages(patience, 1, nil))[0]
}

func withAnID(message *azservicebus.ReceivedMessage) string {
	if message.MessageID == "" {
		return "without an id"
	}
	return "with an id"
}

func say(operation string, results ...any) {
	var line bytes.Buffer
	for _, result := range results {
		if line.Len() > 0 {
			line.WriteString(", ")
		}
		fmt.Fprint(&line, result)
	}
	fmt.Printf("%s: %s\n", operation, line.String())
}

func refusalOf(err error) *azcore.ResponseError {
	var refusal *azcore.ResponseError
	if !errors.As(err, &refusal) {
		panic(fmt.Sprintf("not refused: %v", err))
	}
	return refusal
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
