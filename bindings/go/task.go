// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// Level is how serious an event is. It may grow: keep a default branch.
type Level int

// The levels, as in llmd/log.h.
const (
	LevelDebug   Level = iota
	LevelInfo          // progress
	LevelWarning       // something is wrong and may pass or be cured while we wait
	LevelError         // a fault that ends the wait, or a check that failed
)

// String is "debug", "info", "warning" or "error".
func (l Level) String() string {
	if names := [...]string{"debug", "info", "warning", "error"}; l >= 0 && int(l) < len(names) {
		return names[l]
	}
	return fmt.Sprintf("level %d", int(l))
}

// Event is what happened.
type Event struct {
	Time    time.Time
	Level   Level
	Step    string // the step of the task that speaks: "apply", "wait"
	Phase   string // "scheduling", "node", "image", "download", "compile", "serving", or ""
	Subject string // "Pod/llm/qwen-0"
	Reason  string // the server's reason or the finding's code
	Message string // one line for people
	Advice  string // what to do, or ""
	Done    int64  // how much is done, of Total; both 0 when unknown
	Total   int64
	JSON    json.RawMessage // a task's last event carries its result under "result"
}

// String is one line for people, and the advice on a second.
func (e *Event) String() string {
	var line strings.Builder
	line.WriteString(e.Time.Local().Format("15:04:05 "))
	if e.Level >= LevelWarning {
		line.WriteString(strings.ToUpper(e.Level.String()) + " ")
	}
	where := e.Phase
	if where == "" {
		where = e.Step
	}
	if about := strings.TrimSpace(where + " " + e.Subject); about != "" {
		line.WriteString(about + ": ")
	}
	line.WriteString(e.Message)
	if !strings.Contains(strings.ToLower(e.Message), strings.ToLower(e.Reason)) {
		line.WriteString(" (" + e.Reason + ")")
	}
	if e.Advice != "" {
		line.WriteString("\n         " + e.Advice)
	}
	return line.String()
}

func takeEvent(c uintptr) *Event {
	defer raw.Event_free(c)
	return &Event{
		Time:    time.UnixMilli(raw.Event_time_ms(c)),
		Level:   Level(raw.Event_level(c)),
		Step:    raw.Text(raw.Event_step(c)),
		Phase:   raw.Text(raw.Event_phase(c)),
		Subject: raw.Text(raw.Event_subject(c)),
		Reason:  raw.Text(raw.Event_reason(c)),
		Message: raw.Text(raw.Event_message(c)),
		Advice:  raw.Text(raw.Event_advice(c)),
		Done:    raw.Event_done(c),
		Total:   raw.Event_total(c),
		JSON:    json.RawMessage(raw.Text(raw.Event_json(c))),
	}
}

// Task is work that tells its progress. Nothing is sent before its events are read; a bad spec is
// told by the first read. Its context bounds it all. After a crash make the task again: every step
// looks before it acts. Tasks that do not need each other run side by side, each on a goroutine.
type Task struct {
	ctx    context.Context
	cancel context.CancelFunc
	turn   chan struct{} // one goroutine inside at a time; others share the events
	handle *handle
	err    error

	mu    sync.Mutex
	last  *Event
	done  bool
	worst Level
}

// newTask makes a task by a C call; its error waits for the first read.
func newTask(ctx context.Context, open func(out *uintptr) error) *Task {
	var c uintptr
	err := open(&c)
	ctx, cancel := context.WithCancel(ctx)
	t := &Task{ctx: ctx, cancel: cancel, turn: make(chan struct{}, 1), err: err}
	t.handle = newHandle(c, raw.Task_free)
	runtime.AddCleanup(t, func(h *handle) { h.close() }, t.handle)
	runtime.AddCleanup(t, func(cancel context.CancelFunc) { cancel() }, cancel)
	return t
}

// next waits for one event; nil, nil is the end.
func (t *Task) next() (*Event, error) {
	if t.err != nil {
		return nil, t.err
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-t.ctx.Done():
		return nil, fromContext(t.ctx.Err())
	}
	c, err := t.handle.use("the task")
	if err != nil {
		return nil, err
	}
	defer t.handle.done()
	var out uintptr
	err = wait(t.ctx, func(ctx uintptr) uintptr { return raw.Task_next(ctx, c, &out) })
	return t.note(c, out), err
}

func (t *Task) note(c, out uintptr) *Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	if out == 0 {
		return nil
	}
	t.last = takeEvent(out)
	t.worst = Level(raw.Task_worst(c))
	return t.last
}

// Events works and yields what happens. An error ends the loop.
func (t *Task) Events() iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for {
			event, err := t.next()
			if err != nil {
				yield(nil, err)
				return
			}
			if event == nil {
				t.mu.Lock()
				t.done = true
				t.mu.Unlock()
				return
			}
			if !yield(event, nil) {
				return
			}
		}
	}
}

// Run works to the end and hands each event to onEvent, which may be nil.
func (t *Task) Run(onEvent func(*Event)) error {
	for event, err := range t.Events() {
		if err != nil {
			return err
		}
		if onEvent != nil {
			onEvent(event)
		}
	}
	return nil
}

// Result is what the last event carries as its result; nil before the end.
func (t *Task) Result() json.RawMessage {
	t.mu.Lock()
	defer t.mu.Unlock()
	var last struct {
		Result json.RawMessage `json:"result"`
	}
	if !t.done || t.last == nil || json.Unmarshal(t.last.JSON, &last) != nil {
		return nil
	}
	return last.Result
}

// Worst is the worst level among the events so far: a check's verdict.
func (t *Task) Worst() Level {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.worst
}

// Close stops the work, also while another goroutine waits in it; what was made stays.
func (t *Task) Close() error {
	t.cancel()
	t.handle.close()
	return nil
}
