# SPDX-License-Identifier: Apache-2.0
"""OCI layouts whose every part can be made wrong."""
import gzip
import hashlib
import json
import pathlib
import platform

OCI = "application/vnd.oci.image"
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layout:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "blobs/sha256").mkdir(parents=True)
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data, media_type=None, **changes):
        if not isinstance(data, bytes):
            data = json.dumps(data).encode()
        (self.folder / "blobs/sha256" / digest(data)[7:]).write_bytes(data)
        return {"mediaType": media_type, "digest": digest(data), "size": len(data), **changes}

    def index(self, *manifests):
        document = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": list(manifests)}
        (self.folder / "index.json").write_text(json.dumps(document))


def config(diff_ids, settings=None, **changes):
    return {"architecture": MACHINE, "os": "linux", "config": settings or {"Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}, **changes}


def write(folder, layers, diff_ids=None, settings=None, layer_type="tar+gzip", compress=gzip.compress,
          change_config=None, change_manifest=None, change_layer=None, change_index=None):
    """An image of tar archives. A change is a function that gets a document and changes it, or gives back another."""
    def changed(change, document):
        new = change(document) if change else None
        return document if new is None else new

    layout = Layout(folder)
    packed = [layout.blob(compress(layer), f"{OCI}.layer.v1.{layer_type}") for layer in layers]
    packed = [changed(change_layer, layer) for layer in packed]
    document = changed(change_config, config(diff_ids or [digest(layer) for layer in layers], settings))
    image = layout.blob(document, f"{OCI}.config.v1+json")
    manifest = changed(change_manifest, {"schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "config": image,
                                         "layers": packed})
    described = layout.blob(manifest, f"{OCI}.manifest.v1+json")
    described["platform"] = {"architecture": MACHINE, "os": "linux"}
    layout.index(changed(change_index, described))
    return layout
