#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes an OCI image of one layer to a file, without a container engine.

oci_image.py --name docker.io/kserve/llmisvc-controller:v0.20.0 --out image.tar \
    --entrypoint /manager bin/llmisvc=/manager

SOURCE=TARGET copies a file; `ctr images import` and skopeo's oci-archive take
the result (image layout: https://github.com/opencontainers/image-spec).
"""
import argparse
import hashlib
import io
import json
import os
import tarfile
import tempfile

PATH = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin:/app"
PASSWD = "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n"
LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class Layer:
    """One tar of files; parents of a file come into being before it."""

    def __init__(self, stream):
        self.tar = tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT)
        self.folders = {""}

    def entry(self, path, mode, kind=tarfile.REGTYPE, **fields):
        info = tarfile.TarInfo(path.strip("/"))
        info.mode, info.type = mode, kind
        for name, value in fields.items():
            setattr(info, name, value)
        return info

    def folder(self, path, mode=0o755):
        path = path.strip("/")
        if path in self.folders:
            return
        self.folder(os.path.dirname(path))
        self.folders.add(path)
        self.tar.addfile(self.entry(path, mode, tarfile.DIRTYPE))

    def text(self, path, text, mode=0o644):
        self.folder(os.path.dirname(path))
        data = text.encode()
        self.tar.addfile(self.entry(path, mode, size=len(data)), io.BytesIO(data))

    def file(self, source, path):
        self.folder(os.path.dirname(path))
        status = os.stat(source)
        with open(source, "rb") as data:
            self.tar.addfile(self.entry(path, status.st_mode & 0o777, size=status.st_size), data)

    def link(self, path, target):
        self.folder(os.path.dirname(path))
        self.tar.addfile(self.entry(path, 0o777, tarfile.SYMTYPE, linkname=target))


def digest_of(stream):
    stream.seek(0)
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return "sha256:" + digest.hexdigest()


def write_layer(arguments, stream):
    layer = Layer(stream)
    layer.folder("tmp", 0o1777)
    if not arguments.bare:
        layer.text("etc/passwd", PASSWD)
    for path in arguments.dir:
        layer.folder(path)
    for pair in arguments.link:
        layer.link(*pair.split("=", 1))
    for pair in arguments.files:
        layer.file(*pair.split("=", 1))
    layer.tar.close()
    size = stream.tell()
    return digest_of(stream), size


def image_config(arguments, layer_digest):
    run = {"Env": [PATH], "WorkingDir": "/"}
    if arguments.user:
        run["User"] = arguments.user
    if arguments.entrypoint:
        run["Entrypoint"] = arguments.entrypoint.split(" ")
    return {"architecture": "amd64", "os": "linux", "config": run,
            "rootfs": {"type": "layers", "diff_ids": [layer_digest]}}


class Archive:
    def __init__(self, path):
        self.tar = tarfile.open(path, "w")

    def add(self, name, stream, size):
        info = tarfile.TarInfo(name)
        info.size = size
        stream.seek(0)
        self.tar.addfile(info, stream)

    def blob(self, value, kind):
        data = json.dumps(value).encode()
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.add("blobs/" + digest.replace(":", "/"), io.BytesIO(data), len(data))
        return {"mediaType": kind, "digest": digest, "size": len(data)}

    def json(self, name, value):
        data = json.dumps(value).encode()
        self.add(name, io.BytesIO(data), len(data))


def write_image(arguments):
    with tempfile.TemporaryFile(dir=arguments.scratch) as stream:
        layer_digest, size = write_layer(arguments, stream)
        archive = Archive(arguments.out)
        archive.json("oci-layout", {"imageLayoutVersion": "1.0.0"})
        archive.add("blobs/" + layer_digest.replace(":", "/"), stream, size)
    config = archive.blob(image_config(arguments, layer_digest), CONFIG)
    manifest = archive.blob({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config,
        "layers": [{"mediaType": LAYER, "digest": layer_digest, "size": size}]}, MANIFEST)
    # containerd takes the image's name from here.
    manifest["annotations"] = {"io.containerd.image.name": arguments.name}
    archive.json("index.json", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]})
    archive.tar.close()


def main():
    parser = argparse.ArgumentParser(description="write a one-layer OCI image")
    parser.add_argument("--name", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--entrypoint", default="")
    parser.add_argument("--user", default="65532")
    parser.add_argument("--dir", action="append", default=[], help="an empty folder")
    parser.add_argument("--link", action="append", default=[], help="PATH=TARGET")
    parser.add_argument("--bare", action="store_true", help="no /etc/passwd: /etc is mounted over")
    parser.add_argument("--scratch", default="/dev/shm", help="where the layer is built")
    parser.add_argument("files", nargs="*", help="SOURCE=TARGET")
    write_image(parser.parse_args())


main()
