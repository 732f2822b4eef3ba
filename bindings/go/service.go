// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// Service is what the server said about an LLMInferenceService.
type Service struct {
	Name      string
	Namespace string
	Model     string          // the name clients use in "model", or ""
	URL       string          // "" while there is none
	Ready     bool            // whether its Ready condition is True for the newest generation
	Replicas  int             // how many it wants
	JSON      json.RawMessage // the object as the server sent it
}

func takeService(c uintptr) *Service {
	defer raw.Service_free(c)
	return &Service{
		Name:      raw.Text(raw.Service_name(c)),
		Namespace: raw.Text(raw.Service_ns(c)),
		Model:     raw.Text(raw.Service_model(c)),
		URL:       raw.Text(raw.Service_url(c)),
		Ready:     raw.Service_ready(c),
		Replicas:  raw.Service_replicas(c),
		JSON:      json.RawMessage(raw.Text(raw.Service_json(c))),
	}
}

// Services are the verbs of Kube.Service.
type Services struct{ kube *Kube }

// Apply makes the service match the spec and waits until it serves, as Wait does. It looks first
// (which KServe, which API version, which policies the cluster knows), then writes by server-side
// apply. The same spec again changes nothing.
func (v *Services) Apply(ctx context.Context, spec ServiceSource) *Task {
	return v.kube.specTask(ctx, givenService(spec), raw.Service_apply)
}

// Wait waits until the service serves, telling progress by phase and each problem at once, with
// cause and advice. It ends with ErrFailed only when nothing that runs can cure it; the reason is
// the finding's code, such as "ImageNotFound".
func (v *Services) Wait(ctx context.Context, ns, name string) *Task {
	return v.task(ctx, ns, name, raw.Service_wait)
}

// Delete deletes it and what the library made for it, and waits until it is gone.
func (v *Services) Delete(ctx context.Context, ns, name string) *Task {
	return v.task(ctx, ns, name, raw.Service_delete)
}

func (v *Services) task(ctx context.Context, ns, name string,
	open func(kube, ns, name uintptr, out *uintptr) uintptr,
) *Task {
	var t texts
	defer t.free()
	where, which := t.optional("ns", ns), t.add("name", name)
	return v.kube.task(ctx, &t, func(kube uintptr, out *uintptr) uintptr {
		return open(kube, where, which, out)
	})
}

// Get is one service; ErrNotFound when there is none.
func (v *Services) Get(ctx context.Context, ns, name string) (*Service, error) {
	var t texts
	defer t.free()
	where, which := t.optional("ns", ns), t.add("name", name)
	var out uintptr
	err := v.kube.call(ctx, &t, func(ctx, kube uintptr) uintptr {
		return raw.Service_get(ctx, kube, where, which, &out)
	})
	if err != nil {
		return nil, err
	}
	return takeService(out), nil
}

// List yields the services of a namespace, "*" for all.
func (v *Services) List(ctx context.Context, ns string) iter.Seq2[*Service, error] {
	open := func(out *uintptr) error {
		var t texts
		defer t.free()
		where := t.optional("ns", ns)
		return v.kube.open(&t, func(kube uintptr) uintptr {
			return raw.Service_list_open(kube, where, out)
		})
	}
	return pull(ctx, open, raw.Service_list_free, raw.Service_list_next, takeService)
}

// Connect makes an endpoint for the service: the URL from its status or from Gateway and route, the
// model's id from the server. spec adds limits, headers or a URL of your own, and may be nil.
func (v *Services) Connect(ctx context.Context, ns, name string, spec *EndpointSpec) (*Endpoint, error) {
	var t texts
	defer t.free()
	where, which := t.optional("ns", ns), t.add("name", name)
	var out uintptr
	err := spec.with(func(spec uintptr) error {
		return v.kube.call(ctx, &t, func(ctx, kube uintptr) uintptr {
			return raw.Service_connect(ctx, kube, where, which, spec, &out)
		})
	})
	if err != nil {
		return nil, err
	}
	return newEndpoint(out), nil
}
