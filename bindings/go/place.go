// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"context"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// place is what Kube and GKE have in common: a C handle that calls and tasks need.
type place struct {
	handle *handle
	what   string // for errors: "the cluster"
}

// text reads a property; "" when closed.
func (p place) text(get func(uintptr) uintptr) string {
	c, err := p.handle.use(p.what)
	if err != nil {
		return ""
	}
	defer p.handle.done()
	return raw.Text(get(c))
}

// call waits for a C call that needs the place and these texts.
func (p place) call(ctx context.Context, t *texts, call func(ctx, object uintptr) uintptr) error {
	if t.err != nil {
		return t.err
	}
	c, err := p.handle.use(p.what)
	if err != nil {
		return err
	}
	defer p.handle.done()
	return wait(ctx, func(ctx uintptr) uintptr { return call(ctx, c) })
}

// open makes a C object that needs the place and these texts; it does not wait.
func (p place) open(t *texts, open func(object uintptr) uintptr) error {
	if t.err != nil {
		return t.err
	}
	c, err := p.handle.use(p.what)
	if err != nil {
		return err
	}
	defer p.handle.done()
	return plain(takeError(open(c)))
}

// task makes a task that needs the place.
func (p place) task(ctx context.Context, t *texts, open func(object uintptr, out *uintptr) uintptr) *Task {
	return newTask(ctx, func(out *uintptr) error {
		return p.open(t, func(object uintptr) uintptr { return open(object, out) })
	})
}

// specTask makes a task that needs the place and a spec.
func (p place) specTask(ctx context.Context, spec given,
	open func(object, spec uintptr, out *uintptr) uintptr,
) *Task {
	return newTask(ctx, func(out *uintptr) error {
		return spec(func(spec uintptr) error {
			return p.open(&texts{}, func(object uintptr) uintptr { return open(object, spec, out) })
		})
	})
}
