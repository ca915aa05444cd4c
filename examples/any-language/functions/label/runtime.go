package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

// serve calls handle for each request, one at a time, over the Lambda Runtime API, until the process is ended.
// github.com/aws/aws-lambda-go does the same, and more.
func serve[Event, Answer any](handle func(Event) (Answer, error)) {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		id, body := next(base)
		var event Event
		var answer Answer
		err := json.Unmarshal(body, &event)
		if err == nil {
			answer, err = handle(event)
		}
		if err != nil {
			post(base+id+"/error", map[string]string{"errorType": fmt.Sprintf("%T", err), "errorMessage": err.Error()})
		} else {
			post(base+id+"/response", answer)
		}
	}
}

func next(base string) (id string, body []byte) {
	response, err := http.Get(base + "next")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		log.Fatal(response.Status)
	}
	body, err = io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	return response.Header.Get("Lambda-Runtime-Aws-Request-Id"), body
}

func post(url string, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	response, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		log.Fatal(err)
	}
}
