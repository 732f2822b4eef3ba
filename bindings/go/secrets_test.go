// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestSecretsAreNotPrinted holds every way of printing a value against the secrets in it.
func TestSecretsAreNotPrinted(t *testing.T) {
	login := &PullSecret{Registry: "r", User: "u", Password: "SECRET"}
	service := &ServiceSpec{Name: "shown", HFToken: "SECRET", PullSecret: login}
	platform := &PlatformSpec{PullSecret: login}
	endpoint := &EndpointSpec{Token: "SECRET", Headers: map[string]string{"X-Key": "SECRET"}}
	for _, value := range []any{login, *login, service, *service, platform, *platform, endpoint, *endpoint} {
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "value", value)
		slog.New(slog.NewTextHandler(&log, nil)).Info("text", "value", value)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			fmt.Fprintf(&log, verb+"\n", value)
		}
		if strings.Contains(log.String(), "SECRET") || !strings.Contains(log.String(), "***") {
			t.Errorf("%T: %s", value, log.String())
		}
	}
	if sent, _ := json.Marshal(service); strings.Count(string(sent), "SECRET") != 2 {
		t.Errorf("the library is sent %s", sent)
	}
	if endpoint.Headers["X-Key"] != "SECRET" || service.HFToken != "SECRET" {
		t.Error("printing changed what was printed")
	}
}
