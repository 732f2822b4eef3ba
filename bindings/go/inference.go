// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"context"
	"encoding/json"
	"runtime"
	"time"
	"unicode/utf8"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// EndpointSpec says where and how to call a model.
type EndpointSpec struct {
	URL   string // with or without "/v1" at its end
	Token string // a bearer token, or ""; OpenEndpoint only

	// Credentials instead of a token; OpenEndpoint only.
	Credentials *Credentials

	Model    string            // for requests that name none; by default the first one served
	Headers  map[string]string // of every request
	CA       string            // PEM text of the authorities to trust instead of the system's
	Insecure bool              // checks no certificate; for tests

	ConnectTimeout    time.Duration // for making a connection; 10 s by default
	FirstEventTimeout time.Duration // until the first byte or event; 0 is none
	IdleTimeout       time.Duration // for silence between events of a stream; 0 is none
}

// with hands the C spec to use; 0 for a nil spec.
func (s *EndpointSpec) with(use func(spec uintptr) error) error {
	if s == nil {
		return use(0)
	}
	given := map[string]any{}
	for key, value := range map[string]any{"url": s.URL, "model": s.Model, "ca": s.CA} {
		if value != "" {
			given[key] = value
		}
	}
	if len(s.Headers) > 0 {
		given["headers"] = s.Headers
	}
	if s.Insecure {
		given["insecure"] = true
	}
	for key, limit := range map[string]time.Duration{"connectTimeoutMs": s.ConnectTimeout,
		"firstEventTimeoutMs": s.FirstEventTimeout, "idleTimeoutMs": s.IdleTimeout} {
		if limit != 0 {
			given[key] = limit.Milliseconds()
		}
	}
	text, err := json.Marshal(given)
	if err != nil {
		return invalid("endpoint spec: %v", err)
	}
	var t texts
	defer t.free()
	c := t.add("spec", string(text))
	var spec uintptr
	if err := takeError(raw.Endpoint_spec_parse(c, &spec)); err != nil {
		return err
	}
	defer raw.Endpoint_spec_free(spec)
	return use(spec)
}

// Endpoint answers OpenAI-style calls. Any goroutine may use it; streams made with it live on.
type Endpoint struct{ handle *handle }

// OpenEndpoint opens an endpoint; no request is sent before the first call.
func OpenEndpoint(spec EndpointSpec) (*Endpoint, error) {
	var out uintptr
	credentials := spec.Credentials
	if spec.Token != "" {
		own, err := TokenCredentials(spec.Token)
		if err != nil {
			return nil, err
		}
		defer own.Close()
		credentials = own
	}
	err := spec.with(func(spec uintptr) error {
		if credentials == nil {
			return plain(takeError(raw.Endpoint_open(spec, 0, &out)))
		}
		return credentials.open(&texts{}, func(credentials uintptr) uintptr {
			return raw.Endpoint_open(spec, credentials, &out)
		})
	})
	if err != nil {
		return nil, err
	}
	return newEndpoint(out), nil
}

func newEndpoint(c uintptr) *Endpoint {
	e := &Endpoint{newHandle(c, raw.Endpoint_free)}
	runtime.AddCleanup(e, func(h *handle) { h.close() }, e.handle)
	return e
}

// Close drops the connections; closing twice is fine.
func (e *Endpoint) Close() error {
	e.handle.close()
	return nil
}

// URL is the base URL, without "/v1"; "" when closed.
func (e *Endpoint) URL() string {
	c, err := e.handle.use("the endpoint")
	if err != nil {
		return ""
	}
	defer e.handle.done()
	return raw.Text(raw.Endpoint_url(c))
}

func (e *Endpoint) call(ctx context.Context, call func(ctx, endpoint uintptr) uintptr) error {
	c, err := e.handle.use("the endpoint")
	if err != nil {
		return err
	}
	defer e.handle.done()
	return wait(ctx, func(ctx uintptr) uintptr { return call(ctx, c) })
}

// Models is the ids of the served models.
func (e *Endpoint) Models(ctx context.Context) ([]string, error) {
	var out uintptr
	err := e.call(ctx, func(ctx, c uintptr) uintptr { return raw.Endpoint_models(ctx, c, &out) })
	text := takeText(out)
	if err != nil {
		return nil, err
	}
	var answer struct{ Data []struct{ ID string } }
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return nil, &Error{Code: CodeProtocol, Message: "models: " + err.Error()}
	}
	var ids []string
	for _, model := range answer.Data {
		ids = append(ids, model.ID)
	}
	return ids, nil
}

// Model is the model that requests get which name none; asks the server once.
func (e *Endpoint) Model(ctx context.Context) (string, error) {
	var out uintptr
	err := e.call(ctx, func(ctx, c uintptr) uintptr { return raw.Endpoint_model(ctx, c, &out) })
	return takeText(out), err
}

// Post POSTs JSON to any path below the base URL ("/v1/embeddings") and gives the answer.
func (e *Endpoint) Post(ctx context.Context, path string, body any) (json.RawMessage, error) {
	given, err := json.Marshal(body)
	if err != nil {
		return nil, invalid("body: %v", err)
	}
	var t texts
	defer t.free()
	where, what := t.add("path", path), t.add("body", string(given))
	if t.err != nil {
		return nil, t.err
	}
	var out uintptr
	err = e.call(ctx, func(ctx, c uintptr) uintptr {
		return raw.Endpoint_post(ctx, c, where, what, &out)
	})
	return json.RawMessage(takeText(out)), err
}

// Health checks the endpoint: reachable, lists models, answers a one-token call and streams.
func (e *Endpoint) Health(ctx context.Context) *Task {
	return newTask(ctx, func(out *uintptr) error {
		c, err := e.handle.use("the endpoint")
		if err != nil {
			return err
		}
		defer e.handle.done()
		return plain(takeError(raw.Health_endpoint(c, out)))
	})
}

// Message is one turn of a chat.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Request is what to ask: Messages for a chat, or Prompt for a completion.
type Request struct {
	Messages    []Message
	Prompt      string
	Model       string         // "": the endpoint's
	MaxTokens   int            // 0: the server's limit
	Temperature *float64       // nil: the server's
	Extra       map[string]any // further members, sent as they are; they have the last word
}

// Chat is a request of one user message.
func Chat(text string) *Request {
	return &Request{Messages: []Message{{Role: "user", Content: text}}}
}

// MarshalJSON is the body as OpenAI defines it.
func (r *Request) MarshalJSON() ([]byte, error) {
	body := map[string]any{}
	if r.Messages != nil {
		body["messages"] = r.Messages
	}
	if r.Prompt != "" || r.Messages == nil {
		body["prompt"] = r.Prompt
	}
	if r.Model != "" {
		body["model"] = r.Model
	}
	if r.MaxTokens != 0 {
		body["max_tokens"] = r.MaxTokens
	}
	if r.Temperature != nil {
		body["temperature"] = *r.Temperature
	}
	for key, value := range r.Extra {
		body[key] = value
	}
	return json.Marshal(body)
}

// checkText refuses what json.Marshal would quietly change.
func (r *Request) checkText() error {
	bad := func(what string) error {
		return &Error{Code: CodeInvalid, Message: "request: the " + what + " is not UTF-8",
			Advice: "convert the text to UTF-8 first"}
	}
	for _, message := range r.Messages {
		if !utf8.ValidString(message.Role) || !utf8.ValidString(message.Content) {
			return bad("content")
		}
	}
	if !utf8.ValidString(r.Prompt) {
		return bad("prompt")
	}
	if !utf8.ValidString(r.Model) {
		return bad("model")
	}
	return nil
}

// with hands the C request to use.
func (r *Request) with(use func(request uintptr) error) error {
	if r == nil {
		return invalid("request: it is nil")
	}
	if err := r.checkText(); err != nil {
		return err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return invalid("request: %v", err)
	}
	var t texts
	defer t.free()
	var request uintptr
	if err := takeError(raw.Request_parse(t.add("request", string(body)), &request)); err != nil {
		return err
	}
	defer raw.Request_free(request)
	return use(request)
}

// Reply is a whole answer.
type Reply struct {
	Text             string
	Reasoning        string
	FinishReason     string // "stop", "length", or ""
	Model            string
	ID               string
	PromptTokens     int64         // -1 unknown
	CompletionTokens int64         // -1 unknown
	CachedTokens     int64         // prompt tokens found in the prefix cache; -1 unknown
	TTFT             time.Duration // to the first delta with text (plain calls: first byte); -1 unknown
	Total            time.Duration // from sending to the end
	JSON             json.RawMessage
}

func takeReply(c uintptr) *Reply {
	defer raw.Reply_free(c)
	return &Reply{
		Text:             raw.Text(raw.Reply_text(c)),
		Reasoning:        raw.Text(raw.Reply_reasoning(c)),
		FinishReason:     raw.Text(raw.Reply_finish_reason(c)),
		Model:            raw.Text(raw.Reply_model(c)),
		ID:               raw.Text(raw.Reply_id(c)),
		PromptTokens:     raw.Reply_prompt_tokens(c),
		CompletionTokens: raw.Reply_completion_tokens(c),
		CachedTokens:     raw.Reply_cached_tokens(c),
		TTFT:             milliseconds(raw.Reply_ttft_ms(c)),
		Total:            milliseconds(raw.Reply_total_ms(c)),
		JSON:             json.RawMessage(raw.Text(raw.Reply_json(c))),
	}
}

func milliseconds(ms float64) time.Duration {
	if ms < 0 {
		return -1
	}
	return time.Duration(ms * float64(time.Millisecond))
}

// Send sends a request and waits for the whole answer. It is sent again only when no byte can have
// been acted on, or on 429 and 503 with the server's Retry-After.
func (e *Endpoint) Send(ctx context.Context, request *Request) (*Reply, error) {
	var out uintptr
	err := request.with(func(r uintptr) error {
		return e.call(ctx, func(ctx, c uintptr) uintptr { return raw.Endpoint_send(ctx, c, r, &out) })
	})
	if err != nil {
		return nil, err
	}
	return takeReply(out), nil
}

// Chat sends one user message and waits for the whole answer.
func (e *Endpoint) Chat(ctx context.Context, text string) (*Reply, error) {
	return e.Send(ctx, Chat(text))
}
