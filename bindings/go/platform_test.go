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

// knowReleases adds a release newer than the known ones, of a file in the folder, to what is known
// of each component.
func knowReleases(t *testing.T, folder string, components ...string) {
	t.Helper()
	const text = "kind: Namespace\n"
	var list []string
	for _, component := range components {
		list = append(list, fmt.Sprintf(`{"component": %q, "version": "99.0.0", "proven": "rig",
			"files": [{"path": "release.yaml", "sha256": "%x"}]}`, component, sha256.Sum256([]byte(text))))
	}
	path := filepath.Join(folder, "list.json")
	check(t, os.WriteFile(filepath.Join(folder, "release.yaml"), []byte(text), 0o600))
	check(t, os.WriteFile(path, []byte("["+strings.Join(list, ",")+"]"), 0o600))
	t.Setenv("LLMD_BUNDLES", path)
}

func TestFetchPlatform(t *testing.T) {
	folder := t.TempDir()
	knowReleases(t, folder, "kserve")
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
	got, err := os.ReadFile(filepath.Join(out, "kserve-99.0.0", "release.yaml"))
	check(t, err)
	if string(got) != "kind: Namespace\n" {
		t.Fatal(string(got))
	}
	unknown := FetchPlatform(context.Background(), YAML("kserve: {version: 0.0.1}"), out)
	if err := unknown.Run(nil); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
}

func TestFetchWithoutSpec(t *testing.T) {
	folder := t.TempDir()
	all := []string{"kserve", "certManager", "gatewayApi", "leaderWorkerSet"}
	knowReleases(t, folder, all...)
	check(t, FetchPlatform(bounded(t), nil, filepath.Join(folder, "out")).Run(nil))
	for _, component := range all {
		_, err := os.Stat(filepath.Join(folder, "out", component+"-99.0.0", "release.yaml"))
		check(t, err)
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
	ready := func(task *Task) {
		if !strings.Contains(string(task.Result()), `"ready":true`) {
			t.Fatalf("not ready: %s", task.Result())
		}
	}
	made := s.Kube.Platform.Apply(ctx, spec)
	check(t, made.Run(nil))
	ready(made)
	again := s.Kube.Platform.Apply(ctx, spec)
	for event, err := range again.Events() {
		check(t, err)
		if event.Reason == "created" || event.Reason == "configured" {
			t.Errorf("the second apply changed %s", event.Subject)
		}
	}
	ready(again)
	status := s.Kube.Platform.Status(ctx, spec)
	check(t, status.Run(nil))
	ready(status)
	gone := s.Kube.Platform.Delete(ctx, nil)
	check(t, gone.Run(nil))
	if !strings.Contains(string(gone.Result()), "Namespace/kserve") {
		t.Errorf("not removed: %s", gone.Result())
	}
}
