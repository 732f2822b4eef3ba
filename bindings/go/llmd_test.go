// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// TestMain holds that nothing of the library lives on when all tests are done.
func TestMain(m *testing.M) {
	code := m.Run()
	deadline := time.Now().Add(10 * time.Second)
	live := int64(1)
	for live > 0 && time.Now().Before(deadline) {
		runtime.GC() // runs the cleanups of what tests dropped without Close
		streams.free()
		live = raw.LiveAllocations()
		time.Sleep(10 * time.Millisecond)
	}
	if live > 0 {
		fmt.Printf("--- FAIL: %d allocations of the library are left\n", live)
		code = 1
	}
	os.Exit(code)
}

// model is a small model server of our own, for what the sandbox does not do: it hangs, and it is
// slow, when asked with these words.
func model(t *testing.T) *Endpoint {
	t.Helper()
	gone := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/models", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"object":"list","data":[{"id":"m1"},{"id":"m2"}]}`)
	})
	mux.HandleFunc("/v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Messages  []Message
			Stream    bool
			MaxTokens int `json:"max_tokens"`
		}
		json.NewDecoder(r.Body).Decode(&body)
		text := body.Messages[0].Content
		switch {
		case text == "hang":
			select {
			case <-gone:
			case <-r.Context().Done():
			}
		case text == "refuse":
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"error":{"message":"too many"}}`)
		case body.Stream:
			stream(w, r, text, body.MaxTokens)
		default:
			fmt.Fprintf(w, `{"id":"c1","model":"m1","choices":[{"index":0,"message":{"role":"assistant",`+
				`"content":"echo %s"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`, text)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(gone) })
	e, err := OpenEndpoint(EndpointSpec{URL: server.URL})
	check(t, err)
	t.Cleanup(func() { e.Close() })
	return e
}

func stream(w http.ResponseWriter, r *http.Request, text string, tokens int) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := 0; i < tokens; i++ {
		fmt.Fprintf(w, `data: {"id":"c1","model":"m1","choices":[{"index":0,"delta":{"content":"w%d "}}]}`+"\n\n", i)
		w.(http.Flusher).Flush()
		if text == "slow" {
			select {
			case <-time.After(50 * time.Millisecond):
			case <-r.Context().Done():
				return
			}
		}
	}
	fmt.Fprint(w, `data: {"id":"c1","model":"m1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\n")
	fmt.Fprintf(w, `data: {"id":"c1","model":"m1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":%d}}`+"\n\n", tokens)
	fmt.Fprint(w, "data: [DONE]\n\n")
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func tokens(text string, n int) *Request {
	return &Request{Messages: []Message{{Role: "user", Content: text}}, MaxTokens: n}
}

func read(t *testing.T, s *Stream) string {
	t.Helper()
	var text strings.Builder
	for delta, err := range s.Deltas() {
		check(t, err)
		text.WriteString(delta.Text)
	}
	return text.String()
}

func words(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "w%d ", i)
	}
	return text.String()
}

func TestVersionIsTheOneCompiledFor(t *testing.T) {
	if v := Version(); !strings.HasPrefix(v, "0.") {
		t.Fatalf("version %q", v)
	}
}

func TestChatPlain(t *testing.T) {
	e, ctx := model(t), context.Background()
	reply, err := e.Chat(ctx, "hi")
	check(t, err)
	if reply.Text != "echo hi" || reply.FinishReason != "stop" || reply.CompletionTokens != 2 {
		t.Fatalf("%+v", reply)
	}
	ids, err := e.Models(ctx)
	check(t, err)
	if fmt.Sprint(ids) != "[m1 m2]" {
		t.Fatal(ids)
	}
}

func TestChatStreamed(t *testing.T) {
	e := model(t)
	s, err := e.Stream(context.Background(), tokens("hi", 5))
	check(t, err)
	if text := read(t, s); text != words(5) {
		t.Fatalf("%q", text)
	}
	reply := s.Reply()
	if reply.Text != words(5) || reply.CompletionTokens != 5 || reply.PromptTokens != 3 ||
		reply.FinishReason != "stop" || reply.Model != "m1" || reply.TTFT < 0 {
		t.Fatalf("%+v", reply)
	}
}

func TestManyStreamsAtOnce(t *testing.T) {
	e := model(t)
	var wg sync.WaitGroup
	for range 100 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			s, err := e.Stream(context.Background(), tokens("hi", 20))
			if err != nil {
				t.Error(err)
				return
			}
			var text strings.Builder
			for delta, err := range s.Deltas() {
				if err != nil {
					t.Error(err)
					return
				}
				text.WriteString(delta.Text)
			}
			if text.String() != words(20) {
				t.Errorf("%q", text.String())
			}
		}()
	}
	wg.Wait()
}

func TestTwoGoroutinesShareOneStream(t *testing.T) {
	e := model(t)
	s, err := e.Stream(context.Background(), tokens("slow", 10))
	check(t, err)
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]int{}
	for range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for delta, err := range s.Deltas() {
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				seen[delta.Text]++
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	for i := range 10 {
		if seen[fmt.Sprintf("w%d ", i)] != 1 {
			t.Fatalf("%v", seen)
		}
	}
}

// within runs a call that a cancel must end, and returns how long after the cancel it came back.
func within(t *testing.T, call func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	canceled := make(chan time.Time, 1)
	time.AfterFunc(50*time.Millisecond, func() {
		canceled <- time.Now()
		cancel()
	})
	err := call(ctx)
	late := time.Since(<-canceled)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, ErrCanceled) {
		t.Fatalf("error %v", err)
	}
	if late > 100*time.Millisecond {
		t.Errorf("came back %v after the cancel", late)
	}
}

func TestCancelEndsCalls(t *testing.T) {
	e := model(t)
	within(t, func(ctx context.Context) error {
		_, err := e.Chat(ctx, "hang")
		return err
	})
	within(t, func(ctx context.Context) error {
		s, err := e.Stream(ctx, tokens("hang", 1))
		check(t, err)
		_, err = s.Next()
		return err
	})
}

func TestDeadlineIsTotal(t *testing.T) {
	e := model(t)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := e.Chat(ctx, "hang")
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrTimeout) ||
		strings.Contains(err.Error(), "cancel") {
		t.Fatalf("error %v", err)
	}
	if _, err := e.Chat(ctx, "hi"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v", err)
	}
}

func TestCloseEndsAStreamThatIsRead(t *testing.T) {
	e := model(t)
	s, err := e.Stream(context.Background(), tokens("slow", 100))
	check(t, err)
	time.AfterFunc(60*time.Millisecond, func() { s.Close() })
	for _, err = range s.Deltas() {
	}
	if !errors.Is(err, ErrCanceled) {
		t.Fatalf("error %v", err)
	}
}

func TestErrors(t *testing.T) {
	ctx := context.Background()
	e, err := OpenEndpoint(EndpointSpec{URL: "http://127.0.0.1:1", Model: "m"})
	check(t, err)
	_, err = e.Chat(ctx, "hi")
	var own *Error
	if !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrNotFound) || !errors.As(err, &own) ||
		own.Advice == "" || !strings.Contains(err.Error(), own.Advice) {
		t.Fatalf("error %v", err)
	}
	s, err := e.Stream(ctx, Chat("hi"))
	check(t, err)
	if _, err = s.Next(); !errors.Is(err, ErrUnreachable) {
		t.Fatalf("error %v", err)
	}
	if _, err = OpenKube("/no/such/file", ""); !errors.Is(err, ErrNotFound) ||
		!strings.Contains(err.Error(), "/no/such/file") {
		t.Fatalf("error %v", err)
	}
	if CodeNotFound.String() != "NOT_FOUND" {
		t.Fatal(CodeNotFound.String())
	}
}

func TestNulIsRefused(t *testing.T) {
	if _, err := OpenKube("a\x00b", ""); !errors.Is(err, ErrInvalid) ||
		!strings.Contains(err.Error(), "kubeconfig contains a NUL") {
		t.Fatalf("error %v", err)
	}
	if _, err := model(t).Chat(context.Background(), "a\x00b"); !errors.Is(err, ErrInvalid) {
		t.Fatalf("error %v", err)
	}
}

func TestOddRequestsAreToldClearly(t *testing.T) {
	e, ctx := model(t), context.Background()
	for _, row := range []struct {
		request *Request
		words   string
	}{
		{nil, "nil"},
		{&Request{Messages: []Message{}}, "the chat has no messages"},
		{&Request{Messages: []Message{{Content: "hi"}}}, "messages[0]: want an object with a role"},
		{Chat("Gr\xfc\xdfe"), "the content is not UTF-8"},
		{&Request{Prompt: "p", Model: "\xff"}, "the model is not UTF-8"},
	} {
		if _, err := e.Send(ctx, row.request); !errors.Is(err, ErrInvalid) ||
			!strings.Contains(err.Error(), row.words) {
			t.Errorf("sent: want %q, got %v", row.words, err)
		}
		s, err := e.Stream(ctx, row.request)
		if err == nil {
			_, err = s.Next()
		}
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), row.words) {
			t.Errorf("streamed: want %q, got %v", row.words, err)
		}
	}
	text := "Grüße 你好 🦙 \u202e עברית"
	reply, err := e.Chat(ctx, text)
	check(t, err)
	if reply.Text != "echo "+text {
		t.Fatalf("%q", reply.Text)
	}
	large := strings.Repeat("Grüße 🦙 ", 1<<19)
	reply, err = e.Chat(ctx, large)
	check(t, err)
	if reply.Text != "echo "+large {
		t.Fatalf("%d bytes came back of %d", len(reply.Text), len(large))
	}
}

func TestFreeInAnyOrder(t *testing.T) {
	e := model(t)
	s, err := e.Stream(context.Background(), tokens("slow", 3))
	check(t, err)
	e.Close()
	if text := read(t, s); text != words(3) {
		t.Fatalf("%q", text)
	}
	if _, err := e.Chat(context.Background(), "hi"); !errors.Is(err, ErrInvalid) {
		t.Fatalf("error %v", err)
	}
	e.Close()
	s.Close()
	s.Close()
}
