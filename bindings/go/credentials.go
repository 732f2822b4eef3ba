// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"context"
	"encoding/json"
	"runtime"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// Credentials are where a bearer token comes from. Secrets are wiped when freed and never printed.
type Credentials struct{ place }

func newCredentials(err error, open func(out *uintptr) error) (*Credentials, error) {
	if err != nil {
		return nil, err
	}
	var c uintptr
	if err := open(&c); err != nil {
		return nil, err
	}
	k := &Credentials{place{newHandle(c, raw.Credentials_free), "the credentials"}}
	runtime.AddCleanup(k, func(h *handle) { h.close() }, k.handle)
	return k, nil
}

// GoogleCredentials are Google's Application Default Credentials in Google's search order, or the
// file path: a token or file named by the environment, then the file that gcloud auth
// application-default login writes, then the metadata server. ErrNotFound names every place that
// was looked at.
func GoogleCredentials(ctx context.Context, path string) (*Credentials, error) {
	var t texts
	defer t.free()
	where := t.optional("path", path)
	return newCredentials(t.err, func(out *uintptr) error {
		return wait(ctx, func(ctx uintptr) uintptr { return raw.Credentials_google(ctx, where, out) })
	})
}

// GoogleCredentialsJSON is the same from the text of a credentials file. It may name URLs, files and
// programs: only for texts that you trust.
func GoogleCredentialsJSON(text string) (*Credentials, error) {
	return fromText("json", text, raw.Credentials_google_json)
}

// CommandCredentials is a program that prints a token, run without a shell.
func CommandCredentials(command ...string) (*Credentials, error) {
	text, err := json.Marshal(command)
	if err != nil {
		return nil, invalid("command: %v", err)
	}
	return fromText("command", string(text), raw.Credentials_from_command)
}

// TokenCredentials is a fixed token.
func TokenCredentials(token string) (*Credentials, error) {
	return fromText("token", token, raw.Credentials_from_token)
}

// FileCredentials is a token in a file, read again when the file changes.
func FileCredentials(path string) (*Credentials, error) {
	return fromText("path", path, raw.Credentials_from_file)
}

func fromText(name, value string, open func(text uintptr, out *uintptr) uintptr) (*Credentials, error) {
	var t texts
	defer t.free()
	text := t.add(name, value)
	return newCredentials(t.err, func(out *uintptr) error { return plain(takeError(open(text, out))) })
}

// Close drops them; closing twice is fine. What was opened with them goes on.
func (c *Credentials) Close() error {
	c.handle.close()
	return nil
}

// Project is the Google project to work in when none is named, or "".
func (c *Credentials) Project() string { return c.text(raw.Credentials_project) }

// Describe is kind, account, project and source as JSON, without secrets.
func (c *Credentials) Describe() json.RawMessage {
	return json.RawMessage(c.text(raw.Credentials_describe))
}
