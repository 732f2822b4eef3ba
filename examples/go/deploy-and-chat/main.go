// SPDX-License-Identifier: Apache-2.0

// From two YAML files to streamed tokens, with live progress:
//
//	deploy-and-chat GATEWAY.yaml SERVICE.yaml [PROMPT]
//
// The cluster is the one that kubectl would use: $KUBECONFIG, or ~/.kube/config.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	llmd "github.com/libllmd/libllmd/bindings/go"
)

func show(event *llmd.Event) { fmt.Fprintln(os.Stderr, event) }

func run(ctx context.Context, gateway, service, prompt string) error {
	kube, err := llmd.OpenKube("", "")
	if err != nil {
		return err
	}
	if err := kube.Gateway.Apply(ctx, llmd.File(gateway)).Run(show); err != nil {
		return err
	}
	spec, err := llmd.ReadServiceSpecFile(service)
	if err != nil {
		return err
	}
	if err := kube.Service.Apply(ctx, spec).Run(show); err != nil {
		return err
	}
	endpoint, err := kube.Service.Connect(ctx, spec.Namespace, spec.Name, nil)
	if err != nil {
		return err
	}
	stream, err := endpoint.Stream(ctx, llmd.Chat(prompt))
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

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: deploy-and-chat GATEWAY.yaml SERVICE.yaml [PROMPT]")
		os.Exit(2)
	}
	prompt := "Hello!"
	if len(os.Args) > 3 {
		prompt = os.Args[3]
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1], os.Args[2], prompt)
	if err != nil && ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "interrupted: what was applied stays; run it again, and it goes on")
		os.Exit(130)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
