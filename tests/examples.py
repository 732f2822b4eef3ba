#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs an example on a sandbox: examples.py c|python|go|notebook ROOT [BUILD_DIR or GO]

Needs a Python that has llmd installed, which starts the sandbox.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import llmd

PROMPT = "Say hello in five words."


def run_notebook(root):
    """Runs the code cells in order, as a kernel would, without needing one."""
    book = json.loads((root / "examples/notebooks/deploy_and_chat.ipynb").read_text())
    scope = {"__name__": "__main__"}
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "deploy_and_chat.ipynb", "exec"), scope)


def command(kind, root, extra):
    if kind == "python":
        return [sys.executable, str(root / "examples/python/deploy_and_chat.py")], root
    if kind == "c":
        return [str(root / extra / "examples/deploy_and_chat")], root
    return [extra, "run", "./deploy-and-chat"], root / "examples/go"


def run_program(kind, root, extra):
    specs = [str(root / "examples/manifests" / name) for name in ("gateway.yaml", "tpu.yaml")]
    words, folder = command(kind, root, extra)
    with llmd.Sandbox() as sandbox, tempfile.TemporaryFile("w+") as progress:
        env = {**os.environ, "KUBECONFIG": sandbox.kubeconfig}
        said = subprocess.run([*words, *specs, PROMPT], cwd=folder, env=env, check=True,
                              stdout=subprocess.PIPE, stderr=progress, text=True,
                              timeout=300).stdout
        progress.seek(0)
        lines = progress.read()
    print(lines, said, sep="")
    assert said.strip(), "nothing was said"
    assert "Pod/" in lines and len(lines.splitlines()) > 3, "no live progress was seen"


def main():
    kind, root = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    if kind == "notebook":
        run_notebook(root)
    else:
        run_program(kind, root, sys.argv[3] if len(sys.argv) > 3 else "")


if __name__ == "__main__":
    main()
