// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const platformText = `
kserve: {version: 0.20.0, namespace: serving}
certManager: {install: never}
pullSecret: {registry: quay.io, user: me, password: hush}
`

func TestPlatformSpec(t *testing.T) {
	read, err := ReadPlatformSpec(platformText)
	check(t, err)
	if read.KServe.Namespace != "serving" || read.CertManager.Install != "never" ||
		read.PullSecret.Password != "***" {
		t.Fatalf("read %+v", read)
	}
	_, err = ReadPlatformSpec("kserv: {}")
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "kserve") {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "platform.yaml")
	check(t, os.WriteFile(path, []byte(platformText), 0o600))
	if _, err = ReadPlatformSpecFile(path); err != nil {
		t.Fatal(err)
	}
}

func TestPlatformBundles(t *testing.T) {
	bundles, err := PlatformBundles()
	check(t, err)
	for _, one := range bundles {
		if one.Component == "kserve" && one.Version == "0.20.0" && len(one.Files[0].SHA256) == 64 {
			return
		}
	}
	t.Fatalf("no KServe 0.20.0 in %+v", bundles)
}

func TestFetchPlatform(t *testing.T) {
	const text = "kind: Namespace\n"
	folder := t.TempDir()
	list := fmt.Sprintf(`[{"component": "kserve", "version": "9.9.9", "proven": "rig",
		"files": [{"path": "release.yaml", "sha256": "%x"}]}]`, sha256.Sum256([]byte(text)))
	check(t, os.WriteFile(filepath.Join(folder, "release.yaml"), []byte(text), 0o600))
	check(t, os.WriteFile(filepath.Join(folder, "list.json"), []byte(list), 0o600))
	t.Setenv("LLMD_BUNDLES", filepath.Join(folder, "list.json"))
	never := &Component{Install: "never"}
	spec := &PlatformSpec{CertManager: never, GatewayAPI: never, LeaderWorkerSet: never}
	out := filepath.Join(folder, "out")
	var reasons []string
	for event, err := range FetchPlatform(bounded(t), spec, out).Events() {
		check(t, err)
		reasons = append(reasons, event.Reason)
	}
	if strings.Join(reasons, " ") != "Read Fetched" {
		t.Fatal(reasons)
	}
	got, err := os.ReadFile(filepath.Join(out, "kserve-9.9.9", "release.yaml"))
	check(t, err)
	if string(got) != text {
		t.Fatal(string(got))
	}
	for _, err := range FetchPlatform(context.Background(), YAML("kserve: {version: 0.0.1}"), out).Events() {
		if !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
	}
}

// A platform on an empty cluster; bindings/python/tests/test_platform.py does the same.

func releases(t *testing.T) *PlatformSpec {
	t.Helper()
	folder, err := filepath.Abs("../../tests/scenario/platform")
	check(t, err)
	return &PlatformSpec{
		GatewayAPI:        &Component{Bundle: filepath.Join(folder, "gateway-api.yaml")},
		CertManager:       &Component{Bundle: filepath.Join(folder, "cert-manager.yaml")},
		KServe:            &Component{Bundle: filepath.Join(folder, "kserve.yaml")},
		LeaderWorkerSet:   &Component{Install: "never"},
		GatewayController: &Component{Install: "never"},
	}
}

func TestPlatformComesAndGoes(t *testing.T) {
	ctx := bounded(t)
	s, err := StartSandbox(ctx, SandboxOptions{Profile: "empty"})
	check(t, err)
	defer s.Close()
	spec := releases(t)
	made := s.Kube.Platform.Apply(ctx, spec)
	check(t, made.Run(nil))
	if !strings.Contains(string(made.Result()), `"ready":true`) {
		t.Fatalf("not ready: %s", made.Result())
	}
	for event, err := range s.Kube.Platform.Apply(ctx, spec).Events() {
		check(t, err)
		if event.Reason == "created" || event.Reason == "configured" {
			t.Errorf("the second apply changed %s", event.Subject)
		}
	}
	check(t, s.Kube.Platform.Status(ctx, spec).Run(nil))
	gone := s.Kube.Platform.Delete(ctx, nil)
	check(t, gone.Run(nil))
	if !strings.Contains(string(gone.Result()), "Namespace/kserve") {
		t.Errorf("not removed: %s", gone.Result())
	}
}
