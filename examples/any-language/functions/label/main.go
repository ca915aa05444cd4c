// Prints labels for parcels. As on Lambda behind a queue: it gets an event of SQS and names the messages that failed.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

type sqsEvent struct {
	Records []struct {
		MessageID  string `json:"messageId"`
		Body       string `json:"body"`
		Attributes struct {
			ReceiveCount string `json:"ApproximateReceiveCount"`
		} `json:"attributes"`
	}
}

type failure struct {
	ItemIdentifier string `json:"itemIdentifier"`
}

type answer struct {
	BatchItemFailures []failure `json:"batchItemFailures"`
}

type parcel struct {
	Order   string
	To      string
	Fragile bool
}

var errJammed = errors.New("the printer is jammed")

func main() {
	serve(func(event sqsEvent) (answer, error) {
		ledger, err := os.OpenFile(os.Getenv("LABELLED"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return answer{}, err
		}
		defer ledger.Close()
		failures := []failure{}
		for _, record := range event.Records {
			label, err := labelFor(record.Body, record.Attributes.ReceiveCount)
			if err == nil {
				_, err = fmt.Fprintln(ledger, label)
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, record.MessageID, err)
				failures = append(failures, failure{record.MessageID})
			}
		}
		return answer{failures}, nil
	})
}

// A label for something fragile needs a second try.
func labelFor(body, receiveCount string) (string, error) {
	var it parcel
	if err := json.Unmarshal([]byte(body), &it); err != nil {
		return "", err
	}
	if !it.Fragile {
		return it.Order + " to " + it.To, nil
	}
	if receiveCount == "1" {
		return "", errJammed
	}
	return it.Order + " to " + it.To + ", fragile", nil
}
