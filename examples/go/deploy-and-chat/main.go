// SPDX-License-Identifier: Apache-2.0

// From a YAML file to streamed tokens, with live progress:
//
//	deploy-and-chat SERVICE.yaml [PROMPT [KUBECONFIG]]
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	llmd "github.com/libllmd/libllmd/bindings/go"
)

func run(ctx context.Context, service, prompt, kubeconfig string) error {
	kube, err := llmd.OpenKube(kubeconfig, "")
	if err != nil {
		return err
	}
	spec, err := llmd.ReadServiceSpecFile(service)
	if err != nil {
		return err
	}
	for event, err := range kube.Service.Apply(ctx, spec).Events() {
		if err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, event)
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
	args := append(os.Args[1:], "", "", "")
	if args[1] == "" {
		args[1] = "Hello!"
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, args[0], args[1], args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
