// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"context"
	"encoding/json"
	"iter"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// Delta is a piece of a streamed answer.
type Delta struct {
	Text         string
	Reasoning    string
	Index        int             // which choice it belongs to
	FinishReason string          // why the choice ended ("stop", "length"), or ""
	JSON         json.RawMessage // the event's data as it came
}

// Stream is a streamed answer. Its context bounds it all. However many there are, one thread of the
// operating system serves them.
type Stream struct {
	state *streamState
}

// streamState is what the pump holds, so that a forgotten Stream can be collected and ended.
type streamState struct {
	tag    uint64
	began  time.Time
	notify chan struct{} // one token: something arrived

	mu      sync.Mutex
	arrived []uintptr // C deltas that nobody took yet
	ended   bool
	closed  bool
	err     error
	unbind  func() bool // from the context
	text    strings.Builder
	thought strings.Builder
	reply   Reply
}

// Stream sends a request whose answer is read piece by piece. Usage is asked for.
func (e *Endpoint) Stream(ctx context.Context, request *Request) (*Stream, error) {
	if err := ctx.Err(); err != nil {
		return nil, fromContext(err)
	}
	s := &streamState{began: time.Now(), notify: make(chan struct{}, 1)}
	s.reply = Reply{PromptTokens: -1, CompletionTokens: -1, CachedTokens: -1, TTFT: -1}
	err := request.with(func(r uintptr) error {
		c, err := e.handle.use("the endpoint")
		if err != nil {
			return err
		}
		defer e.handle.done()
		return streams.add(c, r, s)
	})
	if err != nil {
		return nil, err
	}
	s.bind(ctx)
	stream := &Stream{s}
	runtime.AddCleanup(stream, func(s *streamState) { s.close(nil) }, s)
	return stream, nil
}

func (s *streamState) bind(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unbind = context.AfterFunc(ctx, func() { s.close(fromContext(ctx.Err())) })
}

// push is called by the pump.
func (s *streamState) push(delta uintptr) {
	s.mu.Lock()
	if s.closed {
		raw.Delta_free(delta)
	} else {
		s.arrived = append(s.arrived, delta)
	}
	s.mu.Unlock()
	s.wake()
}

func (s *streamState) wake() {
	select {
	case s.notify <- struct{}{}:
	default:
	}
}

// take gives what arrived: a delta, or the end with or without an error.
func (s *streamState) take() (delta *Delta, ended bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.arrived) > 0 && !s.ended {
		c := s.arrived[0]
		s.arrived = s.arrived[1:]
		if delta := s.read(c); delta != nil {
			if len(s.arrived) > 0 || s.ended {
				s.wake() // there is more, for whoever waits
			}
			return delta, false, nil
		}
	}
	if s.ended {
		s.wake()
	}
	return nil, s.ended, s.err
}

// read copies a C delta into the reply and frees it; nil when it only ends the stream.
func (s *streamState) read(c uintptr) *Delta {
	defer raw.Delta_free(c)
	s.reply.Total = time.Since(s.began)
	if raw.Delta_last(c) {
		s.ended = true
		s.err = plain(copyError(raw.Delta_error(c)))
		s.unbind()
	}
	delta := &Delta{
		Text:         raw.Text(raw.Delta_text(c)),
		Reasoning:    raw.Text(raw.Delta_reasoning(c)),
		Index:        raw.Delta_index(c),
		FinishReason: raw.Text(raw.Delta_finish_reason(c)),
		JSON:         json.RawMessage(raw.Text(raw.Delta_json(c))),
	}
	if len(delta.JSON) == 0 {
		return nil
	}
	s.collect(delta)
	return delta
}

func (s *streamState) collect(delta *Delta) {
	if delta.Index == 0 {
		if s.reply.TTFT < 0 && delta.Text+delta.Reasoning != "" {
			s.reply.TTFT = s.reply.Total
		}
		s.text.WriteString(delta.Text)
		s.thought.WriteString(delta.Reasoning)
		if delta.FinishReason != "" {
			s.reply.FinishReason = delta.FinishReason
		}
	}
	if s.reply.ID != "" && !strings.Contains(string(delta.JSON), `"usage"`) {
		return
	}
	var chunk struct {
		ID    string
		Model string
		Usage *struct {
			Prompt     int64                           `json:"prompt_tokens"`
			Completion int64                           `json:"completion_tokens"`
			Details    *struct{ Cached_tokens *int64 } `json:"prompt_tokens_details"`
		}
	}
	if json.Unmarshal(delta.JSON, &chunk) != nil {
		return
	}
	s.reply.ID, s.reply.Model = chunk.ID, chunk.Model
	if usage := chunk.Usage; usage != nil {
		s.reply.PromptTokens, s.reply.CompletionTokens = usage.Prompt, usage.Completion
		if usage.Details != nil && usage.Details.Cached_tokens != nil {
			s.reply.CachedTokens = *usage.Details.Cached_tokens
		}
	}
}

// Next waits for the next delta; nil, nil is the end.
func (s *Stream) Next() (*Delta, error) {
	defer runtime.KeepAlive(s)
	state := s.state
	for {
		delta, ended, err := state.take()
		if delta != nil || ended {
			return delta, err
		}
		<-state.notify
	}
}

// Deltas yields the pieces. Leaving the loop early closes the stream: the server stops generating.
func (s *Stream) Deltas() iter.Seq2[*Delta, error] {
	return func(yield func(*Delta, error) bool) {
		for {
			delta, err := s.Next()
			if err != nil {
				yield(nil, err)
				return
			}
			if delta == nil {
				return
			}
			if !yield(delta, nil) {
				s.Close()
				return
			}
		}
	}
}

// Reply is all that was read so far as one reply, also after an error.
func (s *Stream) Reply() *Reply {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	reply := s.state.reply
	reply.Text, reply.Reasoning = s.state.text.String(), s.state.thought.String()
	return &reply
}

// Close ends the stream (the server stops generating), also while another goroutine waits in it.
func (s *Stream) Close() error {
	s.state.close(nil)
	return nil
}

func (s *streamState) close(why error) {
	if why == nil {
		why = &Error{Code: CodeCanceled, Message: "the stream was closed"}
	}
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	if !s.ended {
		s.ended, s.err = true, why
	}
	for _, delta := range s.arrived {
		raw.Delta_free(delta)
	}
	s.arrived = nil
	unbind := s.unbind
	s.mu.Unlock()
	s.wake()
	if first {
		streams.cancel(s.tag)
		if unbind != nil {
			unbind()
		}
	}
}
