"""What is in a package, as CycloneDX: `build/environment/bin/python packaging/bill.py FLAVOUR FOLDER OUT.json`.

Python distributions with versions, licences and package URLs, the model with its hash, and the system's libraries that
the folder holds.
"""

import sys
from hashlib import sha256
from pathlib import Path

from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

import contents
import licensing
import notices

ROOT = Path(__file__).resolve().parent.parent


def bill(flavour: contents.Flavour, folder: Path | None) -> str:
    """The bill of materials as JSON. folder: the built one, None where there is none to look into."""
    bom = Bom()
    version = contents.version(ROOT)
    root = Component(
        name=flavour.folder,
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref=f"pkg:generic/{flavour.folder}@{version}",
        licenses=[DisjunctiveLicense(id="Apache-2.0")],
    )
    bom.metadata.component = root
    bom.metadata.tools.components.add(this_component())
    parts = [_python(*row) for row in licensing.licences(flavour).items()]
    parts += [_model(path) for path in sorted((ROOT / "assets" / "models").iterdir()) if path.is_dir()]
    parts += [_system(package) for package in sorted(notices.system_packages(folder))] if folder else []
    for part in parts:
        bom.components.add(part)
    bom.register_dependency(root, parts)
    return JsonV1Dot6(bom).output_as_string(indent=1)


def _python(name: str, row: tuple[str, str]) -> Component:
    version, licence = row
    url = PackageURL("pypi", name=name, version=version.partition("+")[0])
    return Component(
        name=name,
        version=version,
        purl=url,
        bom_ref=url.to_string(),
        licenses=[DisjunctiveLicense(name=licence)],
    )


def _model(folder: Path) -> Component:
    weights = (folder / "weights.safetensors").read_bytes()
    return Component(
        name=folder.name,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"model:{folder.name}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256(weights).hexdigest())],
    )


def _system(package: str) -> Component:
    version = notices.package_version(package)
    url = PackageURL("deb", "debian", package, version)
    return Component(
        name=package, version=version, type=ComponentType.LIBRARY, purl=url, bom_ref=url.to_string()
    )


def main(argv: list[str]) -> int:
    """Write the bill of one flavour."""
    flavour, folder, out = argv
    Path(out).write_text(bill(contents.FLAVOURS[flavour], Path(folder)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
