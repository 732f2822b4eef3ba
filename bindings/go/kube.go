// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"context"
	"encoding/json"
	"iter"
	"runtime"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// Kube is a connection to a Kubernetes API server, by client-go's rules. Any goroutine may use it;
// tasks and iterators outlive it.
//
// A resource is one string, as kubectl takes it: "pods", "deploy",
// "gateways.gateway.networking.k8s.io". An empty ns means the kubeconfig's namespace; "*" in List
// and Watch means all.
type Kube struct {
	Platform *Platforms // what this cluster needs before it serves
	Gateway  *Gateways  // gateways of this cluster
	Service  *Services  // LLMInferenceServices of this cluster

	place
}

// OpenKube opens a cluster by a kubeconfig; it touches files, not the network. Empty strings mean
// client-go's rules: the files of $KUBECONFIG, else ~/.kube/config, else the service account of the
// pod we run in; and the current context.
func OpenKube(kubeconfig, kubecontext string) (*Kube, error) {
	var t texts
	defer t.free()
	path, name := t.optional("kubeconfig", kubeconfig), t.optional("kubecontext", kubecontext)
	return newKube(t.err, func(out *uintptr) uintptr { return raw.Kube_open(path, name, out) })
}

// OpenKubeText opens a cluster by the text of a kubeconfig.
func OpenKubeText(kubeconfig, kubecontext string) (*Kube, error) {
	var t texts
	defer t.free()
	text, name := t.add("kubeconfig", kubeconfig), t.optional("kubecontext", kubecontext)
	return newKube(t.err, func(out *uintptr) uintptr { return raw.Kube_open_text(text, name, out) })
}

func newKube(err error, open func(out *uintptr) uintptr) (*Kube, error) {
	if err != nil {
		return nil, err
	}
	var c uintptr
	if err := takeError(open(&c)); err != nil {
		return nil, err
	}
	k := &Kube{place: place{newHandle(c, raw.Kube_free), "the cluster"}}
	k.Platform, k.Gateway, k.Service = &Platforms{k}, &Gateways{k}, &Services{k}
	runtime.AddCleanup(k, func(h *handle) { h.close() }, k.handle)
	return k, nil
}

// Close drops the connection; closing twice is fine.
func (k *Kube) Close() error {
	k.handle.close()
	return nil
}

// Server is the server's URL.
func (k *Kube) Server() string { return k.text(raw.Kube_server) }

// Namespace is the one used where none is given.
func (k *Kube) Namespace() string { return k.text(raw.Kube_namespace) }

// Context is the name of the kubeconfig's context in use, or "".
func (k *Kube) Context() string { return k.text(raw.Kube_context) }

// Version is the API server's version document.
func (k *Kube) Version(ctx context.Context) (json.RawMessage, error) {
	var out uintptr
	err := k.call(ctx, &texts{}, func(ctx, kube uintptr) uintptr {
		return raw.Kube_version(ctx, kube, &out)
	})
	return json.RawMessage(takeText(out)), err
}

// ApplyOptions say how Kube.Apply behaves.
type ApplyOptions struct {
	Force     bool   `json:"force,omitempty"`     // take over fields that other managers own
	Namespace string `json:"namespace,omitempty"` // of objects that name none
	DryRun    bool   `json:"dryRun,omitempty"`    // check everything and change nothing
}

// Apply makes the cluster hold these objects, any multi-document YAML or JSON, by server-side apply
// as "libllmd": namespaces first, then CRDs until Established, then the rest side by side. Applying
// the same text again changes nothing. One event per object, with the reason "created",
// "configured" or "unchanged".
func (k *Kube) Apply(ctx context.Context, manifests string, options ...ApplyOptions) *Task {
	var t texts
	defer t.free()
	text := t.add("manifests", manifests)
	var how ApplyOptions
	if len(options) > 0 {
		how = options[0]
	}
	given, _ := json.Marshal(how)
	options1 := t.add("options", string(given))
	return k.task(ctx, &t, func(kube uintptr, out *uintptr) uintptr {
		var spec uintptr
		if c := raw.Apply_spec_parse(options1, &spec); c != 0 {
			return c
		}
		defer raw.Apply_spec_free(spec)
		return raw.Kube_apply(kube, text, spec, out)
	})
}

// Get is one object; ErrNotFound when there is none.
func (k *Kube) Get(ctx context.Context, resource, ns, name string) (json.RawMessage, error) {
	var t texts
	defer t.free()
	what, where, which := t.add("resource", resource), t.optional("ns", ns), t.add("name", name)
	var out uintptr
	err := k.call(ctx, &t, func(ctx, kube uintptr) uintptr {
		return raw.Kube_get(ctx, kube, what, where, which, &out)
	})
	return json.RawMessage(takeText(out)), err
}

// pull yields what next gives until 0; the C iterator lives as long as the loop.
func pull[T any](ctx context.Context, open func(out *uintptr) error, free func(uintptr),
	next func(ctx, it uintptr, out *uintptr) uintptr, take func(uintptr) T,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var it uintptr
		var none T
		if err := open(&it); err != nil {
			yield(none, err)
			return
		}
		defer free(it)
		for {
			var out uintptr
			err := wait(ctx, func(c uintptr) uintptr { return next(c, it, &out) })
			if err != nil {
				yield(none, err)
				return
			}
			if out == 0 || !yield(take(out), nil) {
				return
			}
		}
	}
}

// ListOptions choose objects. Selectors are written as for kubectl.
type ListOptions struct {
	Namespace string
	Labels    string
	Fields    string
}

func (k *Kube) openList(resource string, options []ListOptions, out *uintptr,
	open func(kube, resource, ns, labels, fields uintptr, out *uintptr) uintptr,
) error {
	var t texts
	defer t.free()
	var o ListOptions
	if len(options) > 0 {
		o = options[0]
	}
	what, ns := t.add("resource", resource), t.optional("ns", o.Namespace)
	labels, fields := t.optional("labels", o.Labels), t.optional("fields", o.Fields)
	return k.open(&t, func(kube uintptr) uintptr { return open(kube, what, ns, labels, fields, out) })
}

// List yields objects; pages are fetched as they are needed.
func (k *Kube) List(ctx context.Context, resource string, options ...ListOptions) iter.Seq2[json.RawMessage, error] {
	open := func(out *uintptr) error {
		return k.openList(resource, options, out, raw.Kube_list_open)
	}
	return pull(ctx, open, raw.Kube_list_free, raw.Kube_list_next,
		func(c uintptr) json.RawMessage { return json.RawMessage(takeText(c)) })
}

// ChangeType is what a change is. It may grow: keep a default branch.
type ChangeType int

// The types, as in llmd/kube.h.
const (
	Added    ChangeType = iota + 1
	Modified            // it is different now
	Deleted             // it is gone
	Synced              // all that existed at the start has been told; no object
)

// Change is one change that a watch saw.
type Change struct {
	Type      ChangeType
	Namespace string
	Name      string
	Object    json.RawMessage // empty for Synced
}

func takeChange(c uintptr) *Change {
	defer raw.Kube_change_free(c)
	return &Change{
		Type:      ChangeType(raw.Kube_change_type(c)),
		Namespace: raw.Text(raw.Kube_change_ns(c)),
		Name:      raw.Text(raw.Kube_change_name(c)),
		Object:    json.RawMessage(raw.Text(raw.Kube_change_json(c))),
	}
}

// Watch yields changes without an end: what exists as Added, one Synced, then each change. Cut
// connections and 410 Gone are bridged.
func (k *Kube) Watch(ctx context.Context, resource string, options ...ListOptions) iter.Seq2[*Change, error] {
	open := func(out *uintptr) error {
		return k.openList(resource, options, out, raw.Kube_watch_open)
	}
	return pull(ctx, open, raw.Kube_watch_free, raw.Kube_watch_next, takeChange)
}

// Wait waits until an object is as wanted: "condition=Ready", "create", "delete",
// "jsonpath={.status.phase}=Running".
func (k *Kube) Wait(ctx context.Context, resource, ns, name, condition string) *Task {
	var t texts
	defer t.free()
	what, where, which := t.add("resource", resource), t.optional("ns", ns), t.add("name", name)
	until := t.add("condition", condition)
	return k.task(ctx, &t, func(kube uintptr, out *uintptr) uintptr {
		return raw.Kube_wait(kube, what, where, which, until, out)
	})
}

// Delete deletes an object and waits until it is gone; one that does not exist is no error.
func (k *Kube) Delete(ctx context.Context, resource, ns, name string) *Task {
	var t texts
	defer t.free()
	what, where, which := t.add("resource", resource), t.optional("ns", ns), t.add("name", name)
	return k.task(ctx, &t, func(kube uintptr, out *uintptr) uintptr {
		return raw.Kube_delete(kube, what, where, which, out)
	})
}

// LogOptions choose what Logs yields.
type LogOptions struct {
	Container string // "" where the pod has one
	Follow    bool   // go on as lines are written, until the container ends
	Previous  bool   // the run before the last restart
	TailLines int64  // only so many lines from the end; 0: all
}

// Logs yields the lines of a container's log.
func (k *Kube) Logs(ctx context.Context, ns, pod string, options ...LogOptions) iter.Seq2[string, error] {
	open := func(out *uintptr) error {
		var t texts
		defer t.free()
		var o LogOptions
		if len(options) > 0 {
			o = options[0]
		}
		if o.TailLines == 0 {
			o.TailLines = -1
		}
		where, which := t.optional("ns", ns), t.add("pod", pod)
		container := t.optional("container", o.Container)
		return k.open(&t, func(kube uintptr) uintptr {
			return raw.Kube_logs_open(kube, where, which, container, o.Follow, o.Previous, o.TailLines, out)
		})
	}
	return pull(ctx, open, raw.Kube_logs_free, raw.Kube_logs_next, takeText)
}

// ProxyGet GETs a path of "services/NAME:PORT" or "pods/NAME:PORT" through the API server.
func (k *Kube) ProxyGet(ctx context.Context, ns, target, path string) (string, error) {
	var t texts
	defer t.free()
	where, what, which := t.optional("ns", ns), t.add("target", target), t.add("path", path)
	var out uintptr
	err := k.call(ctx, &t, func(ctx, kube uintptr) uintptr {
		return raw.Kube_proxy_get(ctx, kube, where, what, which, &out)
	})
	return takeText(out), err
}

// Health checks a service from outside in; one event a check, Worst is the verdict.
func (k *Kube) Health(ctx context.Context, ns, service string) *Task {
	var t texts
	defer t.free()
	where, which := t.optional("ns", ns), t.add("service", service)
	return k.task(ctx, &t, func(kube uintptr, out *uintptr) uintptr {
		return raw.Health_service(kube, where, which, out)
	})
}
