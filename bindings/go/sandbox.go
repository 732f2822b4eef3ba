// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// SandboxOptions say what the sandbox is like.
type SandboxOptions struct {
	Profile   string   // "empty" (bare Kubernetes), "gke", or "ready" (KServe installed), the default
	TimeScale float64  // how much faster than a real cluster it lives; 0: the program's default
	Args      []string // further arguments of llmd-sandbox
}

// Sandbox is a running llmd-sandbox: a small process on loopback that answers as a Kubernetes
// cluster with KServe and as a model endpoint.
type Sandbox struct {
	Kube       *Kube
	Kubeconfig string // the path of a kubeconfig for it
	URL        string // of its Kubernetes API

	folder string
	cmd    *exec.Cmd
	output lockedBuffer
	once   sync.Once
	exited chan struct{}
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
// Close stops it.
func StartSandbox(ctx context.Context, options SandboxOptions) (*Sandbox, error) {
	program, err := sandboxProgram()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "llmd-sandbox-")
	if err != nil {
		return nil, &Error{Code: CodeSystem, Message: err.Error()}
	}
	s := &Sandbox{folder: folder, Kubeconfig: filepath.Join(folder, "kubeconfig"),
		exited: make(chan struct{})}
	s.cmd = exec.Command(program, options.args(s.Kubeconfig)...)
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	if err := s.cmd.Start(); err != nil {
		os.RemoveAll(folder)
		return nil, &Error{Code: CodeSystem, Message: err.Error()}
	}
	go func() {
		s.cmd.Wait()
		close(s.exited)
	}()
	if err := s.ready(ctx); err != nil {
		s.Close()
		return nil, err
	}
	s.URL = s.Kube.Server()
	return s, nil
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

func (o SandboxOptions) args(kubeconfig string) []string {
	profile := o.Profile
	if profile == "" {
		profile = "ready"
	}
	args := []string{"--profile", profile, "--kubeconfig", kubeconfig}
	if o.TimeScale != 0 {
		args = append(args, "--time-scale", strconv.FormatFloat(o.TimeScale, 'g', -1, 64))
	}
	return append(args, o.Args...)
}

// ready waits for the kubeconfig, which the program writes when it listens.
func (s *Sandbox) ready(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if info, err := os.Stat(s.Kubeconfig); err == nil && info.Size() > 0 {
			s.Kube, err = OpenKube(s.Kubeconfig, "")
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fromContext(ctx.Err())
		case <-s.exited:
			return &Error{Code: CodeFailed, Message: fmt.Sprintf("llmd-sandbox ended: %s: %s",
				s.cmd.ProcessState, s.output.String())}
		}
	}
}

// Log is what it printed so far.
func (s *Sandbox) Log() string { return s.output.String() }

// Close stops it; closing twice is fine.
func (s *Sandbox) Close() error {
	s.once.Do(func() {
		if s.Kube != nil {
			s.Kube.Close()
		}
		s.cmd.Process.Signal(syscall.SIGTERM)
		<-s.exited
		os.RemoveAll(s.folder)
	})
	return nil
}
