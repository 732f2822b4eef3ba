// SPDX-License-Identifier: Apache-2.0

// From nothing to tokens and back to nothing: asks whether a GKE cluster with a TPU pool can be had
// and what it costs, makes it, installs what serves models, deploys a service, chats, and deletes
// all of it again:
//
//	cluster-and-chat ZONE CLUSTER.yaml [PLATFORM.yaml GATEWAY.yaml SERVICE.yaml [PROMPT]]
//
// Application Default Credentials say who asks Google, $GOOGLE_CLOUD_PROJECT where, if not they;
// $LLMD_GOOGLE_URL names a sandbox instead. What fails on the way is told at once, and the cluster is
// deleted; after a crash run it again, it goes on.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"

	llmd "github.com/libllmd/libllmd/bindings/go"
)

type wanted struct {
	cluster  *llmd.ClusterSpec
	platform *llmd.PlatformSpec
	gateway  *llmd.GatewaySpec
	service  *llmd.ServiceSpec // nil: the cluster alone
	prompt   string
}

func read(args []string) (w wanted, err error) {
	w.prompt = "Hello!"
	if w.cluster, err = llmd.ReadClusterSpecFile(args[0]); err != nil || len(args) == 1 {
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

func show(event *llmd.Event) { fmt.Fprintln(os.Stderr, event) }

// look asks before a cent is spent.
func look(ctx context.Context, gke *llmd.GKE, spec *llmd.ClusterSpec) error {
	checks := gke.Cluster.Preflight(ctx, spec)
	if err := checks.Run(show); err != nil {
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
	if checks.Worst() >= llmd.LevelError {
		return errors.New("nothing was made; the checks say why")
	}
	return nil
}

func serve(ctx context.Context, gke *llmd.GKE, kube *llmd.Kube, w wanted) error {
	// A GKE Gateway needs a proxy-only subnet, which costs nothing.
	if err := gke.Network.Apply(ctx, &llmd.NetworkSpec{}).Run(show); err != nil {
		return err
	}
	if err := kube.Platform.Apply(ctx, w.platform).Run(show); err != nil {
		return err
	}
	if err := kube.Gateway.Apply(ctx, w.gateway).Run(show); err != nil {
		return err
	}
	if err := kube.Service.Apply(ctx, w.service).Run(show); err != nil {
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

func makeAndUse(ctx context.Context, gke *llmd.GKE, w wanted) error {
	if err := gke.Cluster.Apply(ctx, w.cluster).Run(show); err != nil {
		return err
	}
	kube, err := gke.Cluster.Connect(ctx, w.cluster.Name)
	if err != nil {
		return err
	}
	defer kube.Close()
	fmt.Fprintln(os.Stderr, "connected:", kube.Context())
	if w.service == nil {
		return nil
	}
	return serve(ctx, gke, kube, w)
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
	failed := makeAndUse(ctx, gke, w)
	if failed != nil {
		fmt.Fprintln(os.Stderr, failed) // now: the delete takes minutes
		failed = errors.New("it failed before the delete, see above")
	}
	// Also after Ctrl-C. It proves that nothing billable is left.
	return errors.Join(failed, gke.Cluster.Delete(context.Background(), w.cluster.Name, true).Run(show))
}

func main() {
	if n := len(os.Args); n < 3 || n == 4 || n == 5 {
		fmt.Fprintln(os.Stderr, "usage: cluster-and-chat ZONE CLUSTER.yaml [PLATFORM.yaml GATEWAY.yaml SERVICE.yaml [PROMPT]]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the delete, too
	if err := run(ctx, os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
