// Works through an event of Kafka as AWS has it: what it did it writes down, what failed it names by partition and offset.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

type kafkaEvent struct {
	EventSource      string
	BootstrapServers string
	Records          map[string][]struct {
		Offset int64
		Value  []byte
	}
}

type identifier struct {
	Partition string `json:"partition"`
	Offset    int64  `json:"offset"`
}

type failure struct {
	ItemIdentifier identifier `json:"itemIdentifier"`
}

type answer struct {
	BatchItemFailures []failure `json:"batchItemFailures"`
}

type work struct {
	ID    string
	Fails string
}

func main() {
	serve(func(event kafkaEvent) (answer, error) {
		if event.EventSource != "SelfManagedKafka" || event.BootstrapServers == "" {
			return answer{}, errors.New("not an event of Kafka")
		}
		done, err := os.OpenFile(inLedger("done"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return answer{}, err
		}
		defer done.Close()
		failures := []failure{}
		for partition, records := range event.Records {
			for _, record := range records {
				var it work
				if err := json.Unmarshal(record.Value, &it); err != nil {
					return answer{}, err
				}
				if fails(it) {
					failures = append(failures, failure{identifier{partition, record.Offset}})
				} else {
					fmt.Fprintln(done, it.ID)
				}
			}
		}
		return answer{failures}, nil
	})
}

func inLedger(name string) string { return filepath.Join(os.Getenv("LEDGER"), name) }

func fails(it work) bool {
	if it.Fails != "once" {
		return it.Fails == "always"
	}
	first, err := os.OpenFile(inLedger("failed-"+it.ID), os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return false
	}
	first.Close()
	return true
}
