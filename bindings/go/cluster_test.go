// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The whole way on the sandbox; bindings/python/tests/test_cluster.py walks the same.

const maps = `
apiVersion: v1
kind: ConfigMap
metadata: {name: one, labels: {set: go}}
data: {a: "1"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two, labels: {set: go}}
---
apiVersion: v1
kind: Namespace
metadata: {name: go}
`

func service(name string) YAML {
	return YAML(fmt.Sprintf(`
name: %s
namespace: llm
model: hf://Qwen/Qwen2.5-3B-Instruct
preset: tpu-v6e-4t
gateway: {name: edge}
`, name))
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func sandbox(t *testing.T) *Sandbox {
	t.Helper()
	s, err := StartSandbox(bounded(t), SandboxOptions{})
	check(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func applied(t *testing.T) *Kube {
	t.Helper()
	kube := sandbox(t).Kube
	check(t, kube.Apply(bounded(t), maps, ApplyOptions{Namespace: "go"}).Run(nil))
	return kube
}

func TestHandleTellsWhereItIs(t *testing.T) {
	s := sandbox(t)
	if s.Kube.Server() != s.URL || !strings.HasPrefix(s.URL, "http") || s.Kube.Namespace() == "" ||
		s.Kube.Context() == "" {
		t.Fatal(s.URL, s.Kube.Server(), s.Kube.Namespace(), s.Kube.Context())
	}
	text, err := os.ReadFile(s.Kubeconfig)
	check(t, err)
	again, err := OpenKubeText(string(text), "")
	check(t, err)
	defer again.Close()
	version, err := again.Version(bounded(t))
	check(t, err)
	if !strings.Contains(string(version), `"gitVersion"`) {
		t.Fatal(string(version))
	}
	if _, err := OpenKube(s.Kubeconfig, "nowhere"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
}

func TestApplyRepeatsNothing(t *testing.T) {
	kube := applied(t)
	for event, err := range kube.Apply(bounded(t), maps, ApplyOptions{Namespace: "go"}).Events() {
		check(t, err)
		if event.Reason == "created" || event.Reason == "configured" {
			t.Error(event)
		}
	}
	task := kube.Apply(bounded(t), "a: [")
	if err := task.Run(nil); !errors.Is(err, ErrInvalid) {
		t.Fatal(err)
	}
}

func TestGetListDelete(t *testing.T) {
	kube, ctx := applied(t), bounded(t)
	one, err := kube.Get(ctx, "cm", "go", "one")
	check(t, err)
	if !strings.Contains(string(one), `"one"`) {
		t.Fatal(string(one))
	}
	var names []string
	for object, err := range kube.List(ctx, "configmaps", ListOptions{Namespace: "go", Labels: "set=go"}) {
		check(t, err)
		var o struct{ Metadata struct{ Name string } }
		check(t, json.Unmarshal(object, &o))
		names = append(names, o.Metadata.Name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"one", "two"}) {
		t.Fatal(names)
	}
	check(t, kube.Delete(ctx, "configmaps", "go", "one").Run(nil))
	var own *Error
	if _, err := kube.Get(ctx, "cm", "go", "one"); !errors.As(err, &own) ||
		!errors.Is(err, ErrNotFound) || own.HTTPStatus != 404 {
		t.Fatal(err)
	}
	gone := kube.Delete(ctx, "configmaps", "go", "one")
	check(t, gone.Run(nil))
	if !strings.Contains(string(gone.Result()), "false") {
		t.Fatal(string(gone.Result()))
	}
}

func TestWatchTellsEachChangeOnce(t *testing.T) {
	kube, ctx := applied(t), bounded(t)
	var seen []string
	for change, err := range kube.Watch(ctx, "configmaps", ListOptions{Namespace: "go", Labels: "set=go"}) {
		check(t, err)
		seen = append(seen, fmt.Sprintf("%d %s", change.Type, change.Name))
		if change.Type == Synced {
			check(t, kube.Delete(ctx, "configmaps", "go", "two").Run(nil))
		}
		if change.Type == Deleted {
			break
		}
	}
	slices.Sort(seen[:2])
	want := []string{"1 one", "1 two", "4 ", "3 two"}
	if !slices.Equal(seen, want) {
		t.Fatalf("%q", seen)
	}
}

func TestWaitAndItsCancel(t *testing.T) {
	kube := applied(t)
	late := `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}}`
	time.AfterFunc(100*time.Millisecond, func() {
		kube.Apply(context.Background(), late, ApplyOptions{Namespace: "go"}).Run(nil)
	})
	check(t, kube.Wait(bounded(t), "configmaps", "go", "late", "create").Run(nil))
	within(t, func(ctx context.Context) error {
		return kube.Wait(ctx, "configmaps", "go", "never", "create").Run(nil)
	})
	within(t, func(ctx context.Context) error {
		for _, err := range kube.Watch(ctx, "configmaps") {
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func TestCloseEndsATaskThatIsRead(t *testing.T) {
	task := applied(t).Wait(context.Background(), "configmaps", "go", "never", "create")
	time.AfterFunc(50*time.Millisecond, func() { task.Close() })
	if err := task.Run(nil); !errors.Is(err, ErrCanceled) {
		t.Fatal(err)
	}
	task.Close()
}

func TestTasksOutliveTheHandle(t *testing.T) {
	s := sandbox(t)
	kube, err := OpenKube(s.Kubeconfig, "")
	check(t, err)
	task := kube.Apply(bounded(t), maps, ApplyOptions{Namespace: "go"})
	kube.Close()
	kube.Close()
	check(t, task.Run(nil))
	if err := kube.Apply(bounded(t), maps).Run(nil); !errors.Is(err, ErrInvalid) {
		t.Fatal(err)
	}
}

func TestDeployAndChat(t *testing.T) {
	kube, ctx := sandbox(t).Kube, bounded(t)
	check(t, kube.Apply(ctx, `{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "llm"}}`).Run(nil))
	check(t, kube.Gateway.Apply(ctx, &GatewaySpec{Name: "edge", Namespace: "llm"}).Run(nil))
	gateway, err := kube.Gateway.Get(ctx, "llm", "edge")
	check(t, err)
	if !gateway.Programmed || gateway.Address == "" {
		t.Fatalf("%+v", gateway)
	}

	phases := map[string]bool{}
	task := kube.Service.Apply(ctx, service("walk"))
	check(t, task.Run(func(event *Event) { phases[event.Phase] = true }))
	if len(phases) < 2 || !strings.Contains(string(task.Result()), "LLMInferenceService") {
		t.Fatal(phases, string(task.Result()))
	}
	got, err := kube.Service.Get(ctx, "llm", "walk")
	check(t, err)
	if !got.Ready || got.URL == "" || got.Replicas != 1 {
		t.Fatalf("%+v", got)
	}
	count := 0
	for one, err := range kube.Service.List(ctx, "llm") {
		check(t, err)
		if one.Name == "walk" {
			count++
		}
	}
	if count != 1 {
		t.Fatal(count)
	}
	chatOn(t, kube)
	check(t, kube.Service.Delete(ctx, "llm", "walk").Run(nil))
	if _, err := kube.Service.Get(ctx, "llm", "walk"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
}

func chatOn(t *testing.T, kube *Kube) {
	ctx := bounded(t)
	endpoint, err := kube.Service.Connect(ctx, "llm", "walk", nil)
	check(t, err)
	defer endpoint.Close()
	reply, err := endpoint.Send(ctx, tokens("Say hello.", 8))
	check(t, err)
	if reply.Text == "" || reply.CompletionTokens <= 0 {
		t.Fatalf("%+v", reply)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			s, err := endpoint.Stream(ctx, tokens("Say hello.", 8))
			if err != nil {
				t.Error(err)
				return
			}
			for _, err := range s.Deltas() {
				if err != nil {
					t.Error(err)
				}
			}
			if s.Reply().Text == "" {
				t.Error("nothing was said")
			}
		}()
	}
	wg.Wait()
	for _, health := range []*Task{kube.Health(ctx, "llm", "walk"), endpoint.Health(ctx)} {
		check(t, health.Run(nil))
		if health.Worst() >= LevelError {
			t.Error(health.Worst())
		}
	}
}

func TestAServiceThatCannotRunIsToldWithCauseAndAdvice(t *testing.T) {
	kube, ctx := sandbox(t).Kube, bounded(t)
	spec, err := ReadServiceSpec(string(service("broken")))
	check(t, err)
	spec.Gateway, spec.Image = nil, "registry.example/no/such:image"
	err = kube.Service.Apply(ctx, spec).Run(nil)
	var own *Error
	if !errors.Is(err, ErrFailed) || !errors.As(err, &own) || own.Reason == "" || own.Advice == "" {
		t.Fatal(err)
	}
}

func TestSpecs(t *testing.T) {
	two := 2
	made := &ServiceSpec{Name: "qwen", Model: "hf://a/b", Preset: "tpu-v6e-4t", Replicas: &two}
	text, err := made.Manifest()
	check(t, err)
	path := filepath.Join(t.TempDir(), "spec.yaml")
	check(t, os.WriteFile(path, []byte("name: qwen\nmodel: hf://a/b\npreset: tpu-v6e-4t\nreplicas: 2\n"), 0o600))
	read, err := ReadServiceSpecFile(path)
	check(t, err)
	same, err := read.Manifest()
	check(t, err)
	if string(same) != string(text) || *read.Replicas != 2 {
		t.Fatalf("%s\n%s", text, same)
	}
	for _, bad := range []string{"name: q\nmodel: hf://a/b\nreplica: 2\n", "name: q\nmodel: gs://a/b\n"} {
		if _, err := ReadServiceSpec(bad); !errors.Is(err, ErrInvalid) {
			t.Error(bad, err)
		}
	}
	if _, err := ReadServiceSpecFile("/no/such.yaml"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	manifest, err := (&GatewaySpec{Name: "edge", Class: "my-class"}).Manifest()
	check(t, err)
	if !strings.Contains(string(manifest), "my-class") {
		t.Error(string(manifest))
	}
}

func TestSecretsAreKeptAndNotShown(t *testing.T) {
	spec, err := ReadServiceSpec("name: q\nmodel: hf://a/b\nhfToken: hf_secret\n")
	check(t, err)
	if spec.HFToken != "***" {
		t.Fatal(spec.HFToken)
	}
	_, err = spec.Manifest()
	check(t, err)
	spec.ModelName = "other"
	if _, err = spec.Manifest(); !errors.Is(err, ErrInvalid) {
		t.Fatal(err)
	}
	spec.HFToken = "hf_other"
	text, err := spec.Manifest()
	check(t, err)
	if strings.Contains(string(text), "hf_other") {
		t.Fatal(string(text))
	}
}

// What was made of a sandbox does not hold it, and must find it alive all the same.
func TestASandboxThatNobodyHoldsServesOn(t *testing.T) {
	s, err := StartSandbox(bounded(t), SandboxOptions{Profile: "empty"})
	check(t, err)
	kube, process, folder := s.Kube, s.cmd.Process, s.folder
	s = nil
	for range 3 {
		runtime.GC()
		time.Sleep(20 * time.Millisecond) // for finalizers
	}
	_, err = kube.Version(bounded(t))
	check(t, err)
	check(t, kube.Close())
	check(t, process.Kill())
	os.RemoveAll(folder)
}

func TestASandboxThatCannotStartSaysWhy(t *testing.T) {
	_, err := StartSandbox(bounded(t), SandboxOptions{Profile: "nonsense"})
	if !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "profile") {
		t.Fatal(err)
	}
}
