// SPDX-License-Identifier: Apache-2.0

// From nothing to tokens and back to nothing: asks whether a GKE cluster with TPUs can be had and
// what it costs, makes it, installs what serves models, deploys a service, looks at its health,
// chats, and deletes all of it again:
//
//	cluster-and-chat ZONE CLUSTER.yaml PLATFORM.yaml GATEWAY.yaml SERVICE.yaml [PROMPT]
//	cluster-and-chat delete ZONE CLUSTER.yaml
//
// Application Default Credentials say who asks Google, $GOOGLE_CLOUD_PROJECT where, if not they;
// $LLMD_GOOGLE_URL names a sandbox instead. What fails on the way is told at once, and the cluster is
// deleted, also after Ctrl-C or SIGTERM; after a crash run it again, it goes on, or only delete.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	llmd "github.com/libllmd/libllmd/bindings/go"
)

const (
	crds        = "customresourcedefinitions"
	gateways    = "gateways.gateway.networking.k8s.io"
	established = "condition=Established"
)

type wanted struct {
	cluster  *llmd.ClusterSpec
	network  *llmd.NetworkSpec
	platform *llmd.PlatformSpec
	gateway  *llmd.GatewaySpec
	service  *llmd.ServiceSpec
	prompt   string
}

func read(args []string) (w wanted, err error) {
	w.network, w.prompt = &llmd.NetworkSpec{}, "Hello!"
	if w.cluster, err = llmd.ReadClusterSpecFile(args[0]); err != nil {
		return w, err
	}
	if w.platform, err = llmd.ReadPlatformSpecFile(args[1]); err != nil {
		return w, err
	}
	if w.gateway, err = llmd.ReadGatewaySpecFile(args[2]); err != nil {
		return w, err
	}
	if len(args) > 4 {
		w.prompt = args[4]
	}
	w.service, err = llmd.ReadServiceSpecFile(args[3])
	return w, err
}

// follow runs a task and shows what it tells. A check that found faults is an error, too.
func follow(task *llmd.Task) error {
	err := task.Run(func(event *llmd.Event) { fmt.Fprintln(os.Stderr, event) })
	if err == nil && task.Worst() >= llmd.LevelError {
		err = errors.New("it goes no further; the checks say why")
	}
	return err
}

// look asks before a cent is spent.
func look(ctx context.Context, gke *llmd.GKE, spec *llmd.ClusterSpec) error {
	if err := follow(gke.Cluster.Preflight(ctx, spec)); err != nil {
		return err
	}
	text, err := gke.Cluster.Cost(ctx, spec, nil)
	if err != nil {
		return err
	}
	var cost struct {
		Currency, Source, Date string
		Hourly                 struct {
			Least float64 `json:"as_wanted"`
			Most  float64 `json:"as_wanted_at_most"`
		}
	}
	if err := json.Unmarshal(text, &cost); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "cost: %.2f to %.2f %s per hour (%s, %s)\n", cost.Hourly.Least,
		cost.Hourly.Most, cost.Currency, cost.Source, cost.Date)
	return nil
}

// sides do what does not need each other; the first error stops the others.
type sides struct {
	stop context.CancelCauseFunc
	all  sync.WaitGroup
}

func (s *sides) begin(side func() error) {
	s.all.Add(1)
	go func() {
		defer s.all.Done()
		if err := side(); err != nil {
			s.stop(err)
		}
	}()
}

func makeGateway(ctx context.Context, gke *llmd.GKE, kube *llmd.Kube, w wanted) error {
	// A GKE Gateway needs a proxy-only subnet, which costs nothing, and a cluster that knows such.
	if err := follow(gke.Network.Apply(ctx, w.network)); err != nil {
		return err
	}
	if err := follow(kube.Wait(ctx, crds, "", gateways, established)); err != nil {
		return err
	}
	return follow(kube.Gateway.Apply(ctx, w.gateway))
}

func makeService(ctx context.Context, kube *llmd.Kube, w wanted) error {
	if err := follow(kube.Platform.Apply(ctx, w.platform)); err != nil {
		return err
	}
	return follow(kube.Service.Apply(ctx, w.service))
}

// makeAll makes side by side the cluster, and once it serves, its TPUs, which may be sold out; the
// Gateway, as soon as the cluster knows such; KServe, and on it the service.
func makeAll(ctx context.Context, gke *llmd.GKE, w wanted) (kube *llmd.Kube, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s := &sides{stop: stop}
	for event, err := range gke.Cluster.Apply(ctx, w.cluster).Events() {
		if err != nil {
			stop(err)
			break
		}
		fmt.Fprintln(os.Stderr, event)
		if event.Phase != "serving" || kube != nil {
			continue
		}
		if kube, err = gke.Cluster.Connect(ctx, w.cluster.Name); err != nil {
			stop(err)
			break
		}
		fmt.Fprintln(os.Stderr, "connected:", kube.Context())
		s.begin(func() error { return makeGateway(ctx, gke, kube, w) })
		s.begin(func() error { return makeService(ctx, kube, w) })
	}
	s.all.Wait()
	return kube, context.Cause(ctx)
}

func chat(ctx context.Context, kube *llmd.Kube, w wanted) error {
	if err := follow(kube.Health(ctx, w.service.Namespace, w.service.Name)); err != nil {
		return err
	}
	endpoint, err := kube.Service.Connect(ctx, w.service.Namespace, w.service.Name, nil)
	if err != nil {
		return err
	}
	stream, err := endpoint.Stream(ctx, llmd.Chat(w.prompt))
	if err != nil {
		return err
	}
	for delta, err := range stream.Deltas() {
		if err != nil {
			return err
		}
		fmt.Print(delta.Text)
	}
	fmt.Println()
	return nil
}

// deleteAll proves that nothing billable is left, or says what may be.
func deleteAll(zone, file string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // another Ctrl-C
	defer stop()
	spec, err := llmd.ReadClusterSpecFile(file)
	if err != nil {
		return err
	}
	gke, err := llmd.OpenGKE(ctx, nil, "", zone)
	if err == nil {
		defer gke.Close()
		err = follow(gke.Cluster.Delete(ctx, spec.Name, true))
	}
	if err == nil {
		err = follow(gke.Network.Delete(ctx, &llmd.NetworkSpec{}))
	}
	if err != nil {
		err = fmt.Errorf("%w\ncluster %s in %s may still exist and cost money; delete it with: %s delete %s %s",
			err, spec.Name, zone, os.Args[0], zone, file)
	}
	return err
}

func use(ctx context.Context, gke *llmd.GKE, w wanted) error {
	kube, err := makeAll(ctx, gke, w)
	if kube != nil {
		defer kube.Close()
	}
	if err != nil {
		return err
	}
	return chat(ctx, kube, w)
}

func run(ctx context.Context, zone string, args []string) error {
	w, err := read(args)
	if err != nil {
		return err
	}
	gke, err := llmd.OpenGKE(ctx, nil, "", zone)
	if err != nil {
		return err
	}
	defer gke.Close()
	if err := look(ctx, gke, w.cluster); err != nil {
		return err
	}
	failed := use(ctx, gke, w)
	if failed != nil {
		fmt.Fprintln(os.Stderr, failed) // now: the delete takes minutes
		failed = errors.New("it failed before the delete, see above")
	}
	return errors.Join(failed, deleteAll(zone, args[0])) // also after Ctrl-C
}

func runOrDelete(args []string) error {
	if len(args) == 3 && args[0] == "delete" {
		return deleteAll(args[1], args[2])
	}
	if n := len(args); n < 5 || n > 6 {
		return errors.New("usage: cluster-and-chat ZONE CLUSTER.yaml PLATFORM.yaml GATEWAY.yaml SERVICE.yaml [PROMPT]\n" +
			"       cluster-and-chat delete ZONE CLUSTER.yaml")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, args[0], args[1:])
}

func main() {
	if err := runOrDelete(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
