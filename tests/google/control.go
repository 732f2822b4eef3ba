// SPDX-License-Identifier: Apache-2.0

// Google's Go client drives the sandbox. Usage: control URL CREDENTIALS
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	container "google.golang.org/api/container/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
)

const (
	parent  = "projects/my-project/locations/europe-west4-a"
	cluster = parent + "/clusters/go"
)

var failed = 0

func check(name string, good bool) {
	word := "ok"
	if !good {
		word = "not ok"
		failed = 1
	}
	fmt.Println(word, "google go", name)
}

func finish(service *container.Service, operation *container.Operation, err error) bool {
	if err != nil {
		fmt.Println(err)
		return false
	}
	for i := 0; i < 600; i++ {
		now, err := service.Projects.Locations.Operations.Get(parent + "/operations/" + operation.Name).Do()
		if err != nil {
			fmt.Println(err)
			return false
		}
		if now.Status == "DONE" {
			return now.Error == nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

func refused(err error, status int) bool {
	var api *googleapi.Error
	return errors.As(err, &api) && api.Code == status
}

func main() {
	options := []option.ClientOption{option.WithEndpoint(os.Args[1] + "/"),
		option.WithCredentialsFile(os.Args[2]), option.WithScopes(container.CloudPlatformScope)}
	service, err := container.NewService(context.Background(), options...)
	if err != nil {
		fmt.Println("not ok google go client:", err)
		os.Exit(1)
	}
	clusters := service.Projects.Locations.Clusters
	create := &container.CreateClusterRequest{Cluster: &container.Cluster{Name: "go",
		NodePools: []*container.NodePool{{Name: "system", InitialNodeCount: 1}}}}
	operation, err := clusters.Create(parent, create).Do()
	check("create", finish(service, operation, err))
	_, err = clusters.Create(parent, create).Do()
	check("exists", refused(err, 409))
	list, err := clusters.List(parent).Do()
	check("list", err == nil && len(list.Clusters) == 1 && list.Clusters[0].Status == "RUNNING")
	pool := &container.CreateNodePoolRequest{NodePool: &container.NodePool{Name: "tpu", InitialNodeCount: 1,
		Config: &container.NodeConfig{MachineType: "ct6e-standard-4t"}}}
	operation, err = clusters.NodePools.Create(cluster, pool).Do()
	check("pool", finish(service, operation, err))
	operation, err = clusters.NodePools.SetSize(cluster+"/nodePools/tpu",
		&container.SetNodePoolSizeRequest{NodeCount: 2}).Do()
	check("resize", finish(service, operation, err))
	found, err := clusters.Get(cluster).Do()
	check("node count", err == nil && found.CurrentNodeCount == 3)
	operation, err = clusters.Delete(cluster).Do()
	check("delete", finish(service, operation, err))
	_, err = clusters.Get(cluster).Do()
	check("gone", refused(err, 404))
	faults(service, os.Args[1], options)
	os.Exit(failed)
}
