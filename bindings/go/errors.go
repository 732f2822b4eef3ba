// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"context"
	"errors"
	"time"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// Code is what kind of failure it is. It may grow: keep a default branch.
type Code int

// The codes, as in llmd/error.h.
const (
	CodeOK Code = iota
	CodeInvalid
	CodeNotFound
	CodeExists
	CodeConflict
	CodeDenied
	CodeBusy
	CodeUnreachable
	CodeTimeout
	CodeCanceled
	CodeRemote
	CodeProtocol
	CodeTooLarge
	CodeFailed
	CodeSystem
	CodeNoMemory
)

// String is the stable short name of a code, "NOT_FOUND".
func (c Code) String() string { return raw.Text(raw.Code_name(raw.Enum_SS_llmd_code(c))) }

// Error makes a code an error, so that the Err values can be compared with errors.Is.
type codeError Code

func (c codeError) Error() string { return Code(c).String() }

// One value per code, for errors.Is.
var (
	ErrInvalid     error = codeError(CodeInvalid)     // bad input or wrong use
	ErrNotFound    error = codeError(CodeNotFound)    // the server does not have it, or no such file
	ErrExists      error = codeError(CodeExists)      // it exists already
	ErrConflict    error = codeError(CodeConflict)    // somebody else owns or changed it
	ErrDenied      error = codeError(CodeDenied)      // not authenticated or not authorised
	ErrBusy        error = codeError(CodeBusy)        // too many requests, or in use
	ErrUnreachable error = codeError(CodeUnreachable) // no connection: name, route, refused, TLS
	ErrTimeout     error = codeError(CodeTimeout)     // the deadline or a limit passed
	ErrCanceled    error = codeError(CodeCanceled)    // the context was cancelled, or it was closed
	ErrRemote      error = codeError(CodeRemote)      // the server failed or refused
	ErrProtocol    error = codeError(CodeProtocol)    // not what the protocol promises
	ErrTooLarge    error = codeError(CodeTooLarge)    // remote data over the library's caps
	ErrFailed      error = codeError(CodeFailed)      // a workload that cannot become ready
	ErrSystem      error = codeError(CodeSystem)      // files, processes, descriptors
	ErrNoMemory    error = codeError(CodeNoMemory)    // out of memory
)

// Error is what every failing call returns.
type Error struct {
	Code       Code
	Message    string        // one line for people, the object first
	Reason     string        // the server's word, "AlreadyExists", or ""
	Advice     string        // what to do now, or ""
	HTTPStatus int           // what the server answered, or 0
	Retryable  bool          // whether the same call may succeed later without a change
	RetryAfter time.Duration // how long the server asked to wait, or 0
	Cause      *Error        // the error underneath, or nil

	ended error // the context's error, when that ended the call
}

// Error is the message, and the advice on a line of its own.
func (e *Error) Error() string {
	if e.Advice == "" {
		return e.Message
	}
	return e.Message + "\n" + e.Advice
}

// Is compares with the Err values.
func (e *Error) Is(target error) bool {
	code, ok := target.(codeError)
	return ok && Code(code) == e.Code
}

// Unwrap gives the cause, and the context's error where that ended the call.
func (e *Error) Unwrap() []error {
	var under []error
	if e.Cause != nil {
		under = append(under, e.Cause)
	}
	if e.ended != nil {
		under = append(under, e.ended)
	}
	return under
}

// copyError copies a C error that stays its owner's.
func copyError(c uintptr) *Error {
	if c == 0 {
		return nil
	}
	return &Error{
		Code:       Code(raw.Error_code(c)),
		Message:    raw.Text(raw.Error_message(c)),
		Reason:     raw.Text(raw.Error_reason(c)),
		Advice:     raw.Text(raw.Error_advice(c)),
		HTTPStatus: raw.Error_http_status(c),
		Retryable:  raw.Error_retryable(c),
		RetryAfter: time.Duration(raw.Error_retry_after_ms(c)) * time.Millisecond,
		Cause:      copyError(raw.Error_cause(c)),
	}
}

// takeError copies a C error and frees it; nil for success.
func takeError(c uintptr) *Error {
	if c == 0 {
		return nil
	}
	defer raw.Error_free(c)
	return copyError(c)
}

// plain avoids the trap of a nil *Error inside an error.
func plain(err *Error) error {
	if err == nil {
		return nil
	}
	return err
}

// fromContext is the error of a call that a context ended before it began.
func fromContext(ended error) *Error {
	err := &Error{Code: CodeCanceled, Message: ended.Error(), ended: ended}
	if errors.Is(ended, context.DeadlineExceeded) {
		err.Code, err.Retryable = CodeTimeout, true
	}
	return err
}
