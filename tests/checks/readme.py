#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The README's examples are at most 25 lines, compile and run: readme.py PREFIX PYTHON GO SANDBOX

PREFIX: where libllmd is installed; PYTHON has llmd installed; GO is a go program of 1.24 or newer;
SANDBOX the llmd-sandbox program. Prints ok and not ok lines.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 25


def examples():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return dict(re.findall(r"<!-- run: ([\w-]+) -->\n```\w+\n(.*?)```", text, re.S))


def sh(*words, **options):
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, **options)
    if done.returncode:
        raise RuntimeError(f"{words[0]} exited {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def run_c(source, work, env, _prefix):
    (work / "hello.c").write_text(source)
    flags = sh("pkg-config", "--cflags", "--libs", "llmd", env=env).split()
    sh("cc", "-Wall", "-Wextra", "-Werror", "-o", str(work / "hello"), str(work / "hello.c"), *flags)
    return sh(str(work / "hello"), env=env)


def run_python(source, work, env, python):
    (work / "hello.py").write_text(source)
    return sh(python, str(work / "hello.py"), env=env)


def run_go(source, work, env, go):
    (work / "main.go").write_text(source)
    (work / "go.mod").write_text(
        "module hello\n\ngo 1.24\n\nrequire github.com/libllmd/libllmd/bindings/go v0.0.0\n"
        f"replace github.com/libllmd/libllmd/bindings/go => {ROOT / 'bindings/go'}\n")
    return sh(go, "run", ".", cwd=work, env=env)


def start_sandbox(program, config):
    server = subprocess.Popen([program, "--profile", "ready", "--kubeconfig", str(config)],
                              stdout=subprocess.DEVNULL)
    while not (config.exists() and config.stat().st_size):
        if server.poll() is not None:
            raise RuntimeError("the sandbox did not start")
        time.sleep(0.05)
    return server


def environment(prefix, sandbox):
    folders = sorted(str(p) for p in pathlib.Path(prefix).rglob("pkgconfig"))
    libraries = ":".join(str(pathlib.Path(p).parent) for p in folders)
    env = dict(os.environ, PKG_CONFIG_PATH=":".join(folders), LD_LIBRARY_PATH=libraries,
               CGO_ENABLED="1", LLMD_SANDBOX=sandbox)
    env.pop("KUBECONFIG", None)
    return env


def run_with_cluster(run, source, work, env, tool):
    config = work / "kubeconfig"
    server = start_sandbox(env["LLMD_SANDBOX"], config)
    try:
        return run(source, work, dict(env, KUBECONFIG=str(config)), tool)
    finally:
        server.terminate()
        server.wait()


def check(name, source, run, tool, prefix, sandbox):
    lines = source.count("\n")
    if lines > LIMIT:
        raise RuntimeError(f"{lines} lines, at most {LIMIT} are promised")
    with tempfile.TemporaryDirectory() as folder:
        work, env = pathlib.Path(folder), environment(prefix, sandbox)
        # Those in Python start a sandbox of their own.
        out = (run(source, work, env, tool) if name.startswith("python")
               else run_with_cluster(run, source, work, env, tool))
    if len(out.strip().splitlines()) < 3:
        raise RuntimeError(f"no progress and answer in its output:\n{out}")


def main():
    prefix, python, go, sandbox = sys.argv[1:5]
    found, bad = examples(), 0
    ways = {"c": (run_c, prefix), "python": (run_python, python), "go": (run_go, go),
            "python-cluster": (run_python, python)}
    if found.keys() != ways.keys():
        raise SystemExit(f"not ok readme: has {sorted(found)}, wanted {sorted(ways)}")
    for name, (run, tool) in ways.items():
        try:
            check(name, found[name], run, tool, prefix, sandbox)
            print(f"ok readme {name}")
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"not ok readme {name}: {error}")
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
