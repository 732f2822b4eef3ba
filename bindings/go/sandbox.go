// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// SandboxOptions say what the sandbox is like.
type SandboxOptions struct {
	Profile   string   // "empty" (built-in kinds only), "ready" (KServe; the default), or "gke"
	TimeScale float64  // real seconds for one second of the cluster; 0: the default, 0.02
	Google    bool     // also answer as Google's APIs, see Sandbox.GKE
	Args      []string // further arguments of llmd-sandbox
}

// Sandbox is a running llmd-sandbox: a small process on loopback that answers as a Kubernetes
// cluster with KServe and as a model endpoint.
type Sandbox struct {
	Kube       *Kube
	Kubeconfig string // the path of a kubeconfig for it
	URL        string // of its Kubernetes API

	// Credentials is the path of Google credentials for it, with Google.
	Credentials string

	folder   string
	cmd      *exec.Cmd
	lifeline io.Closer // it stops when its standard input closes, so also when we die
	errors   lockedBuffer
	once     sync.Once
}

// lockedBuffer is a buffer that the process writes while we read.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// StartSandbox starts llmd-sandbox ($LLMD_SANDBOX, else from $PATH) and waits until it answers.
// Close stops it, and so does the end of the program; dropping the last reference does not.
func StartSandbox(ctx context.Context, options SandboxOptions) (*Sandbox, error) {
	program, err := sandboxProgram()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "llmd-sandbox-")
	if err != nil {
		return nil, &Error{Code: CodeSystem, Message: err.Error()}
	}
	s := &Sandbox{folder: folder, Kubeconfig: filepath.Join(folder, "kubeconfig")}
	if options.Google {
		s.Credentials = filepath.Join(folder, "credentials.json")
	}
	if err := s.start(ctx, exec.Command(program, options.args(s)...)); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Sandbox) start(ctx context.Context, cmd *exec.Cmd) error {
	s.cmd = cmd
	// The goroutine that fills it holds s, and with it the lifeline: what was made of the sandbox must
	// find it alive.
	cmd.Stderr = &s.errors
	// A group of its own: Ctrl-C in a terminal is for us, not for it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return &Error{Code: CodeSystem, Message: err.Error()}
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return &Error{Code: CodeSystem, Message: err.Error()}
	}
	s.lifeline = stdin
	if err := cmd.Start(); err != nil {
		return &Error{Code: CodeSystem, Message: err.Error()}
	}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	defer stop()
	// One line says that it listens.
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		if ctx.Err() != nil {
			return fromContext(ctx.Err())
		}
		cmd.Wait()
		return &Error{Code: CodeFailed, Message: fmt.Sprintf("llmd-sandbox ended: %s: %s",
			cmd.ProcessState, s.errors.String())}
	}
	if s.Kube, err = OpenKube(s.Kubeconfig, ""); err != nil {
		return err
	}
	s.URL = s.Kube.Server()
	return nil
}

func sandboxProgram() (string, error) {
	if program := os.Getenv("LLMD_SANDBOX"); program != "" {
		return program, nil
	}
	program, err := exec.LookPath("llmd-sandbox")
	if err != nil {
		return "", &Error{Code: CodeNotFound, Message: "llmd-sandbox was not found",
			Advice: "Install libllmd's tools, or set LLMD_SANDBOX to the program."}
	}
	return program, nil
}

func (o SandboxOptions) args(s *Sandbox) []string {
	profile := o.Profile
	if profile == "" {
		profile = "ready"
	}
	args := []string{"--profile", profile, "--kubeconfig", s.Kubeconfig, "--stdin-lifeline"}
	if o.Google {
		args = append(args, "--google", "--google-credentials", s.Credentials)
	}
	if o.TimeScale != 0 {
		args = append(args, "--time-scale", strconv.FormatFloat(o.TimeScale, 'g', -1, 64))
	}
	return append(args, o.Args...)
}

const googleURL = "LLMD_GOOGLE_URL"

var environment sync.Mutex

// GKE is Google Cloud as the sandbox has it (option Google), project my-project: clusters made there
// are the sandbox's own. location is a zone or region; "" is europe-west4-a.
func (s *Sandbox) GKE(ctx context.Context, location string) (*GKE, error) {
	if s.Credentials == "" {
		return nil, &Error{Code: CodeInvalid, Message: "this sandbox does not answer as Google",
			Advice: "Start it with SandboxOptions{Google: true}."}
	}
	if location == "" {
		location = "europe-west4-a"
	}
	credentials, err := GoogleCredentials(ctx, s.Credentials)
	if err != nil {
		return nil, err
	}
	defer credentials.Close()
	// The library looks when it opens a handle.
	environment.Lock()
	defer environment.Unlock()
	if before, set := os.LookupEnv(googleURL); set {
		defer os.Setenv(googleURL, before)
	} else {
		defer os.Unsetenv(googleURL)
	}
	os.Setenv(googleURL, s.URL)
	return OpenGKE(ctx, credentials, "my-project", location)
}

// Log is what it complained about so far.
func (s *Sandbox) Log() string { return s.errors.String() }

// Close stops it; closing twice is fine.
func (s *Sandbox) Close() error {
	s.once.Do(func() {
		if s.Kube != nil {
			s.Kube.Close()
		}
		if s.lifeline != nil {
			s.lifeline.Close()
		}
		if s.cmd != nil && s.cmd.Process != nil {
			s.cmd.Process.Signal(syscall.SIGTERM)
			s.cmd.Wait()
		}
		os.RemoveAll(s.folder)
	})
	return nil
}
