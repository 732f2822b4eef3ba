// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"fmt"
	"log/slog"
)

const stars = "***"

func hide(secret *string) {
	if *secret != "" {
		*secret = stars
	}
}

// A plain type has no methods, so that fmt prints its fields and does not come back here.

// Format prints the spec with its token as "***".
func (s ServiceSpec) Format(f fmt.State, verb rune) {
	type plain ServiceSpec
	hide(&s.HFToken)
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(s))
}

// Format prints the login with its password as "***".
func (p PullSecret) Format(f fmt.State, verb rune) {
	type plain PullSecret
	hide(&p.Password)
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(p))
}

// Format prints the spec with its token and the values of its headers as "***".
func (s EndpointSpec) Format(f fmt.State, verb rune) {
	type plain EndpointSpec
	hide(&s.Token)
	hidden := make(map[string]string, len(s.Headers))
	for name := range s.Headers {
		hidden[name] = stars
	}
	s.Headers = hidden
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(s))
}

// slog's JSON would have the fields as they are sent, so it gets what fmt prints.

// LogValue is the spec for slog, without secrets.
func (s ServiceSpec) LogValue() slog.Value { return printed(s) }

// LogValue is the login for slog, without its password.
func (p PullSecret) LogValue() slog.Value { return printed(p) }

// LogValue is the spec for slog, without secrets.
func (s EndpointSpec) LogValue() slog.Value { return printed(s) }

// LogValue is the spec for slog, without secrets.
func (s PlatformSpec) LogValue() slog.Value { return printed(s) }

func printed(spec any) slog.Value { return slog.StringValue(fmt.Sprintf("%+v", spec)) }
