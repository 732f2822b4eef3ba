// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"context"
	"encoding/json"
	"runtime"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// PlatformSource is what a platform can be made from: *PlatformSpec, YAML or File.
type PlatformSource interface {
	withPlatform(use func(spec uintptr) error) error
}

// PlatformSpec is what a cluster needs before it serves: cert-manager, KServe and CRDs. What is
// empty or nil is not sent, so that the newest proven release is taken. Every key is explained in
// docs/spec.md.
type PlatformSpec struct {
	KServe            *Component                 `json:"kserve,omitempty"`
	CertManager       *Component                 `json:"certManager,omitempty"`
	GatewayAPI        *Component                 `json:"gatewayApi,omitempty"`
	LeaderWorkerSet   *Component                 `json:"leaderWorkerSet,omitempty"`
	GatewayController *Component                 `json:"gatewayController,omitempty"`
	Bundles           string                     `json:"bundles,omitempty"` // a folder of FetchPlatform
	CA                string                     `json:"ca,omitempty"`      // PEM
	PullSecret        *PullSecret                `json:"pullSecret,omitempty"`
	ImageMirror       string                     `json:"imageMirror,omitempty"`
	ImageMirrors      map[string]string          `json:"imageMirrors,omitempty"`
	ImagePullPolicy   string                     `json:"imagePullPolicy,omitempty"`
	Digests           map[string]string          `json:"digests,omitempty"`
	Config            map[string]json.RawMessage `json:"config,omitempty"` // of KServe's ConfigMap
	RouteTimeouts     *bool                      `json:"routeTimeouts,omitempty"`
	Monitors          string                     `json:"monitors,omitempty"` // "gke" or "operator"
	Istio             *Istio                     `json:"istio,omitempty"`
	Adopt             bool                       `json:"adopt,omitempty"` // takes over what others installed
	StripFinalizers   bool                       `json:"stripFinalizers,omitempty"`

	loaded *loaded
}

// Component is one part of a platform: a known Version, or a Bundle (a path, or an address with its
// SHA256), or the Manifests themselves.
type Component struct {
	Version    string          `json:"version,omitempty"`
	Bundle     string          `json:"bundle,omitempty"`
	SHA256     string          `json:"sha256,omitempty"`
	Manifests  string          `json:"manifests,omitempty"`
	Install    string          `json:"install,omitempty"` // "auto", "always" or "never"
	Namespace  string          `json:"namespace,omitempty"`
	Resources  json.RawMessage `json:"resources,omitempty"`
	Controller *bool           `json:"controller,omitempty"` // LeaderWorkerSet's
}

// Istio is what KServe needs of Istio as its gateway.
type Istio struct {
	Enabled     bool     `json:"enabled"`
	Gateway     string   `json:"gateway,omitempty"`
	Namespace   string   `json:"namespace,omitempty"` // the Gateway's
	Version     string   `json:"version,omitempty"`
	CA          string   `json:"ca,omitempty"`     // PEM
	Routes      []string `json:"routes,omitempty"` // "namespace/service"
	Sail        bool     `json:"sail,omitempty"`
	AllowIstiod bool     `json:"allowIstiod,omitempty"`
}

var platformKind = kind{parse: raw.Platform_spec_parse, parseFile: raw.Platform_spec_parse_file,
	json: raw.Platform_spec_json, free: raw.Platform_spec_free}

func (y YAML) withPlatform(use func(uintptr) error) error {
	return platformKind.read("spec", string(y), use)
}

func (f File) withPlatform(use func(uintptr) error) error {
	return platformKind.read("path", string(f), use)
}

func (s *PlatformSpec) withPlatform(use func(uintptr) error) error {
	now := *s
	now.loaded = nil
	return platformKind.with(s.loaded, now, use)
}

// ReadPlatformSpec reads YAML or JSON text; the error tells key and line of what is wrong. Secrets
// are kept and show as "***".
func ReadPlatformSpec(text string) (*PlatformSpec, error) { return loadPlatform("spec", text) }

// ReadPlatformSpecFile is ReadPlatformSpec from a file.
func ReadPlatformSpecFile(path string) (*PlatformSpec, error) { return loadPlatform("path", path) }

func loadPlatform(name, text string) (*PlatformSpec, error) {
	s := &PlatformSpec{}
	h, err := platformKind.load(name, text, s)
	if err != nil {
		return nil, err
	}
	s.loaded = &loaded{handle: h, as: *s}
	runtime.AddCleanup(s.loaded, func(h *handle) { h.close() }, h)
	return s, nil
}

// Bundle is a release that is known.
type Bundle struct {
	Component string       `json:"component"`
	Version   string       `json:"version"`
	Proven    string       `json:"proven"`  // "rig": run on a real cluster; "sandbox": only there
	Profile   string       `json:"profile"` // "odh": Open Data Hub's, whose files are rendered
	Note      string       `json:"note"`    // what is not certain, or how the files are made
	Files     []BundleFile `json:"files"`
}

// BundleFile is one file of a release, at an address or a path.
type BundleFile struct {
	URL    string `json:"url"`
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // "unknown": the spec must give it
	Size   int64  `json:"size"`   // 0: not known
}

// PlatformBundles are the known releases. The environment's LLMD_BUNDLES names a file that adds to
// them.
func PlatformBundles() ([]Bundle, error) {
	var out uintptr
	if err := plain(takeError(raw.Platform_bundles(&out))); err != nil {
		return nil, err
	}
	var bundles []Bundle
	return bundles, json.Unmarshal([]byte(takeText(out)), &bundles)
}

// FetchPlatform brings the bundles of a spec into a folder, each held against its sha256, for a
// machine without internet; a nil spec is the newest proven releases. A download that was cut goes
// on where it stopped.
func FetchPlatform(ctx context.Context, spec PlatformSource, folder string) *Task {
	return newTask(ctx, func(out *uintptr) error {
		var t texts
		defer t.free()
		into := t.add("folder", folder)
		if t.err != nil {
			return t.err
		}
		return givenPlatform(spec)(func(spec uintptr) error {
			return plain(takeError(raw.Platform_fetch(spec, into, out)))
		})
	})
}

func givenPlatform(spec PlatformSource) given {
	if spec == nil {
		return noSpec
	}
	return spec.withPlatform
}

// Platforms are the verbs of Kube.Platform. A nil spec is the newest proven releases.
type Platforms struct{ kube *Kube }

// Apply installs, completes, repairs or upgrades cert-manager, KServe and the CRDs that they need,
// and waits until webhooks answer and controllers are available. Run again it changes nothing. What
// others installed and serves is used as it is, unless the spec says Adopt. The result is as
// Status's.
//
// An upgrade of KServe keeps the running endpoint pickers of services until their successors are
// ready: it relabels their pods (event "PickerKept"), then deletes them ("PickerReplaced"). There is
// no end of its own while a controller, or a new picker, starts and does not become ready: give the
// context a deadline; the error says what was waited for.
//
// ErrInvalid with reason "DigestUnknown" wants a bundle's SHA256 in the spec; ErrConflict has
// "HalfInstalled", "VersionNotServed", "OtherProfile", "IstioTooOld" or "WebhookLeftOver", or
// "Conflict" for fields of another manager.
func (v *Platforms) Apply(ctx context.Context, spec PlatformSource) *Task {
	return v.kube.specTask(ctx, givenPlatform(spec), raw.Platform_apply)
}

// Status tells what is installed, by whom, which version, whether it works, and what differs from
// its bundle; it reads only. One event a component ("Ready", "OtherVersion", "Missing",
// "NotAvailable"), and one with reason "Differs" for each that differs from its bundle. The result's
// components list "differs" with "object" and "field"; without it a component was not compared, as
// what others installed is not unless the spec names its version or bundle, or says Adopt.
func (v *Platforms) Status(ctx context.Context, spec PlatformSource) *Task {
	return v.kube.specTask(ctx, givenPlatform(spec), raw.Platform_status)
}

// Delete removes what the library installed and proves that nothing of it is left; ErrConflict with
// the list while services or other objects of its kinds exist. The result's "left" lists "subject"
// and "why" of what stays: namespaces that hold what is not ours, and what others installed.
func (v *Platforms) Delete(ctx context.Context, spec PlatformSource) *Task {
	return v.kube.specTask(ctx, givenPlatform(spec), raw.Platform_delete)
}
