// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/googleapis/gax-go/v2"
	container "google.golang.org/api/container/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/serviceusage/v1"
)

// sandbox is where faults are ordered.
type sandbox struct{ url string }

func (s sandbox) post(path string, body any) {
	text, _ := json.Marshal(body)
	answer, err := http.Post(s.url+"/sandbox/faults"+path, "application/json", bytes.NewReader(text))
	if err != nil {
		check("faults: "+err.Error(), false)
		return
	}
	answer.Body.Close()
}

func (s sandbox) add(fault string, count int) {
	s.post("", map[string]any{"fault": fault, "match": "/clusters", "count": count})
}

// saw prints what was seen where a check fails.
func saw(name string, good bool, err error) {
	if !good {
		fmt.Printf("%T %v\n", err, err)
	}
	check(name, good)
}

// info is the ErrorInfo of an answer. The client hands details on as they came; its own apierror does
// not read bodies that also have the older list of errors, as these APIs' do.
func info(err error) (reason string, metadata map[string]any) {
	var plain *googleapi.Error
	if !errors.As(err, &plain) {
		return "", nil
	}
	for _, detail := range plain.Details {
		fields, _ := detail.(map[string]any)
		kind, _ := fields["@type"].(string)
		if strings.HasSuffix(kind, "google.rpc.ErrorInfo") {
			reason, _ = fields["reason"].(string)
			metadata, _ = fields["metadata"].(map[string]any)
		}
	}
	return reason, metadata
}

// refusal holds an error of this client against what Google's answers become in it.
func refusal(name string, err error, status int, wanted string, words string) {
	var plain *googleapi.Error
	reason, _ := info(err)
	saw(name, errors.As(err, &plain) && plain.Code == status && reason == wanted &&
		strings.Contains(plain.Error(), words), err)
}

// patient calls as Google's generated Go clients do on these codes.
func patient(call func() error) error {
	backoff := gax.Backoff{Initial: 10 * time.Millisecond, Max: 50 * time.Millisecond, Multiplier: 1.3}
	return gax.Invoke(context.Background(),
		func(context.Context, gax.CallSettings) error { return call() },
		gax.WithRetry(func() gax.Retryer { return gax.OnHTTPCodes(backoff, 429, 502, 503) }))
}

func faults(service *container.Service, url string, options []option.ClientOption) {
	clusters := service.Projects.Locations.Clusters
	place := sandbox{url}
	list := func() error { _, err := clusters.List(parent).Do(); return err }
	for _, one := range []struct {
		fault, reason, words string
		status               int
	}{
		{"503-burst", "", "unavailable", 503},
		{"rate-limit", "RATE_LIMIT_EXCEEDED", "Quota exceeded", 429},
		{"html-502", "", "502", 502},
	} {
		place.add(one.fault, 1)
		refusal(one.fault+" as an error", list(), one.status, one.reason, one.words)
		place.add(one.fault, 3)
		err := patient(list)
		saw(one.fault+" outlived by retries", err == nil, err)
	}
	place.post("", map[string]any{"fault": "api-disabled", "match": "container.googleapis.com"})
	err := list()
	refusal("disabled API", err, 403, "SERVICE_DISABLED", "")
	_, metadata := info(err)
	saw("disabled API names the service", metadata["service"] == "container.googleapis.com", err)
	enable(options)
	for i := 0; i < 500; i++ { // Google asks for a few minutes' patience
		if err = list(); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	saw("enabled again", err == nil, err)
	troubledCluster(service, place)
}

// enable switches the API on again and waits for it.
func enable(options []option.ClientOption) {
	usage, err := serviceusage.NewService(context.Background(), options...)
	if err != nil {
		saw("service usage", false, err)
		return
	}
	name := "projects/my-project/services/container.googleapis.com"
	operation, err := usage.Services.Enable(name, &serviceusage.EnableServiceRequest{}).Do()
	for i := 0; i < 500 && err == nil && !operation.Done; i++ {
		time.Sleep(20 * time.Millisecond)
		operation, err = usage.Operations.Get(operation.Name).Do()
	}
	saw("enable", err == nil && operation.Done, err)
}

// calm waits for all operations, the way to those of which only others know.
func calm(service *container.Service, name string) {
	list, err := service.Projects.Locations.Operations.List(parent).Do()
	saw(name+" is listed", err == nil && len(list.Operations) > 0, err)
	for _, operation := range list.Operations {
		check(name+" ends", finish(service, operation, nil))
	}
}

// A create whose answer is lost is found and waited for; what stands in the way is told.
func troubledCluster(service *container.Service, place sandbox) {
	clusters := service.Projects.Locations.Clusters
	const name = parent + "/clusters/trouble"
	create := &container.CreateClusterRequest{Cluster: &container.Cluster{Name: "trouble",
		NodePools: []*container.NodePool{{Name: "system", InitialNodeCount: 1}}}}
	place.add("ambiguous-create", 1)
	_, err := clusters.Create(parent, create).Do()
	var lost *url.Error
	saw("cut create is no answer", errors.As(err, &lost), err)
	found, err := clusters.Get(name).Do()
	saw("cut create has made the cluster", err == nil && found.Status == "PROVISIONING", err)
	_, err = clusters.Create(parent, create).Do()
	refusal("cut create again", err, 409, "", "Already exists")
	calm(service, "its operation")
	pool := func(machine string) (*container.Operation, error) {
		return clusters.NodePools.Create(name, &container.CreateNodePoolRequest{
			NodePool: &container.NodePool{Name: "more", InitialNodeCount: 1,
				Config: &container.NodeConfig{MachineType: machine}}}).Do()
	}
	place.add("operation-conflict", 1)
	_, err = pool("e2-standard-4")
	refusal("operation conflict", err, 400, "CLUSTER_ALREADY_HAS_OPERATION", "incompatible operation")
	calm(service, "the other operation")
	place.post("", map[string]any{"fault": "tpu-quota"})
	_, err = pool("ct6e-standard-1t")
	refusal("TPU quota", err, 403, "", "TPUS_PER_TPU_FAMILY")
	place.post("/clear", nil)
	place.post("", map[string]any{"fault": "stockout"})
	operation, err := pool("ct6e-standard-1t")
	saw("stock-out begins", err == nil, err)
	ended := err == nil && !finish(service, operation, nil)
	check("stock-out ends the operation with an error", ended)
	left, err := clusters.NodePools.Get(name + "/nodePools/more").Do()
	saw("stock-out leaves the pool in ERROR", err == nil && left.Status == "ERROR" &&
		strings.Contains(left.StatusMessage, "GCE_STOCKOUT"), err)
	place.post("/clear", nil)
	operation, err = clusters.Delete(name).Do()
	check("cluster goes after all", finish(service, operation, err))
}
