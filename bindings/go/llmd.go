// SPDX-License-Identifier: Apache-2.0

// Package llmd takes you from nothing to LLM tokens on Kubernetes.
//
//	kube, err := llmd.OpenKube("", "")             // client-go's rules
//	spec := &llmd.ServiceSpec{Name: "qwen", Model: "hf://Qwen/Qwen2.5-3B-Instruct"}
//	for event, err := range kube.Service.Apply(ctx, spec).Events() { ... }
//	endpoint, err := kube.Service.Connect(ctx, "", "qwen", nil)
//	stream, err := endpoint.Stream(ctx, llmd.Chat("Hello!"))
//	for delta, err := range stream.Deltas() { fmt.Print(delta.Text) }
//
// A context's end stops any call within milliseconds. Errors are [*Error]; compare kinds with
// errors.Is(err, llmd.ErrNotFound). What has a Close method is closed by the garbage collector at
// the latest. It needs cgo and libllmd (found by pkg-config; the tag llmd_static links its archive).
package llmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// Version is the version of the C library that runs.
func Version() string { return raw.Text(raw.Version()) }

// handle owns one C object. Close while calls are in it lets the last of them free it.
type handle struct {
	mu     sync.Mutex
	object uintptr
	users  int
	closed bool
	free   func(uintptr)
}

func newHandle(object uintptr, free func(uintptr)) *handle {
	return &handle{object: object, free: free}
}

// use gives the object for a call that ends with done.
func (h *handle) use(what string) (uintptr, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, invalid("%s is closed", what)
	}
	h.users++
	return h.object, nil
}

func (h *handle) done() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users--
	h.freeIfUnused()
}

func (h *handle) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.freeIfUnused()
}

func (h *handle) freeIfUnused() {
	if h.closed && h.users == 0 && h.object != 0 {
		h.free(h.object)
		h.object = 0
	}
}

// texts holds the C copies of a call's strings.
type texts struct {
	copies []uintptr
	err    error
}

// add copies a string. C would silently stop at a NUL, so that is refused.
func (t *texts) add(name, value string) uintptr {
	if strings.IndexByte(value, 0) >= 0 {
		if t.err == nil {
			t.err = invalid("%s contains a NUL character", name)
		}
		return 0
	}
	address := raw.NewText(value)
	t.copies = append(t.copies, address)
	return address
}

// optional is add where "" means not given.
func (t *texts) optional(name, value string) uintptr {
	if value == "" {
		return 0
	}
	return t.add(name, value)
}

func (t *texts) free() {
	for _, address := range t.copies {
		raw.FreeText(address)
	}
}

// wait makes a C call that ends when ctx does. The call gets a C context of its own.
func wait(ctx context.Context, call func(c uintptr) uintptr) error {
	if err := ctx.Err(); err != nil {
		return fromContext(err)
	}
	deadline, bounded := ctx.Deadline()
	if bounded && !time.Now().Before(deadline) { // the context's own timer may be late
		return fromContext(context.DeadlineExceeded)
	}
	c := raw.Context_new()
	defer raw.Context_free(c)
	if bounded {
		// C counts whole milliseconds: never let it be the earlier one.
		raw.Context_set_timeout_ms(c, time.Until(deadline).Milliseconds()+2)
	}
	canceled := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		// Of a deadline C tells itself, in its own words: "canceled" would be wrong there.
		if !bounded || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			raw.Context_cancel(c)
		}
		close(canceled)
	})
	err := takeError(call(c))
	if !stop() {
		<-canceled
	}
	if err == nil {
		return nil
	}
	if err.Code == CodeCanceled || err.Code == CodeTimeout {
		err.ended = ctx.Err()
		if err.ended == nil && bounded && !time.Now().Before(deadline) {
			err.ended = context.DeadlineExceeded
		}
	}
	if err.ended == context.DeadlineExceeded {
		err.Code = CodeTimeout // the context's timer cancelled it, and that is what it means
	}
	return err
}

// takeText copies a text that C gave and frees it.
func takeText(address uintptr) string {
	if address == 0 {
		return ""
	}
	defer raw.Free(address)
	return raw.Text(address)
}

func invalid(format string, args ...any) *Error {
	return &Error{Code: CodeInvalid, Message: fmt.Sprintf(format, args...)}
}
