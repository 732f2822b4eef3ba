// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// Gateway is what the server said about a Gateway.
type Gateway struct {
	Name       string
	Namespace  string
	Class      string
	Address    string          // its first address (IP or host name), or ""
	Programmed bool            // whether its Programmed condition is True
	JSON       json.RawMessage // the object as the server sent it
}

func takeGateway(c uintptr) *Gateway {
	defer raw.Gateway_free(c)
	return &Gateway{
		Name:       raw.Text(raw.Gateway_name(c)),
		Namespace:  raw.Text(raw.Gateway_ns(c)),
		Class:      raw.Text(raw.Gateway_class(c)),
		Address:    raw.Text(raw.Gateway_address(c)),
		Programmed: raw.Gateway_programmed(c),
		JSON:       json.RawMessage(raw.Text(raw.Gateway_json(c))),
	}
}

// Gateways are the verbs of Kube.Gateway.
type Gateways struct{ kube *Kube }

// Apply makes the gateway match the spec and waits until it is Programmed and has an address. The
// same spec again changes nothing. A class of GKE's that is not there yet is progress; any other
// missing class ends the task with the classes that exist.
func (v *Gateways) Apply(ctx context.Context, spec GatewaySource) *Task {
	return v.kube.specTask(ctx, givenGateway(spec), raw.Gateway_apply)
}

// Wait waits as Apply does, for a gateway that exists or will.
func (v *Gateways) Wait(ctx context.Context, ns, name string) *Task {
	return v.task(ctx, ns, name, raw.Gateway_wait)
}

// Delete deletes it and waits until it is gone; one that does not exist is no error.
func (v *Gateways) Delete(ctx context.Context, ns, name string) *Task {
	return v.task(ctx, ns, name, raw.Gateway_delete)
}

func (v *Gateways) task(ctx context.Context, ns, name string,
	open func(kube, ns, name uintptr, out *uintptr) uintptr,
) *Task {
	var t texts
	defer t.free()
	where, which := t.optional("ns", ns), t.add("name", name)
	return v.kube.task(ctx, &t, func(kube uintptr, out *uintptr) uintptr {
		return open(kube, where, which, out)
	})
}

// Get is one gateway; ErrNotFound when there is none.
func (v *Gateways) Get(ctx context.Context, ns, name string) (*Gateway, error) {
	var t texts
	defer t.free()
	where, which := t.optional("ns", ns), t.add("name", name)
	var out uintptr
	err := v.kube.call(ctx, &t, func(ctx, kube uintptr) uintptr {
		return raw.Gateway_get(ctx, kube, where, which, &out)
	})
	if err != nil {
		return nil, err
	}
	return takeGateway(out), nil
}

// List yields the gateways of a namespace, "*" for all.
func (v *Gateways) List(ctx context.Context, ns string) iter.Seq2[*Gateway, error] {
	open := func(out *uintptr) error {
		var t texts
		defer t.free()
		where := t.optional("ns", ns)
		return v.kube.open(&t, func(kube uintptr) uintptr {
			return raw.Gateway_list_open(kube, where, out)
		})
	}
	return pull(ctx, open, raw.Gateway_list_free, raw.Gateway_list_next, takeGateway)
}
