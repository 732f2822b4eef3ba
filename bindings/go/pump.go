// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"sync"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// pump serves all streams of the program by one goroutine: a blocked cgo call holds a thread of the
// operating system, so one call per stream would need thousands of them.
type pump struct {
	mu      sync.Mutex
	mux     uintptr
	tag     uint64
	running bool
	streams map[uint64]*streamState
}

var streams = pump{streams: map[uint64]*streamState{}}

func (p *pump) add(endpoint, request uintptr, s *streamState) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mux == 0 {
		var mux uintptr // of its own: cgo refuses a slot with Go pointers beside it
		if err := takeError(raw.Mux_open(&mux)); err != nil {
			return err
		}
		p.mux = mux
	}
	p.tag++
	s.tag = p.tag
	if err := takeError(raw.Mux_add(p.mux, endpoint, request, s.tag)); err != nil {
		return err
	}
	p.streams[s.tag] = s
	if !p.running {
		p.running = true
		go p.run()
	}
	return nil
}

// cancel ends a stream; its last delta still comes and ends its entry.
func (p *pump) cancel(tag uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.streams[tag] != nil {
		raw.Mux_cancel(p.mux, tag)
	}
}

// run hands out deltas until no stream is in flight.
func (p *pump) run() {
	for {
		var delta uintptr
		if err := takeError(raw.Mux_next(0, p.mux, &delta)); err != nil {
			p.fail(err)
			return
		}
		if delta == 0 {
			if p.rest() {
				return
			}
			continue
		}
		if s := p.find(delta); s != nil {
			s.push(delta)
		} else {
			raw.Delta_free(delta)
		}
	}
}

// rest ends the goroutine, unless a stream was added meanwhile. The connections go with the mux.
func (p *pump) rest() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.streams) > 0 {
		return false
	}
	p.running = false
	return true
}

func (p *pump) find(delta uintptr) *streamState {
	p.mu.Lock()
	defer p.mu.Unlock()
	tag := raw.Delta_tag(delta)
	s := p.streams[tag]
	if raw.Delta_last(delta) {
		delete(p.streams, tag)
	}
	return s
}

// fail ends every stream: the mux itself broke.
func (p *pump) fail(err error) {
	p.mu.Lock()
	failed := p.streams
	p.streams = map[uint64]*streamState{}
	raw.Mux_free(p.mux)
	p.mux, p.running = 0, false
	p.mu.Unlock()
	for _, s := range failed {
		s.mu.Lock()
		s.ended, s.err = true, err
		s.mu.Unlock()
		s.wake()
	}
}

// free drops the idle mux with its warm connections; the tests count with it.
func (p *pump) free() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running && p.mux != 0 {
		raw.Mux_free(p.mux)
		p.mux = 0
	}
}
