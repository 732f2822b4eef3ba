// SPDX-License-Identifier: Apache-2.0

package llmd_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	llmd "github.com/libllmd/libllmd/bindings/go"
)

func google(t *testing.T) (context.Context, *llmd.Sandbox, *llmd.GKE) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	sandbox, err := llmd.StartSandbox(ctx, llmd.SandboxOptions{Profile: "gke", TimeScale: 0.001, Google: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sandbox.Close() })
	gke, err := sandbox.GKE(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { gke.Close() })
	return ctx, sandbox, gke
}

func TestClusterFromPreflightToDelete(t *testing.T) {
	ctx, _, gke := google(t)
	one := 1
	spec := &llmd.ClusterSpec{Name: "llm", NodePools: []llmd.NodePool{
		{Name: "tpu", Preset: "tpu-v6e-4t", Nodes: &one}}}
	run := func(task *llmd.Task) {
		t.Helper()
		if err := task.Run(nil); err != nil {
			t.Fatal(err)
		}
	}
	checks := gke.Cluster.Preflight(ctx, spec)
	run(checks)
	if checks.Worst() >= llmd.LevelError {
		t.Fatal("preflight refuses")
	}
	cost, err := gke.Cluster.Cost(ctx, spec, nil)
	if err != nil || !strings.Contains(string(cost), "USD") {
		t.Fatal(string(cost), err)
	}
	run(gke.Cluster.Apply(ctx, spec))
	cluster, err := gke.Cluster.Get(ctx, "llm")
	if err != nil || cluster.Endpoint == "" || !json.Valid(cluster.JSON) {
		t.Fatal(cluster, err)
	}
	for one, err := range gke.Cluster.List(ctx) {
		if err != nil || one.Name != "llm" {
			t.Fatal(one, err)
		}
	}
	kube, err := gke.Cluster.Connect(ctx, "llm")
	if err != nil {
		t.Fatal(err)
	}
	defer kube.Close()
	if _, err := kube.Version(ctx); err != nil {
		t.Fatal(err)
	}
	two := 2
	run(gke.NodePool.Apply(ctx, "llm", &llmd.NodePool{Name: "tpu", Preset: "tpu-v6e-4t", Nodes: &two}))
	run(gke.NodePool.Wait(ctx, "llm", "tpu"))
	pool, err := gke.NodePool.Get(ctx, "llm", "tpu")
	if err != nil || !strings.Contains(string(pool), "ct6e-standard-4t") {
		t.Fatal(string(pool), err)
	}
	if pools, err := gke.NodePool.List(ctx, "llm"); err != nil || len(pools) != 2 {
		t.Fatal(pools, err)
	}
	if _, err := gke.NodePool.Get(ctx, "llm", "gpu"); !errors.Is(err, llmd.ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := gke.NodePool.List(ctx, "none"); !errors.Is(err, llmd.ErrNotFound) {
		t.Fatal(err)
	}
	run(kube.Gateway.Apply(ctx, &llmd.GatewaySpec{Name: "edge", Namespace: "default"}))
	run(kube.Service.Apply(ctx, &llmd.ServiceSpec{Name: "qwen", Namespace: "default",
		Preset: "simulator", Gateway: &llmd.ObjectRef{Name: "edge"}, Model: "hf://a/b"}))
	check := gke.Network.Health(ctx, kube, "default", "qwen")
	run(check)
	if check.Worst() != llmd.LevelInfo {
		t.Fatal(check.Worst())
	}
	if err := gke.Network.Health(ctx, kube, "default", "none").Run(nil); !errors.Is(err, llmd.ErrNotFound) {
		t.Fatal(err)
	}
	run(gke.NodePool.Delete(ctx, "llm", "tpu"))
	run(gke.Cluster.Delete(ctx, "llm", true))
	if _, err := gke.Cluster.Get(ctx, "llm"); !errors.Is(err, llmd.ErrNotFound) {
		t.Fatal(err)
	}
	run(gke.Network.Apply(ctx, &llmd.NetworkSpec{Address: "edge"}))
	run(gke.Network.Delete(ctx, &llmd.NetworkSpec{Address: "edge"}))
}

func TestCredentialsTellNoSecret(t *testing.T) {
	ctx, sandbox, _ := google(t)
	credentials, err := llmd.GoogleCredentials(ctx, sandbox.Credentials)
	if err != nil {
		t.Fatal(err)
	}
	defer credentials.Close()
	text, err := os.ReadFile(sandbox.Credentials)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Token string `json:"refresh_token"`
	}
	if err := json.Unmarshal(text, &file); err != nil || file.Token == "" {
		t.Fatal(err)
	}
	if about := string(credentials.Describe()); strings.Contains(about, file.Token) || !strings.Contains(about, "authorized_user") {
		t.Fatal(about)
	}
	if _, err := llmd.GoogleCredentials(ctx, "/nothing.json"); !errors.Is(err, llmd.ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := sandbox.GKE(ctx, "somewhere"); !errors.Is(err, llmd.ErrInvalid) {
		t.Fatal(err)
	}
}

// What is false or empty is said, so that a fall-back can do without what its pool has.
func TestFallbackTakesBack(t *testing.T) {
	reserved, none, yes, no, most := "kept", "", true, false, 3
	spec := &llmd.ClusterSpec{Name: "llm", NodePools: []llmd.NodePool{
		{Name: "a", Preset: "tpu-v6e-4t", Reservation: &reserved,
			Fallbacks: []llmd.NodePool{{Reservation: &none, Spot: &yes}}},
		{Name: "b", Preset: "tpu-v6e-4t", FlexStart: &yes, MaxNodes: &most,
			Fallbacks: []llmd.NodePool{{FlexStart: &no, Spot: &yes}}}}}
	if body, err := spec.Manifest("my-project", "europe-west4-a"); err != nil {
		t.Fatal(string(body), err) // spot excludes both
	}
}

func TestSpecsThatMustBeGiven(t *testing.T) {
	ctx, sandbox, gke := google(t)
	for _, task := range []*llmd.Task{gke.Network.Apply(ctx, nil),
		sandbox.Kube.Gateway.Apply(ctx, nil), sandbox.Kube.Service.Apply(ctx, nil)} {
		if err := task.Run(nil); !errors.Is(err, llmd.ErrInvalid) {
			t.Error(err)
		}
	}
}

func TestClusterSpecs(t *testing.T) {
	spec, err := llmd.ReadClusterSpec("name: a\nnodePools: [{preset: tpu-v6e-4t, maxNodes: 3}]\n")
	if err != nil || *spec.NodePools[0].MaxNodes != 3 {
		t.Fatal(spec, err)
	}
	body, err := spec.Manifest("my-project", "europe-west4-a")
	if err != nil || !strings.Contains(string(body), "ct6e-standard-4t") {
		t.Fatal(string(body), err)
	}
	if _, err := llmd.ReadClusterSpec("name: a\nnodePols: []\n"); !errors.Is(err, llmd.ErrInvalid) {
		t.Fatal(err)
	}
}
